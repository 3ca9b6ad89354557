// The workloads of this node: from what an event carries (a cgroup id, perhaps a pid) to whom it
// belongs, and to the series that it is counted in.
//
// Two things are kept apart. An owner is who an event belongs to: a pod by its uid, or what else
// the host runs by its labels. A series is what the page shows, by its labels. Events are counted
// at once; a pod whose name is not known yet has a series of its own that the page does not show,
// and that becomes, or is added to, the series of its name when that is learnt. So a pod that is
// made anew under its name goes on in the same series.
#ifndef KUBEPULSE_IDENTITY_WORKLOADS_H
#define KUBEPULSE_IDENTITY_WORKLOADS_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "identity/cgroup_path.h"
#include "identity/cgroup_paths.h"
#include "identity/pod_table.h"

namespace kubepulse {

struct WorkloadLabels {
  std::string ns;
  std::string pod;
  std::string container;  // only where containers are told apart; "" is the rest of a pod
};

class Workloads {
 public:
  // May be kept as long as one likes: of an owner that has gone, index() says kLate.
  using Owner = uint32_t;
  // Of a series; small, and used again.
  using Index = uint32_t;

  static constexpr Index kOther = 0;  // stands for all that are beyond the bound
  // These two are counted, but the page does not show them.
  static constexpr Index kFiltered = 1;  // of workloads that nobody wants to see
  static constexpr Index kLate = 2;      // of workloads whose series have ended
  static constexpr Index kFirst = 3;     // the others begin here

  static constexpr size_t kWorkloadsMax = 4096;
  static constexpr size_t kCgroupsMax = 4 * kWorkloadsMax;
  static constexpr uint64_t kGoneKeptNs = 300 * kNsPerSecond;
  // So long a pod waits for its name; then it is shown as namespace="unknown", pod="<uid>".
  static constexpr uint64_t kGraceNs = 15 * kNsPerSecond;

  // How events found their workload.
  struct Attribution {
    uint64_t by_cgroup = 0;
    uint64_t by_pid = 0;
    uint64_t unknown = 0;
  };

  // What becomes of what was counted. Both are called before the index may be used again.
  struct Changes {
    // All of `from` belongs to `to` from now on, which may be kFiltered.
    std::function<void(Index from, Index to)> merged;
    std::function<void(Index)> removed;
  };

  // What an owner is: a whole pod, or each of its containers.
  enum class Grain : uint8_t { pod, container };

  // `paths` is not owned.
  explicit Workloads(CgroupPaths& paths, Grain grain = Grain::pod);

  // Not owned. Without a table no pod has a name, and none is waited for.
  void set_pods(const PodTable* pods) { pods_ = pods; }
  // Called when a pod is met that is in no list.
  void set_pod_unknown(std::function<void()> pod_unknown) { pod_unknown_ = std::move(pod_unknown); }
  // Whether what is no pod, and what has no name, is wanted: by its namespace. Without it all is.
  // Of a pod the table knows (PodName::watched).
  void set_filter(std::function<bool(std::string_view ns)> wanted) { wanted_ = std::move(wanted); }

  // The kernel has told that a cgroup was made: what it is called may be learnt in time.
  void born(std::string_view path);

  // The owner of an event. Tens of nanoseconds for a cgroup seen before; otherwise it is looked up
  // and remembered. Counts how it was found.
  Owner of(uint64_t cgroup, uint32_t pid, uint64_t now_ns);

  // The same of a cgroup whose path is known; no event, and not counted.
  Owner of_path(uint64_t cgroup, std::string_view path, uint64_t now_ns);

  // Where to count for an owner now. Not to be kept: names come later.
  Index index(Owner owner) const {
    const Place& place = places_[owner & kSlotMask];
    return place.generation == owner >> kSlotBits ? place.series : kLate;
  }

  // Gives names to what the table knows by now, and ends the wait of those that have waited enough.
  void settle(uint64_t now_ns, const Changes& changes);
  // Whether a pod waits for its name.
  bool waiting() const { return waiting_ > 0; }

  // Looks which cgroups are gone. A workload stays for kGoneKeptNs after its last cgroup, so that
  // its last counts are scraped; then its series ends, if it is not another's too.
  void sweep(uint64_t now_ns, const Changes& changes,
             const std::function<void(uint64_t cgroup)>& cgroup_removed);

