// What the daemon sees when it looks at the sockets themselves: their states, and what listeners
// have dropped.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kStates[] = {"established", "syn_sent", "fin_wait1", "fin_wait2",
                                   "close_wait",  "last_ack", "listen",    "closing"};
constexpr const char* kDrops = "kubepulse_tcp_accept_queue_drops_total";

// What is not named must be 0.
void expect_states(const Daemon& daemon, const Owner& owner, const Counts& counts) {
  std::vector<Want> wants;
  for (const char* state : kStates) {
    Labels labels = owner.labels();
    labels.emplace_back("state", state);
    auto count = counts.find(state);
    wants.push_back({"kubepulse_tcp_connection_states", labels,
                     count == counts.end() ? 0 : static_cast<double>(count->second)});
  }
  expect(daemon, wants);
}

START_TEST(states) {
  Cgroup server = make_unit("states-server"), client = make_unit("states-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Fd second(dup(listener.get()));  // the same socket
  Address to = local_address(listener);
  enter(client);
  std::vector<Connection> open;
  for (int made = 0; made < 3; made++) {
    Fd socket = connect_to(to);
    open.push_back({std::move(socket), accept_from(listener)});
  }
  const Daemon& daemon = shared_daemon();
  expect_states(daemon, client.owner, {{"established", 3}});
  expect_states(daemon, server.owner, {{"established", 3}, {"listen", 1}});
  shutdown(open[0].client.get(), SHUT_WR);
  shutdown(open[1].server.get(), SHUT_WR);
  expect_states(daemon, client.owner, {{"established", 1}, {"fin_wait2", 1}, {"close_wait", 1}});
  expect_states(daemon, server.owner,
                {{"established", 1}, {"fin_wait2", 1}, {"close_wait", 1}, {"listen", 1}});
  for (Connection& connection : open)
    connection.close();
  listener.reset();
  expect_states(daemon, server.owner, {{"listen", 1}});
  second.reset();
  expect_states(daemon, server.owner, {});
  expect_states(daemon, client.owner, {});
}
END_TEST

// Sockets that no task holds: not yet accepted, or closed and not yet over.
START_TEST(states_without_a_descriptor) {
  Status status = enter_black_hole_netns();
  if (status.ok()) status = add_address("lo", "10.77.0.1/32");
  if (!status.ok()) SKIP_TEST("states_without_a_descriptor", status.message());
  if (flavour_of(shared_daemon(), "tcp_open") == "iter_file")
    SKIP_TEST("states_without_a_descriptor", "no iterator over maps before Linux 5.9");
  Cgroup server = make_unit("held-by-none-server"), client = make_unit("held-by-none-client");
  enter(server);
  Fd listener = listen_at("10.77.0.1");
  enter(client);
  std::vector<Fd> open;
  for (int made = 0; made < 3; made++)
    open.push_back(connect_to(local_address(listener)));
  shutdown(open[2].get(), SHUT_WR);
  const Daemon& daemon = shared_daemon();
  expect_states(daemon, client.owner, {{"established", 2}, {"fin_wait2", 1}});
  expect_states(daemon, server.owner, {{"established", 2}, {"close_wait", 1}, {"listen", 1}});
  CHECK_OK(remove_address("lo", "10.77.0.1/32"));
  open[0].reset();  // its FIN finds nobody
  expect_states(daemon, client.owner, {{"established", 1}, {"fin_wait1", 1}, {"fin_wait2", 1}});
}
END_TEST

START_TEST(states_without_an_answer) {
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST("states_without_an_answer", status.message());
  Cgroup client = make_unit("states-connecting");
  enter(client);
  Fd first = connect_later(Address::of("10.77.0.1", 80));
  Fd second = connect_later(Address::of("10.77.0.1", 81));
  expect_states(shared_daemon(), client.owner, {{"syn_sent", 2}});
  first.reset();
  expect_states(shared_daemon(), client.owner, {{"syn_sent", 1}});
}
END_TEST

// A listener that accepts nothing, and has room for two (sk_acceptq_is_full).
Fd full_listener(const Cgroup& server, const Cgroup& client, std::vector<Fd>& waiting) {
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  ck_assert(listen(listener.get(), 1) == 0);
  enter(client);
  for (int made = 0; made < 2; made++)
    waiting.push_back(connect_to(local_address(listener)));
  return listener;
}

START_TEST(accept_queue_drops) {
  constexpr size_t kBeyond = 10;
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("accept_queue_drops", status.message());
  Cgroup server = make_unit("drops-server"), client = make_unit("drops-client");
  std::vector<Fd> waiting, beyond;
  Fd listener = full_listener(server, client, waiting);
  ck_assert(netns_tcp_extra("ListenDrops") == 0);
  for (size_t made = 0; made < kBeyond; made++)
    beyond.push_back(connect_later(local_address(listener)));
  sleep_ms(1300);  // a SYN is sent again after 1 s, and dropped again
  beyond.clear();
  uint64_t drops = netns_tcp_extra("ListenDrops");
  ck_assert_msg(drops > kBeyond && drops == netns_tcp_extra("ListenOverflows"), "%d drops",
                int(drops));
  expect(shared_daemon(),
         {{kDrops, server.owner.labels(), double(drops)}, {kDrops, client.owner.labels(), 0}});
  // Nothing comes twice, nor with the end of the listener.
  listener.reset();
  expect(shared_daemon(), {{kDrops, server.owner.labels(), double(drops)}});
  sleep_ms(1100);
  expect(shared_daemon(), {{kDrops, server.owner.labels(), double(drops)}});
}
END_TEST

// Older than the daemon: what it dropped before is not told.
START_TEST(drops_from_before_the_start) {
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("drops_from_before_the_start", status.message());
  Cgroup server = make_unit("old-drops-server"), client = make_unit("old-drops-client");
  std::vector<Fd> waiting;
  Fd listener = full_listener(server, client, waiting);
  for (int made = 0; made < 5; made++)
    connect_later(local_address(listener)).reset();
  uint64_t before = netns_tcp_extra("ListenDrops");
  ck_assert(before == 5);
  Daemon daemon = Daemon::start({{"--sample-interval=1s"}});
  for (int made = 0; made < 7; made++)
    connect_later(local_address(listener)).reset();
  double drops = double(netns_tcp_extra("ListenDrops") - before);
  ck_assert(drops == 7);
  expect(daemon, {{kDrops, server.owner.labels(), drops}});
  daemon.stop();
}
END_TEST

// Gone before it is looked at: its end tells what it dropped, but for the flavour `cgroup`.
START_TEST(drops_of_a_short_lived_listener) {
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("drops_of_a_short_lived_listener", status.message());
  Cgroup server = make_unit("short-drops-server"), client = make_unit("short-drops-client");
  Daemon daemon = Daemon::start({{"--sample-interval=60s"}});
  bool told = flavour_of(daemon, "tcp_state") != "cgroup";
  for (int round = 1; round <= 2; round++) {
    std::vector<Fd> waiting;
    Fd listener = full_listener(server, client, waiting);
    for (int made = 0; made < 5; made++)
      connect_later(local_address(listener)).reset();
    // It listens no more and then again: what it has dropped before is not dropped once more.
    shutdown(listener.get(), SHUT_RD);
    ck_assert(listen(listener.get(), 1) == 0);
    listener.reset();
    double drops = double(netns_tcp_extra("ListenDrops"));
    ck_assert(drops == 5 * round);
    expect(daemon, {{kDrops, server.owner.labels(), told ? drops : 0}});
  }
  daemon.stop();
}
END_TEST

}  // namespace

Case tcp_socket_case() {
  return {"tcp-sockets",
          true,
          {states, states_without_a_descriptor, states_without_an_answer, accept_queue_drops,
           drops_from_before_the_start, drops_of_a_short_lived_listener}};
}

}  // namespace kubepulse::live
