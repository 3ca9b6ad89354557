#include "insight/insights.h"

#include <iterator>
#include <random>

#include "insight/insight_json.h"
#include "insight/insight_text.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kMib = 1 << 20;

// A node of a few subjects, with what happens to them.
class Node {
 public:
  void tick() {
    now_ns_ += 10 * kNsPerSecond;
    insights.begin(now_ns_);
    ContainerFacts container;
    container.subject = {"shop", "web-0", "app", true, {}};
    container.knows_restarts = true;
    insights.container(7, container, has_memory ? &memory : nullptr, container_totals);
    TrafficFacts traffic;
    traffic.subject = {"shop", "web-0", "", true, {}};
    insights.traffic(7, traffic, traffic_totals);
    FilesystemFacts filesystem;
    filesystem.subject = container.subject;
    filesystem.mountpoint = "/data";
    insights.filesystem(7, filesystem, now_ns_, filesystem_used, 1000 * kMib);
    PodFacts pod;
    pod.subject = traffic.subject;
    pod.phase = PodFacts::Phase::running;
    pod.containers = 1;
    pod.ready = ready;
    insights.pod(pod);
    NodeFacts node;
    insights.node(node, node_totals);
    insights.end({}, 1);
    insights.table().each_change([&](const Insight& insight, bool raised) {
      changes += raised ? "+" : "-";
      changes += insight_type_name(insight.type);
      changes += " ";
    });
  }
  std::string after(int ticks) {
    changes.clear();
    for (int i = 0; i < ticks; i++)
      tick();
    return changes;
  }
  void wait(uint64_t seconds) { now_ns_ += seconds * kNsPerSecond; }

  Insights insights;
  Insights::Memory memory{300 * kMib, 1000 * kMib};
  bool has_memory = true;
  uint64_t filesystem_used = 500 * kMib;
  unsigned ready = 1;
  ContainerWindow::Totals container_totals{};
  TrafficWindow::Totals traffic_totals{};
  NodeWindow::Totals node_totals{};
  std::string changes;

 private:
  uint64_t now_ns_ = 5000 * kNsPerSecond;
};

// With what any node does all the time.
START_TEST(an_hour_of_quiet) {
  Node node;
  std::mt19937 random(11);
  for (int i = 0; i < 360; i++) {
    node.memory.working_set = (400 + random() % 12) * kMib;
    node.filesystem_used = (500 + random() % 3) * kMib;
    node.container_totals[kCpuUsageMs] += random() % 4000;
    node.container_totals[kCpuThrottledMs] += random() % 300;
    node.traffic_totals[kDnsQueries] += random() % 20;
    node.traffic_totals[kDnsAnswers] += random() % 20;
    node.traffic_totals[kDnsNxdomain] += random() % 3;
    node.traffic_totals[kConnects] += random() % 100;
    node.traffic_totals[kConnectsRefused] += random() % 100 == 0;
    node.traffic_totals[kPacketsSent] += random() % 10000;
    node.traffic_totals[kRetransmits] += random() % 8;
    node.node_totals[kCpuWaitingMs] += random() % 3000;
    node.node_totals[kIoStalledMs] += random() % 1000;
    node.tick();
  }
  CHECK_TEXT(node.changes, "");
}
END_TEST

START_TEST(a_leak_and_its_end) {
  Node node;
  CHECK_TEXT(node.after(60), "");
  for (int i = 0; i < 69; i++) {
    node.memory.working_set += 10 * kMib;
    node.tick();
  }
  CHECK_TEXT(node.changes, "+oom_predicted ");
  // Killed, and begun anew.
  node.container_totals[kOomKills]++;
  node.memory.working_set = 300 * kMib;
  CHECK_TEXT(node.after(1), "+oom_killed ");
  CHECK_TEXT(node.after(6), "-oom_predicted ");
  CHECK_TEXT(node.after(40), "-oom_killed ");
}
END_TEST

START_TEST(restarts) {
  Node node;
  node.after(10);
  for (int i = 0; i < 4; i++) {
    node.container_totals[kRestarts]++;
    node.after(3);
  }
  node.after(1);
  ck_assert_uint_eq(node.insights.table().count(InsightType::crash_loop, Severity::critical), 1);
  CHECK_TEXT(node.after(100), "-crash_loop ");
}
END_TEST

