// What becomes of a query: answers, times, names. The test plays both client and server, in a
// network namespace of its own.
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kHost = "127.53.0.1";

// Where port 53 is nobody's. Without namespaces an unusual loopback address must do.
void go_where_53_is_free() {
  enter_new_netns().ok();
}

START_TEST(rcodes) {
  go_where_53_is_free();
  Cgroup client = make_unit("rcodes");
  DnsServer server(make_unit("rcodes-server"), kHost);
  Fd socket = dns_client(client, server.address());
  const int kGiven[] = {kNoError, kNxDomain, kNxDomain, kServFail, kRefused, kFormErr, kNotImp, 15};
  uint16_t txid = 0;
  for (int rcode : kGiven)
    exchange(socket, server, ++txid, "example.com", rcode);
  // A header alone, as some servers answer what they cannot read.
  send_query(socket, server.address(), dns_query(++txid, dns_name("example.com")));
  server.take();
  server.send_back(dns_answer(dns_query(txid, ""), kFormErr).substr(0, 12));
  receive_answer(socket);
  expect_dns(shared_daemon(), client.owner,
             {{{"example.com", 9}},
              {{"NOERROR", 1},
               {"NXDOMAIN", 2},
               {"SERVFAIL", 1},
               {"REFUSED", 1},
               {"FORMERR", 2},
               {"NOTIMP", 1},
               {"other", 1}},
              9,
              0});
}
END_TEST

START_TEST(domains) {
  go_where_53_is_free();
  const std::pair<const char*, const char*> kNames[] = {
      {"www.example.co.uk", "example.co.uk"},
      {"Mail.EXAMPLE.co.UK", "example.co.uk"},
      {"example.org", "example.org"},
      {"google.com.default.svc.cluster.local", "search"},
      {"web.shop.svc.cluster.local", "web.shop.svc.cluster.local"},
      {"10-1-2-3.shop.pod.cluster.local", "10-1-2-3.shop.pod.cluster.local"},
      {"4.3.2.1.in-addr.arpa", "in-addr.arpa"},
      {"b.a.9.8.ip6.arpa", "ip6.arpa"},
      {"localhost", "localhost"},
      {"", "."},
  };
  Cgroup client = make_unit("domains");
  DnsServer server(make_unit("domains-server"), kHost);
  Fd socket = dns_client(client, server.address());
  DnsCounts counts;
  uint16_t txid = 0;
  for (const auto& [name, domain] : kNames) {
    exchange(socket, server, ++txid, name);
    counts.domains[domain]++;
  }
  counts.rcodes["NOERROR"] = counts.latencies = txid;
  expect_dns(shared_daemon(), client.owner, counts);
}
END_TEST

START_TEST(dns_latency) {
  go_where_53_is_free();
  Cgroup slow = make_unit("dns-slow"), fast = make_unit("dns-fast");
  DnsServer server(make_unit("dns-latency-server"), kHost);
  double fast_s = exchange(dns_client(fast, server.address()), server, 1, "example.com");
  double slow_s = exchange(dns_client(slow, server.address()), server, 1, "example.com", 0, 55);
  expect_dns(shared_daemon(), fast.owner, {{{"example.com", 1}}, {{"NOERROR", 1}}, 1, 0});
  expect_dns(shared_daemon(), slow.owner, {{{"example.com", 1}}, {{"NOERROR", 1}}, 1, 0});
  Page page = shared_daemon().scrape();
  check_histogram(page, "kubepulse_dns_latency_seconds", fast.owner, 1, 0, fast_s);
  check_histogram(page, "kubepulse_dns_latency_seconds", slow.owner, 1, 0.055, slow_s);
}
END_TEST

// One query, asked twice, measured from the first.
START_TEST(query_sent_again) {
  go_where_53_is_free();
  Cgroup client = make_unit("dns-again");
  DnsServer server(make_unit("dns-again-server"), kHost);
  Fd socket = dns_client(client, server.address());
  std::string query = dns_query(7, dns_name("example.com"));
  uint64_t start_ns = monotonic_ns();
  send_query(socket, server.address(), query);
  server.take();
  sleep_ms(110);
  send_query(socket, server.address(), query);
  server.take();
  server.answer(kNoError);
  receive_answer(socket);
  double took_s = seconds_since(start_ns);
  expect_dns(shared_daemon(), client.owner, {{{"example.com", 1}}, {{"NOERROR", 1}}, 1, 0});
  check_histogram(shared_daemon().scrape(), "kubepulse_dns_latency_seconds", client.owner, 1, 0.11,
                  took_s);
}
END_TEST

// The same number from two sockets is two queries, and so it is once more after its answer.
START_TEST(txid_used_again) {
  go_where_53_is_free();
  Cgroup client = make_unit("dns-txid");
  DnsServer server(make_unit("dns-txid-server"), kHost);
  Fd first = dns_client(client, server.address()), second = dns_client(client, server.address());
  std::string query = dns_query(7, dns_name("example.com"));
  send_query(first, server.address(), query);
  send_query(second, server.address(), query);
  for (const Fd* each : {&first, &second}) {
    server.take();
    server.answer(kNoError);
    receive_answer(*each);
  }
  exchange(first, server, 7, "example.com");
  expect_dns(shared_daemon(), client.owner, {{{"example.com", 3}}, {{"NOERROR", 3}}, 3, 0});
}
END_TEST

