// What the kernel counts of a cgroup, from the texts of its files. Pure: any bytes are safe, and
// what is not understood, or does not fit its type, is passed over.
#ifndef KUBEPULSE_COLLECT_CGROUP_STAT_TEXT_H
#define KUBEPULSE_COLLECT_CGROUP_STAT_TEXT_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kubepulse {

struct DiskStats {
  uint32_t major = 0, minor = 0;
  uint64_t read_bytes = 0, written_bytes = 0;
  uint64_t reads = 0, writes = 0;
};

// In the order of their numbers. Of more than kDisksMax those with the lowest numbers are held: the
// kernel lists the newest first, and a new one is not to push out what has been counted all along.
class DiskList {
 public:
  static constexpr size_t kDisksMax = 16;

  // The disk of these numbers, new where it was not held; null where there is no room for it.
  DiskStats* insert(uint32_t major, uint32_t minor);
  DiskStats* find(uint32_t major, uint32_t minor);

  const DiskStats* begin() const { return disks_; }
  const DiskStats* end() const { return disks_ + size_; }
  size_t size() const { return size_; }
  // Disks that were not held, or are not any more.
  uint64_t more() const { return more_; }

 private:
  size_t lower_bound(uint32_t major, uint32_t minor) const;

  DiskStats disks_[kDisksMax];
  size_t size_ = 0;
  uint64_t more_ = 0;
};

enum PressureOn : size_t { kPressureOnCpu, kPressureOnMemory, kPressureOnIo, kPressures };

struct PressureTimes {
  std::optional<uint64_t> waiting_ns;  // PSI "some": at least one task could not go on
  // PSI "full": none could. Of the CPU it is told since 5.13, and always 0 of the root cgroup.
  std::optional<uint64_t> stalled_ns;
};

constexpr uint64_t kNoMemoryLimit = UINT64_MAX;

// Counters are since the cgroup was made and include the cgroups below it, but for what
// parse_oom_kills() says. Absent is what this kernel, hierarchy or controller does not tell.
struct CgroupStats {
  std::optional<uint64_t> cpu_usage_ns;
  std::optional<uint64_t> cpu_throttled_ns;
  // Of each period it may run for the quota, on all CPUs together. No quota: no limit.
  std::optional<uint64_t> cpu_quota_us, cpu_period_us;
  PressureTimes pressure[kPressures];
  std::optional<uint64_t> memory_usage_bytes;
  // Usage without the file pages that were not used lately: what the kubelet evicts by.
  std::optional<uint64_t> memory_working_set_bytes;
  // Of the working set, what the kernel takes back before it kills anybody: file pages in use, and
  // in v2, which alone tells of it, what it caches for the cgroup, such as the names of files.
  std::optional<uint64_t> memory_reclaimable_bytes;
  std::optional<uint64_t> memory_limit_bytes;  // kNoMemoryLimit: there is none
  std::optional<uint64_t> oom_kills;
  std::optional<uint64_t> major_faults;
  DiskList disks;
};

// Of both versions of cgroups, whose keys differ: cpu.stat has "usage_usec" and "throttled_usec" in
// v2, "throttled_time" (ns) in v1.
void parse_cpu_stat(std::string_view text, CgroupStats& stats);
void parse_cpuacct_usage(std::string_view text, CgroupStats& stats);  // v1: ns
void parse_cpu_max(std::string_view text, CgroupStats& stats);  // v2: "50000 100000", "max 100000"
void parse_cfs_quota(std::string_view text, CgroupStats& stats);  // v1: -1 is none
void parse_cfs_period(std::string_view text, CgroupStats& stats);

void parse_pressure(std::string_view text, PressureTimes& pressure);

// memory.current or memory.usage_in_bytes
void parse_memory_usage(std::string_view text, CgroupStats& stats);
// memory.stat: major faults, what can be reclaimed, and the working set where memory_usage_bytes is
// known already. In v1 "inactive_file" is of the cgroup alone, "total_inactive_file" of all below
// it, as the usage is.
void parse_memory_stat(std::string_view text, CgroupStats& stats);
// memory.max: "max" is no limit; memory.limit_in_bytes: a number that no machine has is none.
void parse_memory_limit(std::string_view text, CgroupStats& stats);
// "oom_kill" of memory.events, of memory.oom_control in v1 (since 4.13): the processes of this
// cgroup that were killed, whoever's limit it was. In v1 those of the cgroups below do not count.
void parse_oom_kills(std::string_view text, CgroupStats& stats);

// io.stat. A disk without numbers is none: "8:0 ", also in front of the next one in a line.
void parse_io_stat(std::string_view text, CgroupStats& stats);
// v1: "8:0 Read 4096" and so on, of blkio.throttle.io_service_bytes and io_serviced in this order.
// Newer kernels (6.1 and 6.18 were seen to) count there only where a limit was set: 0, or no disks.
void parse_blkio_bytes(std::string_view text, CgroupStats& stats);
void parse_blkio_operations(std::string_view text, CgroupStats& stats);

}  // namespace kubepulse

#endif
