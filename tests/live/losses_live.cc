// Records are counted exactly, those that did not fit into the ring included.
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

struct Records {
  double taken = 0;
  double dropped = 0;
  double all() const { return taken + dropped; }
};

Records records_of(const Page& page, const char* type) {
  Labels labels = {{"type", type}};
  return {page.value("kubepulse_events_total", labels),
          page.value("kubepulse_events_dropped_total", labels)};
}

// Once there are `count` more than `before`, or 3 s have passed; and 100 ms later, as `page` says.
Records await_records(const Daemon& daemon, const char* type, const Records& before, double count,
                      Page& page) {
  uint64_t give_up_ns = monotonic_ns() + 3 * kNsPerSecond;
  while (records_of(daemon.scrape(), type).all() < before.all() + count &&
         monotonic_ns() < give_up_ns)
    sleep_ms(10);
  sleep_ms(100);
  page = daemon.scrape();
  Records now = records_of(page, type);
  return {now.taken - before.taken, now.dropped - before.dropped};
}

// The records of the machine's own traffic, by what was counted of it: two of a connection that has
// ended, one of what is open or has failed.
double records_of_strangers(const Page& page, const std::string& type, const Owner& client,
                            const Owner& server) {
  auto strange = [&](const char* metric) {
    return page.value(metric) - page.value(metric, client.labels()) -
           page.value(metric, server.labels());
  };
  if (type == "dns")
    return strange("kubepulse_dns_queries_total") + strange("kubepulse_dns_responses_total");
  return 2 * strange("kubepulse_tcp_connections_total") -
         strange("kubepulse_tcp_connections_active") +
         strange("kubepulse_tcp_connect_failures_total");
}

// Counts the records of `work`, which makes `count`. Of strangers' records nobody knows which were
// dropped; then there may be more than ours, never fewer, and another try may be undisturbed.
template <typename Work>
Records count_alone(const Daemon& daemon, const char* type, const Owner& client,
                    const Owner& server, double count, const Work& work) {
  Records counted;
  double wanted = count;
  for (int tries = 0; tries < 8; tries++) {
    Page page = daemon.scrape();
    double strange = records_of_strangers(page, type, client, server);
    Records before = records_of(page, type);
    work();
    counted = await_records(daemon, type, before, count, page);
    if (counted.dropped == 0)
      wanted = count + records_of_strangers(page, type, client, server) - strange;
    if (counted.dropped == 0 || counted.all() <= count) break;
    sleep_ms(300);
  }
  ck_assert_msg(counted.all() == wanted, "%s: %g taken and %g dropped, not %g together", type,
                counted.taken, counted.dropped, wanted);
  return counted;
}

// Two records a side; and a failure is one record.
Records count_connections(const Daemon& daemon, const std::string& name, int connections,
                          int failures) {
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  Fd closed = listen_at("127.0.0.1");
  Address nobody = local_address(closed);
  closed.reset();
  enter(client);
  return count_alone(daemon, "tcp", client.owner, server.owner, 4.0 * connections + failures, [&] {
    for (int made = 0; made < connections; made++) {
      Connection open{connect_to(to), accept_from(listener)};
      open.close();
    }
    for (int failed = 0; failed < failures; failed++)
      connect_error(nobody);
  });
}

Records count_exchanges(const Daemon& daemon, const std::string& name, int exchanges) {
  Cgroup server_cgroup = make_unit(name + "-server"), client = make_unit(name + "-client");
  DnsServer server(server_cgroup, "127.53.0.1");
  Fd socket = dns_client(client, server.address());
  return count_alone(daemon, "dns", client.owner, server_cgroup.owner, 2.0 * exchanges, [&] {
    for (int made = 0; made < exchanges; made++)
      exchange(socket, server, static_cast<uint16_t>(made), "www.example.com");
  });
}

START_TEST(tcp_records) {
  Daemon daemon = Daemon::start();
  enter_new_netns().ok();
  Records few = count_connections(daemon, "records-few", 50, 30);
  ck_assert(few.dropped == 0);
  Records many = count_connections(daemon, "records-many", 10000, 0);
  ck_assert_msg(many.dropped == 0, "%g dropped", many.dropped);
  daemon.stop();
}
END_TEST

START_TEST(tcp_losses) {
  Daemon daemon = Daemon::start({{"--tcp-ring=4K", "--sample-interval=1s"}});
  enter_new_netns().ok();
  Records lost = count_connections(daemon, "losses", 3000, 500);
  ck_assert_msg(lost.dropped > 0 && lost.taken > 0, "%g dropped of a load that fits in no ring",
                lost.dropped);
  // Lost ends do not leave connections open for ever: the samples of open ones put it right.
  sleep_ms(2500);
  for (const char* role : {"losses-server", "losses-client"}) {
    Labels labels = {{"namespace", "systemd"}, {"pod", std::string(role) + ".service"}};
    expect(daemon, {{"kubepulse_tcp_connections_active", labels, 0}});
  }
  // All is well afterwards.
  Cgroup server = make_unit("after-losses-server"), client = make_unit("after-losses-client");
  make_connection(client, server).close();
  expect_tcp(daemon, client.owner, {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}});
  daemon.stop();
}
END_TEST

START_TEST(dns_records) {
  Daemon daemon = Daemon::start();
  enter_new_netns().ok();
  Records many = count_exchanges(daemon, "dns-records", 3000);
  ck_assert_msg(many.dropped == 0, "%g dropped", many.dropped);
  daemon.stop();
}
END_TEST

START_TEST(dns_losses) {
  Daemon daemon = Daemon::start({{"--dns-ring=4K"}});
  enter_new_netns().ok();
  Records lost = count_exchanges(daemon, "dns-losses", 3000);
  ck_assert_msg(lost.dropped > 0 && lost.taken > 0, "%g dropped of a load that fits in no ring",
                lost.dropped);
  daemon.stop();
}
END_TEST

}  // namespace

Case loss_case() {
  return {"losses", false, {tcp_records, tcp_losses, dns_records, dns_losses}, true};
}

}  // namespace kubepulse::live
