// The engine: keeps a history of each container, workload, filesystem and of the node, and at each
// tick has the rules look at them. Pure; time is a parameter, of a monotonic clock.
#ifndef KUBEPULSE_INSIGHT_INSIGHTS_H
#define KUBEPULSE_INSIGHT_INSIGHTS_H

#include <cstdint>
#include <memory>

#include "base/flat_map.h"
#include "insight/facts.h"
#include "insight/insight_table.h"

namespace kubepulse {

class Insights {
 public:
  // Of each kind: containers (1.2 KiB each), workloads (0.6 KiB), filesystems (1 KiB).
  static constexpr size_t kSubjectsMax = 4096;
  // Whoever was not looked at for so long has gone, and his history with him.
  static constexpr uint64_t kKeptNs = 600 * kNsPerSecond;

  // Bytes; the limit is UINT64_MAX where there is none.
  struct Memory {
    uint64_t working_set, limit;
    uint64_t reclaimable = 0;  // of the working set, where known: pages of files, caches
  };

  // A tick: begin, look at each, end. Facts are given without what the engine keeps, their
  // histories and counters; `key`, not 0, is the same for the same subject at each tick.
  void begin(uint64_t now_ns, uint64_t wall_ns = 0);  // the latter as InsightTable has it
  void container(uint64_t key, ContainerFacts facts, const Memory* memory,
                 ContainerWindow::Totals totals);
  void pod(const PodFacts& facts);
  void traffic(uint64_t key, TrafficFacts facts, const TrafficWindow::Totals& totals);
  // As it was told at `told_ns`: what has been told already is looked at again, and no sample.
  void filesystem(uint64_t key, FilesystemFacts facts, uint64_t told_ns, uint64_t used_bytes,
                  uint64_t whole_bytes);
  void node(NodeFacts facts, const NodeWindow::Totals& totals);
  // As InsightTable has it.
  template <typename IsGone>
  void forget_pods(IsGone&& is_gone) {
    table_.forget_pods(is_gone);
  }
  // `pods` are those on the node, or what is taken for pods where there is no Kubernetes.
  void end(const Subject& node, size_t pods, bool of_kubernetes = false);

  const InsightTable& table() const { return table_; }
  size_t subjects() const { return containers_.size() + traffic_.size() + filesystems_.size(); }
  // Looks and findings that were lost for want of room.
  uint64_t overflow() const { return overflow_ + table_.overflow(); }

 private:
  struct Container {
    uint64_t seen_ns = 0;
    ContainerWindow::Totals totals{};
    bool known = false;
    bool knows_restarts = false;
    LevelHistory memory;
    ContainerWindow counters;
  };
  struct Traffic {
    uint64_t seen_ns = 0;
    bool known = false;
    TrafficWindow counters;
  };
  struct Filesystem {
    uint64_t seen_ns = 0;
    LevelHistory level;
  };

  template <typename Kept>
  Kept* kept(FlatMap<std::unique_ptr<Kept>>& all, uint64_t key);
  template <typename Kept>
  void forget_gone(FlatMap<std::unique_ptr<Kept>>& all);
  template <typename Facts>
  void look(std::optional<Finding> (*rule)(const Facts&, bool), InsightType type,
            const Facts& facts, std::string_view object = {});

  FlatMap<std::unique_ptr<Container>> containers_{kSubjectsMax};
  FlatMap<std::unique_ptr<Traffic>> traffic_{kSubjectsMax};
  FlatMap<std::unique_ptr<Filesystem>> filesystems_{kSubjectsMax};
  NodeWindow node_;
  InsightTable table_;
  uint64_t now_ns_ = 0;
  uint64_t before_ns_ = 0;  // of the tick before
  uint64_t swept_ns_ = 0;
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
