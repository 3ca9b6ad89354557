// The kernel side of syscalls: bpf/syscalls.bpf.c, loaded, attached and read.
#ifndef KUBEPULSE_COLLECT_SYSCALL_PROBE_H
#define KUBEPULSE_COLLECT_SYSCALL_PROBE_H

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/map_stats.h"
#include "collect/program_stats.h"
#include "collect/syscall_names.h"

struct syscalls_bpf;

namespace kubepulse {

struct SyscallProbeConfig {
  std::vector<Syscall> syscalls;  // one at least, SYSCALLS_TRACKED_MAX at most
  // Pairs of a cgroup and a syscall that it has called. Memory of the kernel is taken as they come,
  // some 512 bytes each.
  uint32_t entries_max = 16384;
  int legacy_subsys;  // see LegacyHierarchy
};

// All that returned, and those that never do; see bpf/syscalls.bpf.c.
uint64_t calls_of(const syscall_counts& counts);

class SyscallProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<SyscallProbe>> open(const SyscallProbeConfig& config,
                                                    const LoadSettings& settings);
  ~SyscallProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Counts so far. `syscall` is an index into the config's. O(entries), a kernel call for 64 of
  // them. One that comes or goes meanwhile may be missed or come twice.
  using Visit = std::function<void(uint64_t cgroup, size_t syscall, const syscall_counts& counts)>;
  Status each(const Visit& visit);
  void forget(uint64_t cgroup);

  uint64_t dropped() const;  // calls that were not counted, beyond entries_max
  // Runs that the kernel skipped, of the second program where there are two: each may be a call
  // that was not counted, or one without a latency. None before Linux 7.0: see prefers_cgroup().
  uint64_t skipped() const;

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(syscalls_bpf* skeleton) const;
  };

  struct Way;
  static const std::vector<Way>& ways();  // the best first

  SyscallProbe() = default;
  void load(const SyscallProbeConfig& config, const Way& way, const LoadSettings& settings);

  std::unique_ptr<syscalls_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
  uint32_t syscalls_ = 0;
};

}  // namespace kubepulse

#endif
