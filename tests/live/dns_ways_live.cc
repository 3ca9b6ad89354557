// Every way to send a query, by each kind of hook that this kernel has.
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "collect/flavours.h"
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

void check_sent(ssize_t sent, size_t size) {
  ck_assert_msg(sent == static_cast<ssize_t>(size), "send: %s", strerror(errno));
}

// A query in three pieces: cut inside the header and inside the name.
struct Pieces {
  explicit Pieces(std::string& query)
      : parts{{query.data(), 5}, {query.data() + 5, 11}, {query.data() + 16, query.size() - 16}} {}
  iovec parts[3];
};

// Every way to send, `kWaysQueries` queries in all. Connected and unconnected.
constexpr uint64_t kWaysQueries = 10;
void send_in_all_ways(const Cgroup& cgroup, const Address& to) {
  uint16_t txid = 100;
  auto next = [&txid] { return dns_query(++txid, dns_name("www.example.com")); };
  Fd unconnected = dns_client(cgroup, to), connected = dns_client(cgroup, to);
  ck_assert(connect(connected.get(), to.raw(), to.size) == 0);

  std::string query = next();
  send_query(unconnected, to, query);
  query = next();
  check_sent(send(connected.get(), query.data(), query.size(), 0), query.size());
  query = next();
  check_sent(write(connected.get(), query.data(), query.size()), query.size());
  query = next();
  check_sent(sendto(connected.get(), query.data(), query.size(), 0, nullptr, 0), query.size());
  query = next();
  check_sent(writev(connected.get(), Pieces(query).parts, 3), query.size());
  for (const Fd* socket : {&unconnected, &connected}) {
    query = next();
    Pieces pieces(query);
    msghdr message{};
    if (socket == &unconnected) {
      message.msg_name = const_cast<sockaddr*>(to.raw());
      message.msg_namelen = to.size;
    }
    message.msg_iov = pieces.parts;
    message.msg_iovlen = 3;
    check_sent(sendmsg(socket->get(), &message, 0), query.size());
  }
  std::string three[3] = {next(), next(), next()};
  Pieces pieces[3] = {Pieces(three[0]), Pieces(three[1]), Pieces(three[2])};
  mmsghdr messages[3] = {};
  for (int at = 0; at < 3; at++) {
    messages[at].msg_hdr.msg_name = const_cast<sockaddr*>(to.raw());
    messages[at].msg_hdr.msg_namelen = to.size;
    messages[at].msg_hdr.msg_iov = pieces[at].parts;
    messages[at].msg_hdr.msg_iovlen = 3;
  }
  ck_assert(sendmmsg(unconnected.get(), messages, 3, 0) == 3);
  for (int answers = 0; answers < 5; answers++)
    receive_answer(unconnected);
  for (int answers = 0; answers < 5; answers++)
    receive_answer(connected);
}

// Whether the kernel may skip the programs of such a flavour: see prefers_cgroup().
bool may_be_skipped(const std::string& flavour) {
  return (flavour == "fentry" || flavour == "tracepoint") && prefers_cgroup();
}

// What is lost is told: of each query or answer that is not counted a run was skipped.
void check_told(const Daemon& daemon, const Owner& client) {
  auto told = [&](const Page& page) {
    return page.value("kubepulse_dns_queries_total", client.labels()) +
           page.value("kubepulse_overflow_total", {{"table", "dns_skipped"}});
  };
  for (int tries = 0; told(daemon.scrape()) < kWaysQueries && tries < 40; tries++)
    usleep(100 * 1000);
  Page page = daemon.scrape();
  double queries = page.value("kubepulse_dns_queries_total", client.labels());
  double responses = page.value("kubepulse_dns_responses_total", client.labels());
  printf("NOTE: %g queries and %g answers counted of %d each, %g runs skipped\n", queries,
         responses, static_cast<int>(kWaysQueries), told(page) - queries);
  ck_assert(told(page) >= kWaysQueries && queries <= kWaysQueries && responses <= queries);
}

void check_all_ways(const Daemon& daemon, const std::string& name, const std::string& server_host,
                    const std::string& client_host, bool exact = true) {
  Cgroup server_cgroup = make_unit(name + "-server"), client = make_unit(name + "-client");
  DnsServer server(server_cgroup, server_host);
  Child answering = Child::in(server_cgroup, [&server] {
    for (uint64_t served = 0; served < kWaysQueries; served++) {
      server.take();
      server.answer(kNoError);
    }
    return 0;
  });
  Child asking = Child::in(client, [&] {
    send_in_all_ways(client, Address::of(client_host, 53));
    return 0;
  });
  asking.finish();
  answering.finish();
  if (!exact) return check_told(daemon, client.owner);
  expect_dns(daemon, client.owner,
             {{{"example.com", kWaysQueries}}, {{"NOERROR", kWaysQueries}}, kWaysQueries, 0});
  expect_dns(daemon, server_cgroup.owner, {});
}

