// The kernel side of waits on run queues and of context switches: bpf/sched.bpf.c.
#ifndef KUBEPULSE_COLLECT_SCHED_PROBE_H
#define KUBEPULSE_COLLECT_SCHED_PROBE_H

#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/map_stats.h"
#include "collect/program_stats.h"

struct sched_bpf;

namespace kubepulse {

class SchedProbe {
 public:
  static const std::vector<Signal>& signals();
  // `legacy_subsys`: see LegacyHierarchy. Where nothing could be attached only outcome() may be
  // asked.
  static Result<std::unique_ptr<SchedProbe>> open(int legacy_subsys, const LoadSettings& settings);
  ~SchedProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Counts so far, by cgroup id: they only grow until the cgroup is forgotten. Some 60 cgroups a
  // system call. Each number is exact, but they are not of one instant: a switch that happens
  // meanwhile may be in some of a cgroup's.
  Status each(const std::function<void(uint64_t cgroup, const sched_counts&)>& visit);
  void forget(uint64_t cgroup);

  // Switches, each with its wait, that were not counted: too many cgroups or tasks, or no memory;
  // or that the kernel skipped the program for.
  uint64_t dropped() const;

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(sched_bpf* skeleton) const;
  };

  SchedProbe() = default;
  void load(const std::vector<Signal>& some, bool with_storage, int legacy_subsys,
            const LoadSettings& settings);
  std::string storage_problem() const;

  std::unique_ptr<sched_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
};

}  // namespace kubepulse

#endif
