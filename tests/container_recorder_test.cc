#include "publish/container_recorder.h"

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kMinute = 60 * kNsPerSecond;
constexpr size_t kSeries = 51;  // of a container

#define POD "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/"

std::string id_of(char digit) {
  return std::string(64, digit);
}

CgroupStats stats_of(uint64_t counter, uint64_t gauge) {
  CgroupStats stats;
  stats.cpu_usage_ns = stats.cpu_throttled_ns = stats.oom_kills = stats.major_faults = counter;
  for (PressureTimes& pressure : stats.pressure)
    pressure.waiting_ns = pressure.stalled_ns = counter;
  stats.memory_usage_bytes = stats.memory_working_set_bytes = stats.memory_reclaimable_bytes =
      gauge;
  stats.memory_limit_bytes = kNoMemoryLimit;
  DiskStats* disk = stats.disks.insert(8, 0);
  disk->read_bytes = disk->written_bytes = disk->reads = disk->writes = counter;
  return stats;
}

struct Bench {
  Bench() {
    containers.set_pods(&pods);
    changes.merged = [this](auto from, auto to) { store.merge(from, to); };
    changes.removed = [this](auto index) { store.remove(index); };
  }

  // The pod with its container "main", whose id is of that digit.
  void list(char digit, uint32_t restarts) {
    static Pod pod;
    pod.clear();
    pod.ns.assign("shop");
    pod.name.assign("web-0");
    pod.uid.assign("11111111-2222-3333-4444-555555555555");
    pod.container("main")->id.assign(id_of(digit));
    pod.container("main")->restarts = restarts;
    pods.begin();
    pods.add(pod);
    pods.commit(kT);
    containers.settle(kT, changes);
  }
  void files(uint64_t cgroup, char digit, const CgroupStats& stats) {
    recorder.files(cgroup, POD + id_of(digit), stats, kT);
  }
  const ContainerCounts& main() {
    auto index = containers.find({"shop", "web-0", "main"});
    ck_assert(index.has_value());
    const ContainerCounts* counts = store.if_any(*index);
    ck_assert_ptr_nonnull(counts);
    return *counts;
  }

  PodTable pods;
  CgroupPaths paths;
  Workloads containers{paths, Workloads::Grain::container};
  SeriesBudget budget;
  ContainerStore store{budget, kSeries};
  Workloads::Changes changes;
  ContainerRecorder recorder{containers, store, [](uint32_t major, uint32_t minor) {
                               return std::to_string(major) + ":" + std::to_string(minor);
                             }};
};

START_TEST(counters_go_on_over_restarts) {
  Bench bench;
  bench.list('a', 0);
  bench.recorder.begin();
  bench.files(1, 'a', stats_of(100, 5000));
  bench.recorder.begin();
  bench.files(1, 'a', stats_of(130, 6000));
  ck_assert_uint_eq(*bench.main().cpu_usage_ns, 130);
  ck_assert_uint_eq(*bench.main().memory_usage_bytes, 6000);
  ck_assert(!bench.main().memory_limit_bytes);
  // Another life: its cgroup begins at zero.
  bench.list('b', 1);
  bench.recorder.begin();
  bench.files(2, 'b', stats_of(7, 300));
  const ContainerCounts& counts = bench.main();
  for (const std::optional<uint64_t>& sum :
       {counts.cpu_usage_ns, counts.cpu_throttled_ns, counts.oom_kills, counts.major_faults,
        counts.waiting_ns[ContainerCounts::io], counts.stalled_ns[ContainerCounts::cpu]})
    ck_assert_uint_eq(*sum, 137);
  ck_assert_uint_eq(*counts.memory_usage_bytes, 300);
  ck_assert_uint_eq(counts.disks.size(), 1);
  CHECK_TEXT(counts.disks[0].device, "8:0");
  for (uint64_t value : counts.disks[0].values)
    ck_assert_uint_eq(value, 137);
  ck_assert_uint_eq(*counts.memory_reclaimable_bytes, 300);
  // What the kernel does not tell is not known, and takes nothing away.
  bench.recorder.begin();
  bench.files(2, 'b', CgroupStats());
  ck_assert_uint_eq(*bench.main().cpu_usage_ns, 137);
  ck_assert(!bench.main().memory_usage_bytes);
  ck_assert(!bench.main().memory_reclaimable_bytes);
}
END_TEST