START_TEST(each_kind) {
  Node node;
  node.after(3);
  node.ready = 0;
  CHECK_TEXT(node.after(20), "+pod_not_ready ");
  node.ready = 1;
  CHECK_TEXT(node.after(20), "-pod_not_ready ");
  node.traffic_totals[kDnsTimeouts] += 50;
  CHECK_TEXT(node.after(20), "+dns_failing ");
  CHECK_TEXT(node.after(60), "-dns_failing ");
  node.filesystem_used = 970 * kMib;
  CHECK_TEXT(node.after(20), "+filesystem_filling ");
  node.filesystem_used = 500 * kMib;
  CHECK_TEXT(node.after(20), "-filesystem_filling ");
  for (int i = 0; i < 31; i++) {
    node.node_totals[kMemoryStalledMs] += 3000;
    node.tick();
  }
  CHECK_TEXT(node.changes, "-filesystem_filling +node_pressure ");
  CHECK_TEXT(node.after(60), "-node_pressure ");
}
END_TEST

// What was seen last is not what is.
START_TEST(memory_that_cannot_be_read) {
  Node node;
  node.after(60);
  for (int i = 0; i < 65; i++) {
    node.memory.working_set += 10 * kMib;
    node.tick();
  }
  node.has_memory = false;
  CHECK_TEXT(node.after(10), "-oom_predicted ");
}
END_TEST

START_TEST(long_pauses_and_clocks) {
  Node node;
  node.after(60);
  for (int i = 0; i < 20; i++) {
    node.wait(3600);
    node.memory.working_set += 30 * kMib;
    node.traffic_totals[kConnectsRefused] += 1000;
    CHECK_TEXT(node.after(1), "");
  }
}
END_TEST

// Whatever is measured: nothing overflows, and all of it can be told. For the sanitizers.
START_TEST(any_numbers) {
  std::mt19937_64 random(13);
  auto number = [&]() -> uint64_t {
    constexpr uint64_t kCorners[] = {0, 1, 4095, 4096, 1ULL << 44, UINT64_MAX - 1, UINT64_MAX};
    uint64_t pick = random();
    return pick % 3 == 0 ? kCorners[pick / 3 % std::size(kCorners)] : random() >> (pick / 3 % 64);
  };
  size_t told = 0;
  for (int round = 0; round < 50; round++) {
    Insights insights;
    uint64_t now_ns = number();
    for (int tick = 0; tick < 100; tick++) {
      now_ns = random() % 20 == 0 ? number() : now_ns + 10 * kNsPerSecond;
      insights.begin(now_ns);
      Insights::Memory memory{number(), random() % 2 == 0 ? number() : 1000 * kMib, number()};
      insights.container(1, {}, &memory, {number(), number(), number(), number()});
      TrafficWindow::Totals totals;
      for (uint64_t& total : totals)
        total = number();
      insights.traffic(1, {}, totals);
      insights.filesystem(1, {}, number(), number(), number());
      NodeFacts node;
      node.memory = {number(), number()};
      node.disk = {number(), number()};
      insights.node(node, {number(), number(), number()});
      insights.end({}, number());
      std::string text;
      append_insights(text, insights.table(), "box", {now_ns, number()}, number());
      insights.table().each([&](const Insight& insight) {
        append_summary(text, insight);
        told++;
      });
    }
  }
  ck_assert_uint_gt(told, 1000);
}
END_TEST

START_TEST(bounded) {
  Insights insights;
  uint64_t now_ns = 1000 * kNsPerSecond;
  auto tick = [&](uint64_t first) {
    now_ns += 10 * kNsPerSecond;
    insights.begin(now_ns);
    for (uint64_t key = first; key < first + 5000; key++) {
      insights.traffic(key, {}, {});
      insights.container(key, {}, nullptr, {});
      insights.filesystem(key, {}, now_ns, 1, 2);
    }
    insights.end({}, 0);
  };
  tick(1);
  ck_assert_uint_eq(insights.subjects(), 3 * Insights::kSubjectsMax);
  ck_assert_uint_eq(insights.overflow(), 3 * (5000 - Insights::kSubjectsMax));
  // The next ones have room once those have gone.
  now_ns += Insights::kKeptNs;
  insights.begin(now_ns);
  insights.end({}, 0);
  now_ns += 60 * kNsPerSecond;
  insights.begin(now_ns);
  insights.end({}, 0);
  ck_assert_uint_eq(insights.subjects(), 0);
  tick(100000);
  ck_assert_uint_eq(insights.subjects(), 3 * Insights::kSubjectsMax);
}
END_TEST

}  // namespace

CHECK_MAIN("insights", an_hour_of_quiet, a_leak_and_its_end, restarts, each_kind,
           memory_that_cannot_be_read, long_pauses_and_clocks, any_numbers, bounded)
