// Bytes, times and retransmits, each held against what the test or the kernel itself has counted.
#include <netinet/tcp.h>

#include <cerrno>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

const Counts kOneOut = {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}};

Counts plus(Counts counts, const Counts& more) {
  for (const auto& [key, count] : more)
    counts[key] += count;
  return counts;
}

// One connection; each side ends what it sends with a FIN.
void transfer(const Cgroup& client, const Cgroup& server, uint64_t up, uint64_t down) {
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Child child = Child::in(client, [&] {
    Fd socket = connect_to(local_address(listener));
    send_bytes(socket, up);
    if (shutdown(socket.get(), SHUT_WR) != 0) return 1;
    return receive_rest(socket) == down ? 0 : 1;
  });
  Fd accepted = accept_from(listener);
  ck_assert(receive_rest(accepted) == up);
  send_bytes(accepted, down);
  accepted.reset();
  child.finish();
}

START_TEST(bytes_exact) {
  constexpr uint64_t kMega = 1000 * 1000;
  const std::pair<uint64_t, uint64_t> kAmounts[] = {
      {0, 0}, {1, 0}, {0, 1}, {1, 1}, {kMega, 3}, {17, kMega}, {100 * kMega + 1, 50 * kMega + 7}};
  int number = 0;
  for (const auto& [up, down] : kAmounts) {
    std::string name = "bytes-" + std::to_string(number++);
    Cgroup client = make_unit(name + "-client"), server = make_unit(name + "-server");
    transfer(client, server, up, down);
    // A loopback under load may send again, and then both count it.
    const Words but = {"retransmits"};
    expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", up}, {"received", down}}),
               but);
    expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"sent", down}, {"received", up}}, but);
  }
}
END_TEST

START_TEST(bytes_grow_while_open) {
  Cgroup client = make_unit("growing-client"), server = make_unit("growing-server");
  Connection open = make_connection(client, server);
  const Counts open_out = {{"out", 1}, {"active_out", 1}, {"handshakes", 1}};
  const Counts open_in = {{"in", 1}, {"active_in", 1}};
  for (uint64_t round = 1; round <= 2; round++) {
    send_bytes(open.client, 1000);
    receive_bytes(open.server, 1000);
    send_bytes(open.server, 500);
    receive_bytes(open.client, 500);
    expect_tcp(shared_daemon(), client.owner,
               plus(open_out, {{"sent", 1000 * round}, {"received", 500 * round}}));
    expect_tcp(shared_daemon(), server.owner,
               plus(open_in, {{"sent", 500 * round}, {"received", 1000 * round}}));
  }
  Labels labels = client.owner.labels();
  double rtts = shared_daemon().scrape().value("kubepulse_tcp_rtt_seconds_count", labels);
  ck_assert_msg(rtts >= 2, "%g samples of the round-trip time while open", rtts);
  send_bytes(open.client, 11);
  open.close();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 2011}, {"received", 1000}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"sent", 1000}, {"received", 2011}});
}
END_TEST

START_TEST(lifetime_until_server_closes) {
  Cgroup client = make_unit("lifetime-client"), server = make_unit("lifetime-server");
  uint64_t start_ns = monotonic_ns();
  Connection open = make_connection(client, server);
  double connect_s = seconds_since(start_ns);
  sleep_ms(200);
  open.server.reset();
  ck_assert(receive_rest(open.client) == 0);
  open.client.reset();
  double lifetime_s = seconds_since(start_ns);
  expect_tcp(shared_daemon(), client.owner, kOneOut);
  Page page = shared_daemon().scrape();
  check_histogram(page, "kubepulse_tcp_latency_seconds", client.owner, 1, 0.2, lifetime_s);
  check_histogram(page, "kubepulse_tcp_connect_latency_seconds", client.owner, 1, 0, connect_s);
  Labels labels = client.owner.labels();
  ck_assert(page.value("kubepulse_tcp_rtt_seconds_sum", labels) < 1);  // seconds, no other unit
}
END_TEST

