#include "publish/drop_recorder.h"

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kMinute = 60 * kNsPerSecond;

struct Bench {
  Bench() {
    paths.born(21, "/system.slice/a.service");
    paths.born(22, "/system.slice/b.service");
    changes.merged = [this](auto from, auto to) { store.merge(from, to); };
    changes.removed = [this](auto index) { store.remove(index); };
  }

  uint64_t told(const WorkloadLabels& labels, const std::string& reason) {
    auto index = workloads.find(labels);
    const DropCounts* counts = index ? store.drops_if_any(*index) : nullptr;
    if (counts == nullptr) return 0;
    for (const DropCount& each : counts->reasons)
      if (each.reason == reason) return each.packets;
    return 0;
  }

  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{10}};
  Workloads::Changes changes;
  DropRecorder recorder{workloads, store,
                        [](uint32_t reason) { return "R" + std::to_string(reason); }};
};

const WorkloadLabels kUnitA = {"systemd", "a.service", ""};
const WorkloadLabels kUnitB = {"systemd", "b.service", ""};
const WorkloadLabels kKernel = {"host", "kernel", ""};

START_TEST(growth) {
  Bench bench;
  bench.recorder.take(21, 3, 5, kT);
  bench.recorder.take(21, 4, 1, kT);
  bench.recorder.take(22, 3, 7, kT);
  bench.recorder.take(0, 3, 11, kT);
  for (int i = 0; i < 2; i++)
    bench.recorder.take(21, 3, 9, kT);
  bench.recorder.take(0, 3, 13, kT);
  ck_assert_uint_eq(bench.told(kUnitA, "R3"), 9);
  ck_assert_uint_eq(bench.told(kUnitA, "R4"), 1);
  ck_assert_uint_eq(bench.told(kUnitB, "R3"), 7);
  ck_assert_uint_eq(bench.told(kKernel, "R3"), 13);
  ck_assert_uint_eq(bench.store.series(), 4);
}
END_TEST

// The kernel begins at zero, and the series goes on.
START_TEST(forgotten) {
  Bench bench;
  bench.recorder.take(21, 3, 5, kT);
  bench.recorder.take(21, 4, 5, kT);
  uint32_t reasons = 0;
  bench.recorder.forget(21, [&](uint32_t reason) { reasons |= 1U << reason; });
  ck_assert_uint_eq(reasons, 1U << 3 | 1U << 4);
  bench.recorder.forget(21, [&](uint32_t) { reasons = 0; });
  bench.recorder.forget(99, [&](uint32_t) { reasons = 0; });
  ck_assert_uint_eq(reasons, 1U << 3 | 1U << 4);
  bench.recorder.take(21, 3, 2, kT);
  ck_assert_uint_eq(bench.told(kUnitA, "R3"), 7);
}
END_TEST

// What the kernel still has of a cgroup that is gone does not keep the series.
START_TEST(counts_of_the_dead) {
  Bench bench;
  bench.recorder.take(21, 3, 5, kT);
  size_t removed = 0;
  for (uint64_t now_ns = kT; now_ns < kT + 13 * kMinute; now_ns += kMinute) {
    bench.recorder.take(21, 3, 5, now_ns);
    bench.workloads.sweep(now_ns, bench.changes, [&](uint64_t cgroup) {
      ck_assert_uint_eq(cgroup, 21);
      bench.recorder.forget(cgroup, [&](uint32_t) { removed++; });
    });
    // As the kernel's entry is.
    if (removed != 0) break;
  }
  ck_assert_uint_eq(removed, 1);
  for (uint64_t now_ns = kT + 13 * kMinute; now_ns < kT + 26 * kMinute; now_ns += kMinute)
    bench.workloads.sweep(now_ns, bench.changes, [](uint64_t) {});
  ck_assert(!bench.workloads.find(kUnitA).has_value());
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

}  // namespace

CHECK_MAIN("drop_recorder", growth, forgotten, counts_of_the_dead)
