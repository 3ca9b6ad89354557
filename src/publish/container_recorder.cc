#include "publish/container_recorder.h"

#include <cstring>

namespace kubepulse {

namespace {

uint64_t growth(uint64_t now, uint64_t told) {
  return now > told ? now - told : 0;
}

void add_growth(std::optional<uint64_t>& sum, const std::optional<uint64_t>& now,
                std::optional<uint64_t>& told) {
  if (!now) return;
  sum = sum.value_or(0) + growth(*now, told.value_or(0));
  told = now;
}

void add_gauge(std::optional<uint64_t>& sum, const std::optional<uint64_t>& now) {
  if (now) sum = sum.value_or(0) + *now;
}

std::optional<uint64_t> millicpus(const CgroupStats& stats) {
  // The kernel's bounds: a period is below a second, a quota below 2^44 us.
  constexpr uint64_t kQuotaMax = uint64_t{1} << 44;
  if (!stats.cpu_quota_us || *stats.cpu_quota_us > kQuotaMax ||
      stats.cpu_period_us.value_or(0) == 0)
    return std::nullopt;
  return *stats.cpu_quota_us * 1000 / *stats.cpu_period_us;
}

}  // namespace

void ContainerRecorder::begin() {
  begin_gauges();
  store_.each([](ContainerCounts& counts) { counts.filesystems.clear(); });
}

void ContainerRecorder::begin_gauges() {
  store_.each([](ContainerCounts& counts) { counts.clear_gauges(); });
}

bool ContainerRecorder::wants(uint64_t cgroup, std::string_view path, uint64_t now_ns) {
  return containers_.index(containers_.of_path(cgroup, path, now_ns)) != Workloads::kFiltered;
}

// Where the table is full nothing can be told to be new, so that nothing is added.
ContainerRecorder::Told& ContainerRecorder::told(uint64_t cgroup) {
  std::unique_ptr<Told>* held = told_.insert(cgroup);
  if (held == nullptr) {
    overflow_++;
    return beyond_the_bound_;
  }
  if (*held == nullptr) *held = std::make_unique<Told>();
  return **held;
}

void ContainerRecorder::files(uint64_t cgroup, std::string_view path, const CgroupStats& stats,
                              uint64_t now_ns) {
  Told& all_told = told(cgroup);
  if (&all_told == &beyond_the_bound_) return;
  CgroupStats& told = all_told.files;
  ContainerCounts& counts = store_.of(containers_.index(containers_.of_path(cgroup, path, now_ns)));
  add_growth(counts.cpu_usage_ns, stats.cpu_usage_ns, told.cpu_usage_ns);
  add_growth(counts.cpu_throttled_ns, stats.cpu_throttled_ns, told.cpu_throttled_ns);
  static_assert(kPressures == static_cast<size_t>(ContainerCounts::kResources));
  for (size_t i = 0; i < kPressures; i++) {
    add_growth(counts.waiting_ns[i], stats.pressure[i].waiting_ns, told.pressure[i].waiting_ns);
    add_growth(counts.stalled_ns[i], stats.pressure[i].stalled_ns, told.pressure[i].stalled_ns);
  }
  add_growth(counts.oom_kills, stats.oom_kills, told.oom_kills);
  add_growth(counts.major_faults, stats.major_faults, told.major_faults);
  add_disks(counts, stats.disks, told.disks);
  add_gauge(counts.memory_usage_bytes, stats.memory_usage_bytes);
  add_gauge(counts.memory_working_set_bytes, stats.memory_working_set_bytes);
  add_gauge(counts.memory_reclaimable_bytes, stats.memory_reclaimable_bytes);
  if (stats.memory_limit_bytes != kNoMemoryLimit)
    add_gauge(counts.memory_limit_bytes, stats.memory_limit_bytes);
  add_gauge(counts.cpu_limit_millicpus, millicpus(stats));
}

void ContainerRecorder::add_disks(ContainerCounts& counts, const DiskList& disks, DiskList& told) {
  for (const DiskStats& now : disks) {
    DiskStats* before = told.insert(now.major, now.minor);
    if (before == nullptr) continue;
    DiskCounts& sum = counts.disk(device_(now.major, now.minor));
    sum.values[0] += growth(now.read_bytes, before->read_bytes);
    sum.values[1] += growth(now.written_bytes, before->written_bytes);
    sum.values[2] += growth(now.reads, before->reads);
    sum.values[3] += growth(now.writes, before->writes);
    *before = now;
  }
}

void ContainerRecorder::scheduler(uint64_t cgroup, const sched_counts& now, uint64_t now_ns) {
  Told& all_told = told(cgroup);
  if (&all_told == &beyond_the_bound_) return;
  sched_counts& told = all_told.scheduler;
  if (memcmp(&now, &told, sizeof now) == 0) return;
  ContainerCounts& counts = store_.of(containers_.index(containers_.of(cgroup, 0, now_ns)));
  if (!counts.scheduler) counts.scheduler.emplace();
  SchedulerCounts& sum = *counts.scheduler;
  static_assert(kPowerBuckets == POWER_BUCKETS, "as the kernel programs count");
  for (size_t i = 0; i < kPowerBuckets; i++)
    sum.run_queue.buckets[i] += growth(now.waits[i], told.waits[i]);
  sum.run_queue.sum_ns += growth(now.waited_ns, told.waited_ns);
  sum.switches[0] += growth(now.voluntary, told.voluntary);
  sum.switches[1] += growth(now.preempted, told.preempted);
  told = now;
}

void ContainerRecorder::syscall(uint64_t cgroup, size_t number, std::string_view name,
                                const syscall_counts& now, uint64_t now_ns) {
  Told& all_told = told(cgroup);
  if (&all_told == &beyond_the_bound_) return;
  if (number >= all_told.syscalls.size()) all_told.syscalls.resize(number + 1);
  syscall_counts& told = all_told.syscalls[number];
  if (memcmp(&now, &told, sizeof now) == 0) return;
  SyscallCounts& sum = store_.syscall(containers_.index(containers_.of(cgroup, 0, now_ns)), name);
  sum.calls += growth(now.untimed, told.untimed);
  for (size_t i = 0; i < kPowerBuckets; i++) {
    uint64_t more = growth(now.buckets[i], told.buckets[i]);
    sum.latency.buckets[i] += more;
    sum.calls += more;
  }
  sum.latency.sum_ns += growth(now.sum_ns, told.sum_ns);
  sum.errors += growth(now.errors, told.errors);
  told = now;
}

void ContainerRecorder::restarts(const PodTable& pods) {
  WorkloadLabels labels;
  pods.each_container([&](const ContainerStatus& status) {
    if (!status.watched) return;
    labels.ns = status.ns;
    labels.pod = status.pod;
    labels.container = status.container;
    std::optional<Workloads::Index> index = containers_.find(labels);
    if (!index) return;
    uint32_t now = status.restarts;
    if (*index >= restarts_.size()) restarts_.resize(containers_.end());
    Restarts& last = restarts_[*index];
    if (last.serial != containers_.serial(*index)) last = {containers_.serial(*index), 0};
    std::optional<uint64_t>& sum = store_.of(*index).restarts;
    sum = sum.value_or(0) + (now >= last.told ? now - last.told : now);
    last.told = now;
  });
}

}  // namespace kubepulse