START_TEST(cpu_limit) {
  Bench bench;
  bench.list('a', 0);
  auto limit_of = [&bench](std::optional<uint64_t> quota_us, std::optional<uint64_t> period_us) {
    CgroupStats stats;
    stats.cpu_quota_us = quota_us;
    stats.cpu_period_us = period_us;
    bench.recorder.begin_gauges();
    bench.files(1, 'a', stats);
    return bench.main().cpu_limit_millicpus;
  };
  ck_assert_uint_eq(*limit_of(50000, 100000), 500);
  ck_assert_uint_eq(*limit_of(150000, 40000), 3750);
  ck_assert(!limit_of(std::nullopt, 100000));
  ck_assert(!limit_of(50000, 0));
  ck_assert(!limit_of(50000, std::nullopt));
  ck_assert(!limit_of(UINT64_MAX, 1));
}
END_TEST

// A look at memory alone, between two at all.
START_TEST(memory_alone) {
  Bench bench;
  bench.list('a', 0);
  bench.recorder.begin();
  bench.files(1, 'a', stats_of(100, 5000));
  auto index = bench.containers.find({"shop", "web-0", "main"});
  bench.store.of(*index).filesystems.push_back({"/data", 3, 2, 1});
  bench.recorder.begin_gauges();
  ck_assert(!bench.main().memory_working_set_bytes && !bench.main().memory_reclaimable_bytes);
  CgroupStats stats;
  stats.memory_usage_bytes = stats.memory_working_set_bytes = 6000;
  stats.cpu_usage_ns = 130;
  bench.files(1, 'a', stats);
  ck_assert_uint_eq(*bench.main().memory_working_set_bytes, 6000);
  ck_assert_uint_eq(*bench.main().cpu_usage_ns, 130);
  ck_assert_uint_eq(*bench.main().major_faults, 100);
  ck_assert_uint_eq(bench.main().filesystems.size(), 1);
  bench.recorder.begin();
  ck_assert(bench.main().filesystems.empty() && !bench.main().memory_usage_bytes);
}
END_TEST

START_TEST(waits_and_switches) {
  Bench bench;
  bench.list('a', 0);
  bench.paths.born(1, POD + id_of('a'));
  bench.paths.born(2, POD + id_of('a') + "/nested");
  sched_counts counts{};
  counts.voluntary = 3;
  counts.preempted = 4;
  counts.waited_ns = 5000;
  counts.waits[0] = 6;
  counts.waits[25] = 1;
  bench.recorder.scheduler(1, counts, kT);
  bench.recorder.scheduler(1, counts, kT);
  counts.voluntary = 5;
  counts.waits[25] = 2;
  bench.recorder.scheduler(1, counts, kT);
  bench.recorder.scheduler(2, counts, kT);  // another cgroup of the same container
  const SchedulerCounts& sum = *bench.main().scheduler;
  ck_assert(sum.switches[0] == 10 && sum.switches[1] == 8);
  ck_assert_uint_eq(sum.run_queue.sum_ns, 10000);
  ck_assert(sum.run_queue.buckets[0] == 12 && sum.run_queue.buckets[25] == 4);
}
END_TEST

