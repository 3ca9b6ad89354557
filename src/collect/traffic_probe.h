// The kernel side of packets and flows: bpf/traffic.bpf.c.
#ifndef KUBEPULSE_COLLECT_TRAFFIC_PROBE_H
#define KUBEPULSE_COLLECT_TRAFFIC_PROBE_H

#include <bpf/libbpf.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "bpf/peer_sketch.h"
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

struct TrafficConfig {
  bool with_flows = false;
  uint32_t cgroups_max = 0;  // that are counted, 0: as many as PacketTable says
  uint32_t flows_max = 16384;
  uint64_t seed = 0;  // of the cells of peers: nobody is to know it
};

class TrafficProbe {
 public:
  static constexpr uint32_t kSketchesMax = 2048;

  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked. Packets are counted where flows
  // cannot be, too.
  static Result<std::unique_ptr<TrafficProbe>> open(const TrafficConfig& config,
                                                    const LoadSettings& settings);
  ~TrafficProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Counts so far of all CPUs, by cgroup id: they only grow until the cgroup is forgotten. Each
  // number is exact, but they are not of one instant.
  Status each(const std::function<void(uint64_t cgroup, const traffic_counts&)>& visit);
  void forget(uint64_t cgroup);

  bool has_flows() const { return with_flows_; }
  // Takes them away: what there was since the last time. To be read after each(), so that of no
  // cgroup there is less in flows than in packets, but for what was lost. A flow may come in
  // several parts.
  Status take_flows(
      const std::function<void(const flow_key& key, const flow_counts& counts)>& visit);
  // Whether from now on flows are not told apart, nor peers counted: packets go into each() alone.
  void shed_flows(bool on);
  // Cgroups that have met peers, by direction, as in flow_key.
  Status each_sketch_key(const std::function<void(uint64_t key)>& visit);
  // Whole, as of the moment. False: there is none of that key.
  bool sketch(uint64_t key, peer_sketch& copy);

  uint64_t dropped() const;        // packets that were not counted: too many cgroups, or no memory
  uint64_t peers_dropped() const;  // marks, likewise

  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(traffic_bpf* skeleton) const;
  };

  TrafficProbe() = default;

  void load(const TrafficConfig& config, const LoadSettings& settings);

  bool with_flows_ = false;
  std::unique_ptr<traffic_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
};

}  // namespace kubepulse

#endif
