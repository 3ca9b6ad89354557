#include "publish/container_store.h"

#include <algorithm>

namespace kubepulse {

namespace {

void add_known(std::optional<uint64_t>& sum, const std::optional<uint64_t>& other) {
  if (other) sum = sum.value_or(0) + *other;
}

void add_each(PowerHistogram& sum, const PowerHistogram& other) {
  for (size_t i = 0; i < kPowerBuckets; i++)
    sum.buckets[i] += other.buckets[i];
  sum.sum_ns += other.sum_ns;
}

template <typename Named, typename Name>
Named& named(std::vector<Named>& all, Name Named::*member, std::string_view name) {
  for (Named& each : all)
    if (each.*member == name) return each;
  all.emplace_back();
  all.back().*member = Name(name);
  return all.back();
}

}  // namespace

DiskCounts& ContainerCounts::disk(std::string_view device) {
  return named(disks, &DiskCounts::device, device);
}

SyscallCounts& ContainerCounts::syscall(std::string_view name) {
  return named(syscalls, &SyscallCounts::name, name);
}

void ContainerCounts::add(const ContainerCounts& other) {
  if (other.scheduler) {
    if (!scheduler) scheduler.emplace();
    add_each(scheduler->run_queue, other.scheduler->run_queue);
    for (size_t i = 0; i < scheduler->switches.size(); i++)
      scheduler->switches[i] += other.scheduler->switches[i];
  }
  add_known(cpu_usage_ns, other.cpu_usage_ns);
  add_known(cpu_throttled_ns, other.cpu_throttled_ns);
  for (size_t i = 0; i < kResources; i++) {
    add_known(waiting_ns[i], other.waiting_ns[i]);
    add_known(stalled_ns[i], other.stalled_ns[i]);
  }
  add_known(oom_kills, other.oom_kills);
  add_known(major_faults, other.major_faults);
  add_known(restarts, other.restarts);
  for (const DiskCounts& each : other.disks) {
    DiskCounts& sum = disk(each.device);
    for (size_t i = 0; i < sum.values.size(); i++)
      sum.values[i] += each.values[i];
  }
  for (const SyscallCounts& each : other.syscalls) {
    SyscallCounts& sum = syscall(each.name);
    sum.calls += each.calls;
    sum.errors += each.errors;
    add_each(sum.latency, each.latency);
  }
  add_known(memory_usage_bytes, other.memory_usage_bytes);
  add_known(memory_working_set_bytes, other.memory_working_set_bytes);
  add_known(memory_limit_bytes, other.memory_limit_bytes);
  // The volumes of two lives are the same ones.
  for (const FilesystemSizes& each : other.filesystems) {
    bool known = std::any_of(filesystems.begin(), filesystems.end(),
                             [&](const auto& held) { return held.mountpoint == each.mountpoint; });
    if (!known) filesystems.push_back(each);
  }
}

void ContainerCounts::clear_gauges() {
  memory_usage_bytes.reset();
  memory_working_set_bytes.reset();
  memory_limit_bytes.reset();
  filesystems.clear();
}

ContainerCounts& ContainerStore::of(Index index) {
  if (index >= all_.size()) all_.resize(index + 1);
  if (all_[index] != nullptr) return *all_[index];
  if (index >= Workloads::kFirst) {
    if (!budget_.allows(kSeriesOfContainer)) return of(Workloads::kOther);
    budget_.take(kSeriesOfContainer);
  }
  all_[index] = std::make_unique<ContainerCounts>();
  return *all_[index];
}

void ContainerStore::remove(Index index) {
  if (index >= all_.size() || all_[index] == nullptr) return;
  all_[index].reset();
  if (index >= Workloads::kFirst) budget_.give_back(kSeriesOfContainer);
}

void ContainerStore::merge(Index from, Index to) {
  const ContainerCounts* counts = if_any(from);
  if (counts != nullptr && to != Workloads::kFiltered) of(to).add(*counts);
  remove(from);
}

}  // namespace kubepulse
