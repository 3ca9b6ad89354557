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

}  // namespace

DiskCounts& ContainerCounts::disk(std::string_view device) {
  for (DiskCounts& each : disks)
    if (each.device == device) return each;
  disks.emplace_back();
  disks.back().device = device;
  return disks.back();
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
  add_known(memory_usage_bytes, other.memory_usage_bytes);
  add_known(memory_working_set_bytes, other.memory_working_set_bytes);
  add_known(memory_limit_bytes, other.memory_limit_bytes);
  add_known(memory_reclaimable_bytes, other.memory_reclaimable_bytes);
  add_known(cpu_limit_millicpus, other.cpu_limit_millicpus);
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
  memory_reclaimable_bytes.reset();
  cpu_limit_millicpus.reset();
}

ContainerCounts& ContainerStore::of(Index index) {
  if (index >= all_.size()) all_.resize(index + 1);
  if (all_[index] != nullptr) return *all_[index];
  if (index >= Workloads::kFirst) {
    if (!budget_.allows(series_)) return of(Workloads::kOther);
    budget_.take(series_);
  }
  all_[index] = std::make_unique<ContainerCounts>();
  return *all_[index];
}

SyscallCounts& ContainerStore::syscall(Index index, std::string_view name) {
  std::vector<SyscallCounts>& all = of(index).syscalls;
  for (SyscallCounts& each : all)
    if (each.name == name) return each;
  if (index >= Workloads::kFirst && if_any(index) != nullptr) {
    if (!budget_.allows(SyscallCounts::kSeries)) return syscall(Workloads::kOther, name);
    budget_.take(SyscallCounts::kSeries);
  }
  all.emplace_back();
  all.back().name = name;
  return all.back();
}

std::unique_ptr<ContainerCounts> ContainerStore::take(Index index) {
  if (index >= all_.size() || all_[index] == nullptr) return nullptr;
  if (index >= Workloads::kFirst)
    budget_.give_back(series_ + all_[index]->syscalls.size() * SyscallCounts::kSeries);
  return std::move(all_[index]);
}

void ContainerStore::remove(Index index) {
  take(index);
}

void ContainerStore::merge(Index from, Index to) {
  std::unique_ptr<ContainerCounts> counts = take(from);
  if (counts == nullptr || to == Workloads::kFiltered) return;
  of(to).add(*counts);
  for (const SyscallCounts& each : counts->syscalls) {
    SyscallCounts& sum = syscall(to, each.name);
    sum.calls += each.calls;
    sum.errors += each.errors;
    add_each(sum.latency, each.latency);
  }
}

}  // namespace kubepulse
