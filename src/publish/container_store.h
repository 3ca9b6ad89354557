// What is known of each container, or unit: counters that only rise, whatever becomes of its
// cgroups, and gauges of its cgroups of now.
#ifndef KUBEPULSE_PUBLISH_CONTAINER_STORE_H
#define KUBEPULSE_PUBLISH_CONTAINER_STORE_H

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "identity/workloads.h"
#include "publish/histogram.h"
#include "publish/series_budget.h"

namespace kubepulse {

struct DiskCounts {
  std::string device;
  std::array<uint64_t, 4> values{};  // bytes read, bytes written, reads, writes
};

struct FilesystemSizes {
  std::string mountpoint;
  uint64_t capacity_bytes, usage_bytes, available_bytes;
  // For insights; not published.
  uint64_t device = 0;   // the same for all who have it mounted; 0: not known
  uint64_t told_ns = 0;  // all of one round at the same time
};

struct SyscallCounts {
  std::string_view name;  // lives as long as the program
  uint64_t calls = 0;
  uint64_t errors = 0;
  PowerHistogram latency;

  static constexpr size_t kSeries = 2 + kPowerSeries;
};

struct SchedulerCounts {
  PowerHistogram run_queue;
  std::array<uint64_t, 2> switches{};  // voluntary, preempted
};

// What is not known is absent, and not shown.
struct ContainerCounts {
  enum Resource { cpu, memory, io, kResources };

  std::optional<SchedulerCounts> scheduler;
  std::optional<uint64_t> cpu_usage_ns, cpu_throttled_ns;
  std::array<std::optional<uint64_t>, kResources> waiting_ns, stalled_ns;
  std::optional<uint64_t> oom_kills, major_faults;
  std::optional<uint64_t> restarts;
  std::vector<DiskCounts> disks;
  std::vector<SyscallCounts> syscalls;
  // Gauges.
  std::optional<uint64_t> memory_usage_bytes, memory_working_set_bytes, memory_limit_bytes;
  // For insights, not published: what of the working set can be reclaimed; thousandths of a CPU.
  std::optional<uint64_t> memory_reclaimable_bytes, cpu_limit_millicpus;
  std::vector<FilesystemSizes> filesystems;

  void add(const ContainerCounts& other);  // all but syscalls
  void clear_gauges();
  DiskCounts& disk(std::string_view device);
};

class ContainerStore {
 public:
  using Index = Workloads::Index;

  // `budget` is not owned. It is charged `series` for each container, and what its syscalls have.
  ContainerStore(SeriesBudget& budget, size_t series) : budget_(budget), series_(series) {}

  // Made on first use; beyond the budget those of "other".
  ContainerCounts& of(Index index);
  SyscallCounts& syscall(Index index, std::string_view name);
  const ContainerCounts* if_any(Index index) const {
    return index < all_.size() ? all_[index].get() : nullptr;
  }
  void remove(Index index);
  void merge(Index from, Index to);

  template <typename Visit>
  void each(Visit&& visit) {
    for (auto& counts : all_)
      if (counts) visit(*counts);
  }

 private:
  std::unique_ptr<ContainerCounts> take(Index index);

  SeriesBudget& budget_;
  size_t series_;
  std::vector<std::unique_ptr<ContainerCounts>> all_;
};

}  // namespace kubepulse

#endif