// What follows the application's close is no longer its connection's life.
START_TEST(lifetime_until_client_closes) {
  Cgroup client = make_unit("lifetime-first-client"), server = make_unit("lifetime-first-server");
  uint64_t start_ns = monotonic_ns();
  Connection open = make_connection(client, server);
  sleep_ms(60);
  open.client.reset();
  double lifetime_s = seconds_since(start_ns);
  sleep_ms(300);
  open.server.reset();
  expect_tcp(shared_daemon(), client.owner, kOneOut);
  check_histogram(shared_daemon().scrape(), "kubepulse_tcp_latency_seconds", client.owner, 1, 0.06,
                  lifetime_s);
}
END_TEST

// The first SYN is lost, the second arrives 1 s later.
START_TEST(handshake_of_a_second) {
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST("handshake_of_a_second", status.message());
  Cgroup client = make_unit("handshake-client"), server = make_unit("handshake-server");
  enter(client);
  uint64_t start_ns = monotonic_ns();
  Fd socket = connect_later(Address::of("10.77.0.1", 8080));
  sleep_ms(200);
  CHECK_OK(add_address("lo", "10.77.0.1/32"));
  enter(server);
  Fd listener = listen_at("10.77.0.1", 8080);
  ck_assert(connect_outcome(socket, 8000) == 0);
  double connect_s = seconds_since(start_ns);
  Fd accepted = accept_from(listener);
  uint64_t again = retransmits_of(socket);
  ck_assert(again >= 1);
  socket.reset();
  accepted.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"retransmits", again}}));
  check_histogram(shared_daemon().scrape(), "kubepulse_tcp_connect_latency_seconds", client.owner,
                  1, 0.9, connect_s);
}
END_TEST

// The server's address goes for a while, so that neither
// data nor acknowledgements come through. `mtu` 0: as it is.
void send_in_vain(const std::string& name, uint64_t bytes, int mtu) {
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST(name.c_str(), status.message());
  if (mtu > 0) CHECK_OK(set_mtu("lo", mtu));
  CHECK_OK(add_address("lo", "10.77.0.1/32"));
  Cgroup client = make_unit(name + "-client"), server = make_unit(name + "-server");
  enter(server);
  Fd listener = listen_at("10.77.0.1");
  Address to = local_address(listener);
  enter(client);
  // By itself it would take the address that goes.
  Address from = Address::of("10.66.0.1", 0);
  Connection open;
  open.client = make_socket(AF_INET, SOCK_STREAM);
  ck_assert(bind(open.client.get(), from.raw(), from.size) == 0);
  ck_assert(connect(open.client.get(), to.raw(), to.size) == 0);
  open.server = accept_from(listener);
  CHECK_OK(remove_address("lo", "10.77.0.1/32"));
  send_bytes(open.client, bytes);
  sleep_ms(700);
  CHECK_OK(add_address("lo", "10.77.0.1/32"));
  receive_bytes(open.server, bytes);
  await_acknowledged(open.client);
  uint64_t again = retransmits_of(open.client);
  ck_assert(again >= 1);
  open.close();
  expect_tcp(shared_daemon(), client.owner,
             plus(kOneOut, {{"sent", bytes}, {"retransmits", again}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"received", bytes}});
}

START_TEST(retransmits) {
  send_in_vain("retransmits", 1000, 0);
}
END_TEST

// More than one segment is sent again at a time.
START_TEST(retransmits_of_many_segments) {
  send_in_vain("retransmits-many", 20000, 1500);
}
END_TEST

