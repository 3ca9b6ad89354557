// libFuzzer: any bytes as each of a cgroup's files.
#include <cstdlib>

#include "collect/cgroup_stat_text.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool before(const DiskStats& a, const DiskStats& b) {
  return a.major < b.major || (a.major == b.major && a.minor < b.minor);
}

void check_disks(const DiskList& disks) {
  require(disks.size() <= DiskList::kDisksMax);
  require(disks.more() == 0 || disks.size() == DiskList::kDisksMax);
  for (const DiskStats* disk = disks.begin(); disk + 1 < disks.end(); disk++)
    require(before(disk[0], disk[1]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  CgroupStats stats;
  parse_cpu_stat(text, stats);
  require(stats.cpu_usage_ns.value_or(0) % 1000 == 0);
  parse_cpuacct_usage(text, stats);
  parse_cpu_max(text, stats);
  parse_cfs_quota(text, stats);
  parse_cfs_period(text, stats);
  for (PressureTimes& pressure : stats.pressure) {
    parse_pressure(text, pressure);
    require(pressure.waiting_ns.value_or(0) % 1000 == 0);
    require(pressure.stalled_ns.value_or(0) % 1000 == 0);
  }
  parse_memory_stat(text, stats);
  require(!stats.memory_working_set_bytes);
  parse_memory_usage(text, stats);
  parse_memory_stat(text, stats);
  require(!stats.memory_working_set_bytes ||
          *stats.memory_working_set_bytes <= stats.memory_usage_bytes.value_or(0));
  parse_memory_limit(text, stats);
  uint64_t limit = stats.memory_limit_bytes.value_or(0);
  require(limit < uint64_t{1} << 62 || limit == kNoMemoryLimit);
  parse_oom_kills(text, stats);
  parse_io_stat(text, stats);
  check_disks(stats.disks);
  parse_blkio_bytes(text, stats);
  check_disks(stats.disks);
  size_t held = stats.disks.size();
  parse_blkio_operations(text, stats);
  check_disks(stats.disks);
  require(stats.disks.size() == held);
  return 0;
}