// The sandbox is in no list: after a while its figures stand under the pod, without a container.
START_TEST(containers_are_named_later) {
  Bench bench;
  bench.recorder.begin();
  bench.files(1, 'a', stats_of(10, 1));
  bench.files(9, '9', stats_of(1, 1));
  bench.list('a', 0);
  ck_assert_uint_eq(*bench.main().cpu_usage_ns, 10);
  ck_assert(!bench.containers.find({"shop", "web-0", ""}));
  bench.containers.settle(kT + 15 * kNsPerSecond, bench.changes);
  auto sandbox = bench.containers.find({"shop", "web-0", ""});
  ck_assert(sandbox.has_value());
  ck_assert_uint_eq(*bench.store.if_any(*sandbox)->cpu_usage_ns, 1);
  // A name that is known stays, though the list knows that life no more.
  bench.list('b', 1);
  bench.containers.settle(kT + 16 * kNsPerSecond, bench.changes);
  bench.files(1, 'a', stats_of(12, 1));
  ck_assert_uint_eq(*bench.main().cpu_usage_ns, 12);
}
END_TEST

START_TEST(restarts) {
  Bench bench;
  bench.list('a', 4);
  bench.recorder.restarts(bench.pods);  // no cgroup of it was seen yet
  bench.files(1, 'a', stats_of(10, 1));
  bench.recorder.restarts(bench.pods);
  bench.recorder.restarts(bench.pods);
  ck_assert_uint_eq(*bench.main().restarts, 4);
  bench.list('b', 5);
  bench.recorder.restarts(bench.pods);
  ck_assert_uint_eq(*bench.main().restarts, 5);
  bench.list('c', 1);  // the pod was made again, and has restarted once
  bench.recorder.restarts(bench.pods);
  ck_assert_uint_eq(*bench.main().restarts, 6);
}
END_TEST

START_TEST(not_wanted) {
  Bench bench;
  bench.containers.set_filter([](std::string_view ns) { return ns == "shop"; });
  ck_assert(!bench.recorder.wants(5, "/system.slice/a.service", kT));
  ck_assert(bench.recorder.wants(1, POD + id_of('a'), kT));  // who knows
  bench.list('a', 0);
  ck_assert(bench.recorder.wants(1, POD + id_of('a'), kT));
}
END_TEST

START_TEST(all_gone) {
  Bench bench;
  bench.list('a', 1);
  bench.files(1, 'a', stats_of(10, 1));
  ck_assert_uint_eq(bench.budget.used(), kSeries);
  std::vector<uint64_t> gone;
  for (uint64_t at : {kT + kMinute, kT + 6 * kMinute})
    bench.containers.sweep(at, bench.changes, [&](uint64_t cgroup) { gone.push_back(cgroup); });
  ck_assert(gone == std::vector<uint64_t>{1});
  ck_assert_uint_eq(bench.budget.used(), 0);
  ck_assert_uint_eq(bench.containers.size(), 0);
}
END_TEST

// The kernel's tables have its counts until they are forgotten, and each scrape reads them.
START_TEST(counts_of_the_dead_keep_nobody) {
  Bench bench;
  bench.list('a', 0);
  bench.paths.born(1, POD + id_of('a'));
  sched_counts waits{};
  waits.voluntary = 3;
  syscall_counts calls{};
  calls.untimed = 3;
  std::vector<uint64_t> gone;
  for (uint64_t at = kT; at <= kT + 6 * kMinute; at += 10 * kNsPerSecond) {
    bench.recorder.scheduler(1, waits, at);
    bench.recorder.syscall(1, 0, "read", calls, at);
    if ((at - kT) % kMinute == 0)
      bench.containers.sweep(at, bench.changes, [&](uint64_t cgroup) { gone.push_back(cgroup); });
  }
  ck_assert(gone == std::vector<uint64_t>{1});
  ck_assert_uint_eq(bench.containers.size(), 0);
  ck_assert_uint_eq(bench.budget.used(), 0);
}
END_TEST

}  // namespace

CHECK_MAIN("container_recorder", counters_go_on_over_restarts, cpu_limit, memory_alone,
           waits_and_switches, containers_are_named_later, restarts, not_wanted, all_gone,
           counts_of_the_dead_keep_nobody)