START_TEST(dns_v4) {
  go_where_53_is_free();
  check_all_ways(shared_daemon(), "dns-v4", kHost, kHost);
}
END_TEST

START_TEST(dns_v6) {
  if (access("/proc/net/if_inet6", R_OK) != 0) SKIP_TEST("dns_v6", "no IPv6");
  go_where_53_is_free();
  check_all_ways(shared_daemon(), "dns-v6", "::1", "::1");
}
END_TEST

START_TEST(dns_v4_mapped) {
  if (access("/proc/net/if_inet6", R_OK) != 0) SKIP_TEST("dns_v4_mapped", "no IPv6");
  go_where_53_is_free();
  check_all_ways(shared_daemon(), "dns-mapped", kHost, std::string("::ffff:") + kHost);
}
END_TEST

// Each kind of hook that this kernel has must tell the same.
void check_flavour(const std::string& flavour, bool optional) {
  const std::string flag = "--flavour=" + flavour;
  Ended check = run_daemon({{flag, "--check"}});
  if (optional && check.status == 1) {
    printf("NOTE: this kernel has no flavour %s\n", flavour.c_str());
    Ended ended = run_daemon({{flag, "--listen=unix:" + scratch_path("refused")}});
    // Of the signals that have this flavour the first is told.
    std::string want = "kubepulse: " + flag +
                       " cannot work here: " + (flavour == "cgroup" ? "tcp_state: " : "dns: ");
    for (const Ended* each : {&check, &ended})
      ck_assert_msg(each->status == 1 && each->err.find(want) != std::string::npos, "%d: %s",
                    each->status, each->err.c_str());
    return;
  }
  Daemon daemon = Daemon::start({{flag}});
  CHECK_TEXT(flavour_of(daemon, "dns"), flavour);
  go_where_53_is_free();
  bool exact = !may_be_skipped(flavour);
  check_all_ways(daemon, flavour + "-v4", kHost, kHost, exact);
  if (access("/proc/net/if_inet6", R_OK) == 0) {
    check_all_ways(daemon, flavour + "-v6", "::1", "::1", exact);
    check_all_ways(daemon, flavour + "-mapped", "127.53.0.2", "::ffff:127.53.0.2", exact);
  }
  if (!exact) return daemon.stop();
  Cgroup server = make_unit(flavour + "-tcp-server"), client = make_unit(flavour + "-tcp-client");
  make_connection(client, server).close();
  expect_tcp(daemon, client.owner, {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}});
  expect_tcp(daemon, server.owner, {{"in", 1}});
  daemon.stop();
}

// They must be there, where the kernel lets them be used.
START_TEST(flavour_tracepoint) {
  std::string check = run_daemon({{"--check=json", "--flavour=auto"}}).out;
  bool has_none = check.find("\"btf\":null") != std::string::npos ||
                  check.find("\"lockdown\":\"confidentiality\"") != std::string::npos;
  check_flavour("tracepoint", has_none);
}
END_TEST
START_TEST(flavour_cgroup) {
  std::string check = run_daemon({{"--check=json", "--flavour=auto"}}).out;
  check_flavour("cgroup", check.find("\"cgroups\":\"v1\"") != std::string::npos);
}
END_TEST
START_TEST(flavour_fentry) {
  check_flavour("fentry", true);
}
END_TEST
START_TEST(flavour_kprobe) {
  check_flavour("kprobe", true);
}
END_TEST

// One packet of two writes. The second stands in a page beside the packet, where tracing programs
// cannot read: the name may be lost, but nothing of the count.
START_TEST(query_in_two_writes) {
  go_where_53_is_free();
  Cgroup client = make_unit("dns-two-writes");
  DnsServer server(make_unit("dns-two-writes-server"), kHost);
  Fd socket = dns_client(client, server.address());
  const Address& to = server.address();
  ck_assert(connect(socket.get(), to.raw(), to.size) == 0);
  std::string query = dns_query(7, dns_name("www.example.com"));
  check_sent(send(socket.get(), query.data(), 20, MSG_MORE), 20);
  check_sent(send(socket.get(), query.data() + 20, query.size() - 20, 0), query.size() - 20);
  server.take(static_cast<int>(query.size()));
  server.answer(kNoError);
  receive_answer(socket);
  expect(shared_daemon(), {{"kubepulse_dns_queries_total", client.owner.labels(), 1},
                           {"kubepulse_dns_responses_total", client.owner.labels(), 1},
                           {"kubepulse_dns_latency_seconds_count", client.owner.labels(), 1}});
}
END_TEST

}  // namespace

Case dns_ways_case() {
  return {"dns-ways",
          true,
          {dns_v4, dns_v6, dns_v4_mapped, query_in_two_writes, flavour_tracepoint, flavour_cgroup,
           flavour_fentry, flavour_kprobe}};
}

}  // namespace kubepulse::live
