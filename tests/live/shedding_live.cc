// --max-events: what is left out past it, that nothing else is, and that it comes back.
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kOverflow = "kubepulse_overflow_total";
constexpr const char* kFlowPackets = "kubepulse_flow_packets_total";

// DNS alone is logged, so that an answer is a line.
const Words kFlags = {"--profile=custom", "--collect=dns,flows", "--log-events"};

Daemon start_with(const std::string& flag) {
  Launch launch;
  launch.flags = kFlags;
  launch.flags.push_back(flag);
  return Daemon::start(launch);
}

double overflow(const Page& page, const char* table) {
  return page.value(kOverflow, {{"table", table}});
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1))
    count++;
  return count;
}

// Both ends of queries and answers over loopback.
struct Exchanges {
  Exchanges(const std::string& name)
      : client(make_unit(name)),
        server_unit(make_unit(name + "-server")),
        server(server_unit, "127.53.0.1"),
        socket(dns_client(client, server.address())) {}

  void make(int count) {
    for (int i = 0; i < count; i++)
      exchange(socket, server, static_cast<uint16_t>(made++), "www.example.com");
  }

  Cgroup client, server_unit;
  DnsServer server;
  Fd socket;
  uint64_t made = 0;
};

// Each exchange is counted, whatever is left out; packets are as many as those of all flows.
void expect_whole(const Daemon& daemon, const Exchanges& exchanges) {
  uint64_t made = exchanges.made;
  expect_dns(daemon, exchanges.client.owner,
             {{{"example.com", made}}, {{"NOERROR", made}}, made, 0});
  if (flavour_of(daemon, "packets").empty()) return;
  std::vector<Want> wants;
  for (const Cgroup* unit : {&exchanges.client, &exchanges.server_unit})
    for (const char* direction : {"out", "in"}) {
      Labels labels = unit->owner.labels();
      labels.push_back({"direction", direction});
      for (const char* name : {"kubepulse_packets_total", kFlowPackets})
        wants.push_back({name, labels, static_cast<double>(made)});
    }
  expect(daemon, wants);
}

// Strangers' queries are lines, too, and events.
double lines_missing(const Daemon& daemon) {
  Page page = daemon.scrape();
  double events =
      page.value("kubepulse_dns_responses_total") + page.value("kubepulse_dns_timeouts_total");
  Result<std::vector<JsonFields>> lines = parse_json_lines(daemon.out());
  CHECK_OK(lines.ok() ? Status() : lines.status());
  return events - static_cast<double>(lines.value().size()) - overflow(page, "event_log_shed") -
         overflow(page, "event_log");
}

void expect_lines(const Daemon& daemon) {
  double missing = 0;
  for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + 3 * kNsPerSecond;
       sleep_ms(50)) {
    missing = lines_missing(daemon);
    if (missing == 0) return;
  }
  ck_abort_msg("%g events are neither logged nor counted as shed", missing);
}

// What has no peer was shed, or is among the other losses.
void expect_others(const Daemon& daemon) {
  Page page = daemon.scrape();
  double others = page.value(kFlowPackets, {{"peer_namespace", ""}, {"peer", "other"}});
  double told =
      overflow(page, "flows_shed") + overflow(page, "flows") + overflow(page, "flow_peers");
  ck_assert_msg(others == told, "%g packets of other peers, %g told", others, told);
}

template <typename Done>
bool wait_for(unsigned seconds, const Done& done) {
  for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + seconds * kNsPerSecond;
       sleep_ms(100))
    if (done()) return true;
  return false;
}

START_TEST(sheds_and_recovers) {
  Daemon daemon = start_with("--max-events=1000");
  bool has_flows = !flavour_of(daemon, "packets").empty();
  enter_new_netns().ok();
  Exchanges exchanges("shed");
  exchanges.make(20);
  expect_whole(daemon, exchanges);
  expect_lines(daemon);
  const char* table = has_flows ? "flows_shed" : "event_log_shed";
  for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + 20 * kNsPerSecond;) {
    exchanges.make(1000);
    if (overflow(daemon.scrape(), table) > 0) break;
  }
  exchanges.make(3000);
  expect_whole(daemon, exchanges);
  expect_lines(daemon);
  Page page = daemon.scrape();
  ck_assert_double_gt(overflow(page, "event_log_shed"), 0);
  ck_assert_double_gt(overflow(page, table), 0);
  if (has_flows) expect_others(daemon);

  const std::string whole = "\"left_out\":\"nothing\"";
  bool back = wait_for(40, [&] { return daemon.err().find(whole) != std::string::npos; });
  ck_assert_msg(back, "it is shedding still:\n%s", daemon.err().c_str());
  size_t steps = has_flows ? 2 : 1;
  ck_assert_uint_eq(count_of(daemon.err(), "there are more events than --max-events"), steps);
  ck_assert_uint_eq(count_of(daemon.err(), "there are fewer events again"), steps);
  expect_whole(daemon, exchanges);
  page = daemon.scrape();
  Labels host = exchanges.client.owner.labels();
  host.push_back({"peer", "host"});
  double named = page.value(kFlowPackets, host), shed = overflow(page, "flows_shed");
  double unlogged = overflow(page, "event_log_shed");
  exchanges.make(30);
  expect_whole(daemon, exchanges);
  expect_lines(daemon);
  if (has_flows) expect(daemon, {{kFlowPackets, host, named + 60}});
  if (has_flows) expect_others(daemon);
  page = daemon.scrape();
  ck_assert_double_eq(overflow(page, "flows_shed"), shed);
  ck_assert_double_eq(overflow(page, "event_log_shed"), unlogged);
  daemon.stop();
}
END_TEST

void expect_nothing_shed(const std::string& flag, int count) {
  Daemon daemon = start_with(flag);
  enter_new_netns().ok();
  Exchanges exchanges("unshed");
  exchanges.make(count);
  expect_whole(daemon, exchanges);
  expect_lines(daemon);
  sleep_ms(1100);
  Page page = daemon.scrape();
  ck_assert_double_eq(overflow(page, "event_log_shed"), 0);
  ck_assert_double_eq(overflow(page, "flows_shed"), 0);
  ck_assert_uint_eq(count_of(daemon.err(), "--max-events"), 0);
  daemon.stop();
}

START_TEST(nothing_shed_without_load) {
  expect_nothing_shed("--max-events=100000", 200);
}
END_TEST

START_TEST(never_shed) {
  expect_nothing_shed("--max-events=0", 5000);
}
END_TEST

}  // namespace

Case shedding_case() {
  return {"shedding", false, {sheds_and_recovers, nothing_shed_without_load, never_shed}, true};
}

}  // namespace kubepulse::live