// They are counted as open, with their direction, and by what they carry from now on.
START_TEST(open_before_the_start) {
  Cgroup client = make_unit("before-client"), server = make_unit("before-server");
  enter(server);
  // Who listens tells the accepting side from the connecting one.
  Fd listener = listen_at("127.0.0.1"), listener_v6 = listen_at("::1");
  enter(client);
  Connection first{connect_to(local_address(listener)), accept_from(listener)};
  Connection second{connect_to(local_address(listener_v6)), accept_from(listener_v6)};
  for (Connection* each : {&first, &second}) {
    send_bytes(each->client, 100000);
    receive_bytes(each->server, 100000);
    send_bytes(each->server, 7000);
    receive_bytes(each->client, 7000);
  }
  for (Connection* each : {&first, &second}) {
    await_acknowledged(each->client);
    await_acknowledged(each->server);
  }
  leave_cgroup();
  Daemon daemon = Daemon::start({{"--sample-interval=1s"}});
  expect_tcp(daemon, client.owner, {{"active_out", 2}});
  expect_tcp(daemon, server.owner, {{"active_in", 2}});
  for (Connection* each : {&first, &second}) {
    send_bytes(each->client, 30);
    receive_bytes(each->server, 30);
    send_bytes(each->server, 4);
    receive_bytes(each->client, 4);
  }
  expect_tcp(daemon, client.owner, {{"active_out", 2}, {"sent", 60}, {"received", 8}});
  expect_tcp(daemon, server.owner, {{"active_in", 2}, {"sent", 8}, {"received", 60}});
  send_bytes(first.client, 5);
  first.close();
  second.close();
  expect_tcp(daemon, client.owner, {{"sent", 65}, {"received", 8}});
  expect_tcp(daemon, server.owner, {{"sent", 8}, {"received", 65}});
  daemon.stop();
}
END_TEST

// Connections come and go while the daemon starts: each is seen either as open already or as made,
// and none stays behind in the gauge.
START_TEST(start_in_the_midst) {
  constexpr size_t kOpen = 20;
  Cgroup client = make_unit("midst-client"), server = make_unit("midst-server");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  for (int round = 0; round < 5; round++) {
    std::string stop_file = scratch_path("stop");
    Child churning = Child::in(client, [&] {
      std::vector<Connection> open(kOpen);
      for (size_t made = 0; read_file(stop_file).empty(); made++) {
        Connection& oldest = open[made % kOpen];
        if (oldest.client) oldest.close();
        oldest.client = connect_to(to);
        oldest.server = accept_from(listener);
        send_bytes(oldest.client, 100);
        usleep(200);  // the ring holds what comes until the daemon is up
      }
      for (Connection& each : open)
        if (each.client) each.close();
      return 0;
    });
    sleep_ms(20);
    Daemon daemon = Daemon::start({{"--sample-interval=1s", "--profile=custom", "--collect=tcp"}});
    auto made_so_far = [&] {
      return daemon.scrape().value("kubepulse_tcp_connections_total", client.owner.labels());
    };
    uint64_t give_up_ns = monotonic_ns() + 3 * kNsPerSecond;
    do
      sleep_ms(50);
    while (made_so_far() <= kOpen && monotonic_ns() < give_up_ns);
    ck_assert(write_file(stop_file, "now"));
    churning.finish();
    const Words but = {"out",  "in",       "handshakes",  "lifetimes",
                       "sent", "received", "retransmits", "reset_received"};
    expect_tcp(daemon, client.owner, {}, but);
    expect_tcp(daemon, server.owner, {}, but);
    Page page = daemon.scrape();
    ck_assert(page.value("kubepulse_events_dropped_total", {{"type", "tcp"}}) == 0);
    double made = page.value("kubepulse_tcp_connections_total", client.owner.labels());
    double ended = page.value("kubepulse_tcp_latency_seconds_count", client.owner.labels());
    // Of one connect the beginning was missed, perhaps, and with it the length of its life.
    ck_assert_msg(made > kOpen && (made == ended || made == ended + 1), "%g made, %g ended", made,
                  ended);
    daemon.stop();
  }
}
END_TEST

}  // namespace

Case tcp_amount_case() {
  return {"tcp-amounts",
          true,
          {bytes_exact, bytes_grow_while_open, lifetime_until_server_closes,
           lifetime_until_client_closes, handshake_of_a_second, retransmits,
           retransmits_of_many_segments, open_before_the_start, start_in_the_midst}};
}

}  // namespace kubepulse::live
