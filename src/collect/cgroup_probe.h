// The kernel side of names: bpf/cgroup.bpf.c tells each cgroup's path when it is made. Also which
// cgroup v1 hierarchy, if any, the kernel programs should ask.
#ifndef KUBEPULSE_COLLECT_CGROUP_PROBE_H
#define KUBEPULSE_COLLECT_CGROUP_PROBE_H

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/ring.h"

struct cgroup_bpf;

namespace kubepulse {

// On cgroup v1 and hybrid hosts sockets carry no useful cgroup of v2, and the task is asked in the
// hierarchy of one controller. On pure v2 both are -1.
struct LegacyHierarchy {
  int subsys = -1;     // index of the controller in css_set.subsys, which differs between kernels
  int hierarchy = -1;  // its number in /proc/cgroups

  // `controller`: "pids", "memory", ...; empty on pure v2. `btf_file` is the BTF of this kernel.
  // Falls back to none where the kernel does not tell.
  static LegacyHierarchy find(std::string_view controller, const std::string& proc_root,
                              const std::string& btf_file);
};

class CgroupProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<CgroupProbe>> open(const LegacyHierarchy& legacy,
                                                   const LoadSettings& settings);
  ~CgroupProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }
  Ring& ring() { return *ring_; }  // cgroup_records
  uint64_t dropped() const;

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(cgroup_bpf* skeleton) const;
  };

  CgroupProbe() = default;

  std::unique_ptr<cgroup_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
  std::unique_ptr<Ring> ring_;
};

}  // namespace kubepulse

#endif
