#include "insight/container_rules.h"

#include "tests/check.h"
#include "tests/memory_levels.h"

using namespace kubepulse;  // NOLINT

namespace {

double evidence(const std::optional<Finding>& found, const char* name) {
  ck_assert(found);
  const Evidence* item = found->evidence.find(name);
  ck_assert_msg(item != nullptr, "%s", name);
  return item->value;
}

ContainerFacts facts_of(const MemoryLevels& levels) {
  ContainerFacts facts;
  facts.subject = {"shop", "web-0", "app", true, {}};
  facts.memory = &levels.history;
  return facts;
}

// Of five minutes: so many of each.
ContainerWindow window(const ContainerWindow::Totals& more) {
  ContainerWindow counters;
  counters.add(1000 * kNsPerSecond, {});
  for (uint64_t i = 1; i <= 30; i++) {
    ContainerWindow::Totals totals;
    for (size_t j = 0; j < totals.size(); j++)
      totals[j] = more[j] * i / 30;
    counters.add((1000 + i * 10) * kNsPerSecond, totals);
  }
  return counters;
}

START_TEST(nothing_known) {
  ContainerFacts facts;
  LevelHistory history;
  for (int i = 0; i < 2; i++, facts.memory = &history)
    for (auto* rule : {oom_predicted, oom_killed, memory_leak, crash_loop, cpu_throttled})
      for (bool held : {false, true})
        ck_assert(!rule(facts, held));
}
END_TEST

START_TEST(oom_is_predicted) {
  MemoryLevels levels;
  levels.then(300, 60);
  ck_assert(!oom_predicted(facts_of(levels), false));
  levels.line(900, 60);
  std::optional<Finding> found = oom_predicted(facts_of(levels), false);
  ck_assert_double_eq(evidence(found, "working_set"), 900 * 4096);
  ck_assert_double_eq(evidence(found, "memory_limit"), 1000 * 4096);
  ck_assert_double_eq(evidence(found, "highest"), 900 * 4096);
  ck_assert_double_eq_tol(evidence(found, "growth"), 4096, 10);
  ck_assert(found->prediction);
  ck_assert_double_eq_tol(found->prediction->seconds, 100, 1);
  ck_assert(found->severity == Severity::critical);
  ck_assert(!found->urgent);
  ck_assert(oom_predicted(facts_of(levels.line(950, 5)), false)->urgent);
}
END_TEST

// Less is enough, a rest of some minutes is none, a fall is its end.
START_TEST(oom_is_held) {
  MemoryLevels levels;
  levels.then(300, 60).line(900, 60).then(900, 10);
  ck_assert(!oom_predicted(facts_of(levels), false));
  ck_assert(oom_predicted(facts_of(levels), true));
  MemoryLevels fallen = levels;
  fallen.then(840);
  ck_assert(!oom_predicted(facts_of(fallen), true));
  levels.then(900, 31);
  ck_assert(!oom_predicted(facts_of(levels), true));
  // Nor where the limit is raised.
  MemoryLevels raised;
  raised.then(300, 60).line(900, 60);
  raised.limit_bytes *= 3;
  raised.then(900);
  ck_assert(!oom_predicted(facts_of(raised), true));
}
END_TEST

START_TEST(kills) {
  ContainerWindow counters = window({2, 0, 0, 0});
  MemoryLevels levels;
  levels.then(300, 60);
  ContainerFacts facts = facts_of(levels);
  facts.counters = &counters;
  std::optional<Finding> found = oom_killed(facts, false);
  ck_assert_double_eq(evidence(found, "oom_kills"), 2);
  ck_assert_double_eq(evidence(found, "memory_limit"), 1000 * 4096);
  ck_assert(found->severity == Severity::critical);
  ck_assert_ptr_null(found->evidence.find("restarts"));
  counters = window({2, 1, 0, 0});
  ck_assert_double_eq(evidence(oom_killed(facts, false), "restarts"), 1);
  counters = window({0, 5, 0, 0});
  ck_assert(!oom_killed(facts, false));
  // As the kubelet has it, where the count has gone with the container.
  facts.last_reason = "OOMKilled";
  found = oom_killed(facts, false);
  ck_assert_double_eq(evidence(found, "restarts"), 5);
  ck_assert_ptr_null(found->evidence.find("oom_kills"));
  counters = window({0, 0, 0, 0});
  ck_assert(!oom_killed(facts, false));
  facts.state = ContainerState::waiting;
  facts.waiting_reason = "CrashLoopBackOff";
  ck_assert(oom_killed(facts, false));
  facts.counters = nullptr;
  ck_assert(oom_killed(facts, false));
  facts.last_reason = "Error";
  ck_assert(!oom_killed(facts, false));
}
END_TEST

// Of a limit of 100,000 pages.
MemoryLevels large() {
  MemoryLevels levels;
  levels.limit_bytes *= 100;
  return levels;
}

START_TEST(leaks) {
  MemoryLevels levels = large();
  levels.then(30000, 60);
  // 50 pages a minute: 3,000 an hour.
  for (int hour = 0; hour < 6; hour++) {
    levels.line(30000 + (hour + 1) * 3000, 360);
    if (hour > 2) ck_assert(memory_leak(facts_of(levels), false));
  }
  std::optional<Finding> found = memory_leak(facts_of(levels), false);
  ck_assert_double_eq_tol(evidence(found, "growth") * 3600, 3000 * 4096, 100 * 4096);
  ck_assert_double_ge(evidence(found, "span"), 5 * 3600);
  ck_assert_double_eq_tol(evidence(found, "grown"), 17500 * 4096, 1000 * 4096);
}
END_TEST

START_TEST(no_leaks) {
  // Flat; too little; too short.
  ck_assert(!memory_leak(facts_of(large().then(50000, 2000)), false));
  ck_assert(!memory_leak(facts_of(large().then(50000).line(54000, 2000)), false));
  ck_assert(!memory_leak(facts_of(large().then(30000, 60).line(50000, 240)), false));
  // A warm-up that has ended, and one that is about to.
  ck_assert(!memory_leak(facts_of(large().then(10000).line(70000, 200).then(70000, 600)), false));
  ck_assert(!memory_leak(facts_of(large().then(10000).line(50000, 400).line(60000, 600)), false));
  // A saw-tooth of any length, wherever one looks.
  for (int length : {20, 90, 200, 400, 800, 1500}) {
    MemoryLevels levels = large();
    levels.then(30000);
    for (int i = 0; i < 3 + 6000 / length; i++) {
      levels.line(80000, length);
      // The first one may be anything.
      if (i > 0) ck_assert_msg(!memory_leak(facts_of(levels), false), "%d samples", length);
      levels.then(30000);
      if (i > 0) ck_assert_msg(!memory_leak(facts_of(levels), false), "%d samples", length);
    }
  }
}
END_TEST

// 16 MiB are 4,096 pages, half of them where it is held: however many times what it had. Of a small
// limit 7.5 % is enough.
START_TEST(little_leaks) {
  struct Case {
    double grown;
    uint64_t limit_pages;
    bool told, held;
  };
  for (const Case& each : {Case{5000, 0, true, true}, Case{3500, 0, false, true},
                           Case{1500, 0, false, false}, Case{3500, 55000, false, true},
                           Case{3500, 44000, true, true}, Case{1500, 4000, true, true}}) {
    MemoryLevels levels;
    levels.limit_bytes = each.limit_pages == 0 ? UINT64_MAX : each.limit_pages * 4096;
    levels.then(300, 60).line(300 + each.grown, 2000);
    ck_assert_int_eq(memory_leak(facts_of(levels), false).has_value(), each.told);
    ck_assert_int_eq(memory_leak(facts_of(levels), true).has_value(), each.held);
  }
}
END_TEST

START_TEST(a_leak_below_a_saw_tooth) {
  MemoryLevels levels = large();
  levels.then(20000);
  for (int i = 0; i < 60; i++)
    levels.line(40000 + i * 500, 30).then(20500 + i * 500);
  ck_assert(memory_leak(facts_of(levels), false));
}
END_TEST

START_TEST(crash_loops) {
  ContainerFacts facts;
  facts.state = ContainerState::waiting;
  facts.waiting_reason = "CrashLoopBackOff";
  facts.last_reason = "Error";
  facts.last_exit_code = 2;
  std::optional<Finding> found = crash_loop(facts, false);
  CHECK_TEXT(found->reason, "Error");
  ck_assert_ptr_null(found->evidence.find("restarts"));
  ck_assert_double_eq(evidence(found, "exit_code"), 2);
  facts.waiting_reason = "ContainerCreating";
  ck_assert(!crash_loop(facts, true));
  ContainerWindow counters = window({0, 2, 0, 0});
  facts.counters = &counters;
  ck_assert(!crash_loop(facts, false));
  ck_assert(crash_loop(facts, true));
  counters = window({0, 3, 0, 0});
  ck_assert(crash_loop(facts, false));
}
END_TEST

START_TEST(throttling) {
  ContainerFacts facts;
  ContainerWindow counters = window({0, 0, 60000, 30000});
  facts.counters = &counters;
  std::optional<Finding> found = cpu_throttled(facts, false);
  ck_assert_double_eq_tol(evidence(found, "throttled"), 1 / 3.0, 0.01);
  ck_assert_double_eq_tol(evidence(found, "cpus_used"), 0.2, 0.01);
  ck_assert_ptr_null(found->evidence.find("cpu_limit"));
  facts.cpu_limit = 0.25;
  ck_assert_double_eq(evidence(cpu_throttled(facts, false), "cpu_limit"), 0.25);
  counters = window({0, 0, 80000, 15000});
  ck_assert(!cpu_throttled(facts, false));
  ck_assert(cpu_throttled(facts, true));
  // Most of nearly nothing.
  counters = window({0, 0, 1000, 3000});
  ck_assert(!cpu_throttled(facts, false));
  counters = window({0, 0, 10000, 90000});
  ck_assert(cpu_throttled(facts, false)->severity == Severity::critical);
}
END_TEST

}  // namespace

CHECK_MAIN("container_rules", nothing_known, oom_is_predicted, oom_is_held, kills, leaks, no_leaks,
           little_leaks, a_leak_below_a_saw_tooth, crash_loops, throttling)
