// The kernel side of packets: bpf/traffic.bpf.c.
#ifndef KUBEPULSE_COLLECT_TRAFFIC_PROBE_H
#define KUBEPULSE_COLLECT_TRAFFIC_PROBE_H

#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/map_stats.h"
#include "collect/program_stats.h"

struct traffic_bpf;

namespace kubepulse {

// How the table of packets is made where there are so many possible CPUs. Each entry has counts for
// each CPU. On demand an idle node takes next to nothing, but the kernel keeps up to some 20 KiB a
// CPU of free memory ready on each (kernel/bpf/memalloc.c), in the square of their number. With
// more CPUs all entries are made at once, and there are fewer of them.
struct PacketTable {
  uint32_t entries;
  bool on_demand;

  static PacketTable of(size_t cpus);
};

class TrafficProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked. `entries_max`: cgroups that are
  // counted, 0: as many as PacketTable says.
  static Result<std::unique_ptr<TrafficProbe>> open(uint32_t entries_max,
                                                    const LoadSettings& settings);
  ~TrafficProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Counts so far of all CPUs, by cgroup id: they only grow until the cgroup is forgotten. Each
  // number is exact, but they are not of one instant.
  Status each(const std::function<void(uint64_t cgroup, const traffic_counts&)>& visit);
  void forget(uint64_t cgroup);

  uint64_t dropped() const;  // packets that were not counted: too many cgroups, or no memory

  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(traffic_bpf* skeleton) const;
  };

  TrafficProbe() = default;

  std::unique_ptr<traffic_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
};

}  // namespace kubepulse

#endif