// Answers out of order, from two servers at once, with the same number.
START_TEST(answers_out_of_order) {
  go_where_53_is_free();
  Cgroup client = make_unit("dns-order"), server = make_unit("dns-order-server");
  DnsServer one(server, kHost), other(server, "127.53.0.9");
  Fd socket = dns_client(client, one.address());
  std::string query = dns_query(7, dns_name("example.com"));
  send_query(socket, one.address(), query);
  send_query(socket, other.address(), query);
  other.take();
  other.answer(kNoError);
  one.take();
  one.answer(kNxDomain);
  receive_answer(socket);
  receive_answer(socket);
  expect_dns(shared_daemon(), client.owner,
             {{{"example.com", 2}}, {{"NOERROR", 1}, {"NXDOMAIN", 1}}, 2, 0});
}
END_TEST

START_TEST(dns_timeouts) {
  go_where_53_is_free();
  Cgroup once = make_unit("dns-silent"), twice = make_unit("dns-silent-twice");
  Cgroup mixed = make_unit("dns-silent-mixed");
  DnsServer server(make_unit("dns-silent-server"), kHost);
  std::string query = dns_query(7, dns_name("example.com"));
  Fd socket = dns_client(once, server.address());
  send_query(socket, server.address(), query);
  server.take();
  Fd socket_twice = dns_client(twice, server.address());
  send_query(socket_twice, server.address(), query);
  server.take();
  sleep_ms(500);
  send_query(socket_twice, server.address(), query);
  server.take();
  Fd socket_mixed = dns_client(mixed, server.address());
  send_query(socket_mixed, server.address(), query);
  server.take();
  exchange(socket_mixed, server, 8, "example.com");
  for (const Cgroup& cgroup : {once, twice})
    expect_dns(shared_daemon(), cgroup.owner, {{{"example.com", 1}}, {}, 0, 0});
  sleep_ms(4600);
  for (const Cgroup& cgroup : {once, twice})
    expect_dns(shared_daemon(), cgroup.owner, {{{"example.com", 1}}, {}, 0, 1});
  expect_dns(shared_daemon(), mixed.owner, {{{"example.com", 2}}, {{"NOERROR", 1}}, 1, 1});
}
END_TEST

// An answer that comes in two fragments is one.
START_TEST(fragmented_answer) {
  Status status = enter_new_netns();
  if (status.ok()) status = set_mtu("lo", 1500);
  if (!status.ok()) SKIP_TEST("fragmented_answer", status.message());
  Cgroup client = make_unit("dns-fragments");
  DnsServer server(make_unit("dns-fragments-server"), kHost);
  Fd socket = dns_client(client, server.address());
  send_query(socket, server.address(), dns_query(7, dns_name("example.com")));
  server.take();
  server.answer(kNoError, 4000);
  receive_answer(socket);
  expect_dns(shared_daemon(), client.owner, {{{"example.com", 1}}, {{"NOERROR", 1}}, 1, 0});
}
END_TEST

// Over a cable, as a pod asks: the packet passes two devices.
START_TEST(dns_over_cable) {
  Fd far;
  Status status = enter_cabled_netns(far);
  if (!status.ok()) SKIP_TEST("dns_over_cable", status.message());
  Fd near = own_netns();
  Cgroup client = make_unit("dns-cable"), server_cgroup = make_unit("dns-cable-server");
  CHECK_OK(go_to_netns(far));
  DnsServer server(server_cgroup, "10.88.0.2");
  CHECK_OK(go_to_netns(near));
  Fd socket = dns_client(client, server.address());
  for (uint16_t txid = 1; txid <= 3; txid++)
    exchange(socket, server, txid, "example.com");
  expect_dns(shared_daemon(), client.owner, {{{"example.com", 3}}, {{"NOERROR", 3}}, 3, 0});
  expect_dns(shared_daemon(), server_cgroup.owner, {});
}
END_TEST

// Processes that ask once and are gone with their cgroup before the answer is.
START_TEST(dns_short_lived) {
  constexpr uint64_t kCgroups = 20;
  go_where_53_is_free();
  DnsServer server(make_unit("dns-brief-server"), kHost);
  std::vector<Cgroup> cgroups;
  for (uint64_t number = 0; number < kCgroups; number++) {
    Cgroup cgroup = make_unit("dns-brief-" + std::to_string(number));
    Child child = Child::in(cgroup, [&] {
      Fd socket = make_socket(AF_INET, SOCK_DGRAM);
      send_query(socket, server.address(), dns_query(1, dns_name("example.com")));
      server.take();
      server.answer(kNxDomain);
      receive_answer(socket);
      return 0;
    });
    child.finish();
    if (knows_the_gone(shared_daemon())) remove_cgroup(cgroup);
    cgroups.push_back(cgroup);
  }
  for (const Cgroup& cgroup : cgroups)
    expect_dns(shared_daemon(), cgroup.owner, {{{"example.com", 1}}, {{"NXDOMAIN", 1}}, 1, 0});
}
END_TEST

}  // namespace

Case dns_case() {
  return {"dns",
          true,
          {rcodes, domains, dns_latency, query_sent_again, txid_used_again, answers_out_of_order,
           dns_timeouts, fragmented_answer, dns_over_cable, dns_short_lived}};
}

}  // namespace kubepulse::live
