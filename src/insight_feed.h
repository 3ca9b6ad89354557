// What is measured anyway, and what Kubernetes says, brought before the insight engine at each
// tick.
#ifndef KUBEPULSE_INSIGHT_FEED_H
#define KUBEPULSE_INSIGHT_FEED_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collect/node_stats.h"
#include "identity/node_conditions.h"
#include "identity/peers.h"
#include "identity/pod_events.h"
#include "identity/pod_status.h"
#include "identity/pod_table.h"
#include "identity/workloads.h"
#include "insight/insights.h"
#include "publish/container_store.h"
#include "publish/store.h"

namespace kubepulse {

class InsightFeed {
 public:
  // None is owned. `workloads` and `store` are of pods, the other two of containers.
  struct Sources {
    const Workloads& workloads;
    Store& store;
    const Workloads& containers;
    const ContainerStore& container_store;
    const PodTable& pods;  // empty where nobody tells
    const Peers& peers;
    const NodeConditions* conditions = nullptr;  // null: nobody asks the API server
    PodEvents* events = nullptr;                 // likewise
  };

  explicit InsightFeed(const Sources& sources) : from_(sources) {}

  struct Moment {
    uint64_t now_ns;
    uint64_t wall_ns;             // as InsightTable has it
    bool pods_are_stale = false;  // who told of them has long been silent
  };
  // A tick, once all has been gathered.
  void look(const Moment& moment, const NodeState& node);

  const InsightTable& table() const { return engine_.table(); }
  uint64_t looked_ns() const { return looked_ns_; }  // last; 0: not yet
  uint64_t overflow() const { return engine_.overflow(); }

 private:
  // Where a name stands among the pods or the containers of this look.
  struct Place {
    uint64_t hash;
    uint32_t at;
  };
  struct Mounted {
    Subject subject;
    const FilesystemSizes* sizes;
    uint64_t key;
    bool by_host;
  };
  struct Container {
    ContainerStatus status;
    bool met = false;  // among those that are measured
  };

  void read_pods(bool stale);
  bool is_gone(std::string_view ns, std::string_view pod) const;
  bool is_new(std::string_view ns, std::string_view pod) const;
  const PodStatus* pod_named(std::string_view ns, std::string_view pod) const;
  Container* container_named(uint64_t hash);
  Subject subject_of(std::string_view ns, std::string_view pod, const PodStatus* status) const;
  void look_at_containers();
  void note_filesystems(const Subject& subject, const ContainerCounts& counts);
  void look_at_filesystems();
  void look_at_unmeasured();
  void look_at_pods();
  void look_at_traffic(bool first);
  std::string_view condition(NodeCondition::Kind kind,
                             NodeCondition::Status bad = NodeCondition::Status::yes);
  std::string_view message_of(const PodStatus& pod);
  void look_at_node(const NodeState& node);
  std::string_view name_failing_peer(TcpCounts& counts, std::string_view& ns);

  Sources from_;
  Insights engine_;
  uint64_t looked_ns_ = 0;
  uint64_t wall_ns_ = 0;
  bool of_kubernetes_ = false;         // it tells how the pods fare
  size_t running_pods_ = 0;            // or about to
  std::vector<uint64_t> pods_before_;  // at the look before, as in pod_places_, in order
  std::vector<bool> met_;              // workloads, by index, at the looks before
  // Of this look; the views are the pod table's.
  std::vector<PodStatus> pods_;
  std::vector<Place> pod_places_;
  std::vector<Container> containers_;
  std::vector<Place> container_places_;
  std::vector<Mounted> mounted_;
  std::string address_;
  std::string message_;
  std::array<std::string, kNodeConditions> conditions_;
};

}  // namespace kubepulse

#endif
