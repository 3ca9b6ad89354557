// The kernel side of dropped packets: bpf/drops.bpf.c, loaded, attached and read.
#ifndef KUBEPULSE_COLLECT_DROP_PROBE_H
#define KUBEPULSE_COLLECT_DROP_PROBE_H

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "collect/drop_reasons.h"
#include "collect/loader.h"
#include "collect/map_stats.h"
#include "collect/program_stats.h"

struct drops_bpf;

namespace kubepulse {

class DropProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<DropProbe>> open(const LoadSettings& settings);
  ~DropProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }
  const DropReasons& reasons() const { return reasons_; }

  // Counts so far, of those that have any: they only grow until they are forgotten. Cgroup 0: no
  // socket is known. Some 60 of them a system call.
  using Visit = std::function<void(uint64_t cgroup, uint32_t reason, uint64_t count)>;
  Status each(const Visit& visit);
  void forget(uint64_t cgroup, uint32_t reason);

  // Drops that found no room.
  uint64_t missed() const;
  // Drops that the kernel skipped the program for.
  uint64_t skipped() const;

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(drops_bpf* skeleton) const;
  };

  DropProbe() = default;

  std::unique_ptr<drops_bpf, SkeletonDeleter> skeleton_;
  DropReasons reasons_;
  Loaded loaded_;  // detached before the skeleton goes
};

}  // namespace kubepulse

#endif
