#include "insight/node_rules.h"

#include "tests/check.h"
#include "tests/memory_levels.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string spoken(const NodeFacts& facts, bool held = false) {
  std::string out;
  for (size_t i = 0; i < kNodeResources; i++) {
    std::optional<Finding> found = node_pressure(facts, static_cast<NodeResource>(i), held);
    if (!found) continue;
    ck_assert_str_eq(found->object.data(), node_resource_name(static_cast<NodeResource>(i)));
    out += std::string(found->object) + " ";
  }
  return out;
}

// In 200 seconds.
NodeWindow window(uint64_t cpu_ms, uint64_t memory_ms, uint64_t io_ms) {
  NodeWindow counters;
  counters.add(1000 * kNsPerSecond, {});
  counters.add(1200 * kNsPerSecond, {cpu_ms, memory_ms, io_ms});
  return counters;
}

START_TEST(pressure) {
  NodeFacts facts;
  CHECK_TEXT(spoken(facts), "");
  NodeWindow counters = window(100000, 10000, 70000);
  facts.counters = &counters;
  CHECK_TEXT(spoken(facts), "");
  CHECK_TEXT(spoken(facts, true), "memory io cpu ");
  counters = window(130000, 21000, 85000);
  CHECK_TEXT(spoken(facts), "memory io cpu ");
  ck_assert_double_eq_tol(
      node_pressure(facts, NodeResource::io, false)->evidence.find("stalled")->value, 0.425, 1e-3);
  ck_assert_double_eq_tol(
      node_pressure(facts, NodeResource::cpu, false)->evidence.find("waiting")->value, 0.65, 1e-3);
}
END_TEST

START_TEST(room) {
  NodeFacts facts;
  facts.memory = {96, 100};
  facts.disk = {89, 100};
  facts.inodes = {94, 100};
  facts.pids = {89, 100};
  CHECK_TEXT(spoken(facts), "");
  CHECK_TEXT(spoken(facts, true), "memory disk inodes pids ");
  facts.memory.used = 97;
  CHECK_TEXT(spoken(facts), "memory ");
  facts = {};
  facts.disk = {90, 100};
  CHECK_TEXT(spoken(facts), "disk ");
  facts = {};
  facts.inodes = {95, 100};
  CHECK_TEXT(spoken(facts), "inodes ");
  facts = {};
  facts.pids = {91, 100};
  CHECK_TEXT(spoken(facts), "pids ");
}
END_TEST

std::optional<Finding> filling(const MemoryLevels& levels, bool held = false) {
  FilesystemFacts facts;
  facts.mountpoint = "/data";
  facts.level = &levels.history;
  return filesystem_filling(facts, held);
}

START_TEST(filesystems) {
  ck_assert(!filling(MemoryLevels()));
  ck_assert(!filling(MemoryLevels().then(900, 400)));
  std::optional<Finding> found = filling(MemoryLevels().then(960, 20));
  ck_assert(found && !found->prediction && found->severity == Severity::warning);
  CHECK_TEXT(found->object, "/data");
  ck_assert(filling(MemoryLevels().then(995, 20))->severity == Severity::critical);
  ck_assert(!filling(MemoryLevels().then(940, 20)));
  ck_assert(!filling(MemoryLevels().then(960)) && filling(MemoryLevels().then(960), true));
  ck_assert(!filling(MemoryLevels().then(500, 20).then(960)));
  ck_assert(filling(MemoryLevels().then(500, 20).then(960, 2)));
  ck_assert(filling(MemoryLevels().then(940, 20), true));
}
END_TEST

START_TEST(filesystems_that_fill) {
  // Fast: a page a second. Slow: 100 pages an hour, with four hours left.
  std::optional<Finding> fast = filling(MemoryLevels().then(300, 60).line(900, 60));
  ck_assert(fast && fast->prediction);
  ck_assert_double_eq_tol(fast->prediction->seconds, 100, 5);
  ck_assert(fast->severity == Severity::critical);
  std::optional<Finding> slow = filling(MemoryLevels().then(100).line(600, 5 * 360));
  ck_assert(slow && slow->prediction);
  ck_assert_double_eq_tol(slow->prediction->seconds, 4 * 3600, 900);
  ck_assert_double_le(slow->prediction->seconds_low, slow->prediction->seconds);
  ck_assert_double_ge(slow->prediction->seconds_high, slow->prediction->seconds);
  ck_assert(slow->severity == Severity::warning);
  // Farther off than it was seen.
  ck_assert(!filling(MemoryLevels().then(100).line(400, 5 * 360)));
  // Written, and removed again.
  MemoryLevels log;
  log.then(100);
  for (int i = 0; i < 10; i++)
    log.line(700, 200).then(100);
  ck_assert(!filling(log));
}
END_TEST

}  // namespace

CHECK_MAIN("node_rules", pressure, room, filesystems, filesystems_that_fill)