  // The series with these labels; none where it is not shown.
  std::optional<Index> find(const WorkloadLabels& labels) const;
  const WorkloadLabels& labels(Index index) const { return series_[index].labels; }
  bool shown(Index index) const { return series_[index].shown; }
  // Of Kubernetes, though its namespace may be called as it likes.
  bool is_pod(Index index) const { return series_[index].is_pod; }
  // Never the same for two sets of labels that the index had one after the other.
  uint64_t serial(Index index) const { return series_[index].serial; }
  Index end() const { return static_cast<Index>(series_.size()); }  // indexes are below it
  size_t size() const { return held_count_; }                       // owners, filtered pods too
  const Attribution& attribution() const { return attribution_; }
  uint64_t overflow() const { return overflow_; }  // lookups that ended in kOther
  // Times that an owner left a series that goes on without it, or came out of kFiltered: what is
  // still open of its connections is not where the gauges have it.
  uint64_t partings() const { return partings_; }

 private:
  // A handle is a slot's number and how often that slot was used before.
  static constexpr unsigned kSlotBits = 16;
  static constexpr uint32_t kSlotMask = (1U << kSlotBits) - 1;
  static constexpr Owner kOwnerOther = 0;
  static constexpr Owner kOwnerFiltered = 1;
  static constexpr uint32_t kOwnersReserved = 2;
  static_assert(kWorkloadsMax + kOwnersReserved <= kSlotMask);

  struct Cgroup {
    Owner owner = kOwnerOther;
    uint64_t gone_since_ns = 0;  // 0: it lives
    uint64_t retry_ns = 0;       // not 0: not named yet, ask again then
  };
  struct LabelTexts {
    std::string_view ns, pod, container;
  };
  // What an event needs of an owner.
  struct Place {
    Index series = kLate;
    uint32_t generation = 0;
  };
  // The rest of it.
  struct Slot {
    std::string key;  // in by_key_; "": free
    std::string pod_uid;
    std::string container_id;
    uint32_t cgroups = 0;
    uint64_t looked_up_ns = 0;  // last, other than through a cgroup that was known
    uint64_t waits_since_ns = 0;
    bool is_pod = false;
    bool named = false;  // by the table, as far as it ever will be
    bool waits = false;  // to be; its series is not shown yet
  };
  struct Series {
    WorkloadLabels labels;
    uint32_t owners = 0;  // 0: free
    uint64_t serial = 0;
    bool is_pod = false;
    bool shown = false;  // and so in by_labels_
  };

  Owner owner_of_cgroup_path(std::string_view path, uint64_t now_ns);
  Owner owner_of_pod(const CgroupOwner& pod, uint64_t now_ns);
  Owner owner_of_labels(std::string_view ns, std::string_view pod, uint64_t now_ns);
  std::string key_of(const CgroupOwner& pod) const;
  std::string_view container_of(const PodName& name) const;
  bool is_whole(const PodName& name, std::string_view container_id) const;
  Owner look_up(uint64_t cgroup, uint32_t pid, uint64_t now_ns);
  void remember(uint64_t id, const Cgroup& cgroup);

  Owner handle(uint32_t slot) const { return places_[slot].generation << kSlotBits | slot; }
  uint32_t make_slot(std::string key, Index series, uint64_t now_ns);
  void end_slot(uint32_t slot, const Changes& changes);
  Index make_series(const LabelTexts& labels);
  Index series_named(const LabelTexts& labels);
  void show(Index index, const LabelTexts& labels);
  void name(uint32_t slot, const LabelTexts& labels, const Changes& changes);
  void move(uint32_t slot, Index to, const Changes& changes);
  void free_series(Index index);
  bool wanted(std::string_view ns) const { return !wanted_ || wanted_(ns); }

  CgroupPaths& paths_;
  Grain grain_;
  const PodTable* pods_ = nullptr;
  uint64_t pods_generation_ = 0;  // that all names are from
  std::function<void()> pod_unknown_;
  std::function<bool(std::string_view)> wanted_;
  FlatMap<Cgroup> cgroups_{kCgroupsMax};
  std::vector<Place> places_;  // of the slots
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<Series> series_;
  std::vector<Index> free_series_;
  std::unordered_map<std::string, uint32_t> by_key_;  // slots
  std::unordered_map<std::string, Index> by_labels_;  // series that are shown, as rendered
  size_t held_count_ = 0;
  size_t waiting_ = 0;
  uint64_t last_serial_ = 0;
  Attribution attribution_;
  uint64_t overflow_ = 0;
  uint64_t partings_ = 0;
};

}  // namespace kubepulse

#endif
