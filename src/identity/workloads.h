// The workloads of this node: from what an event carries (a cgroup id, perhaps a pid) to a small
// index under which everything about its owner is counted, and the labels of that owner.
#ifndef KUBEPULSE_IDENTITY_WORKLOADS_H
#define KUBEPULSE_IDENTITY_WORKLOADS_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "identity/cgroup_names.h"
#include "identity/cgroup_tree.h"

namespace kubepulse {

struct WorkloadLabels {
  std::string ns;
  std::string pod;
};

class Workloads {
 public:
  using Index = uint32_t;

  static constexpr Index kOther = 0;  // stands for all that are beyond the bound
  static constexpr size_t kWorkloadsMax = 4096;
  static constexpr size_t kCgroupsMax = 4 * kWorkloadsMax;
  static constexpr uint64_t kGoneKeptNs = 300 * kNsPerSecond;

  // How events found their workload.
  struct Attribution {
    uint64_t by_cgroup = 0;
    uint64_t by_pid = 0;
    uint64_t unknown = 0;
  };

  // `read_births` is called before an unknown cgroup is looked up, to hand over (by born()) what
  // the kernel has told so far: the birth of a cgroup is always told before its first event.
  explicit Workloads(std::function<void()> read_births = {});

  // Not owned. Without a tree only births tell.
  void set_tree(CgroupTree* tree) { tree_ = tree; }

  // The kernel has told that a cgroup was made.
  void born(uint64_t cgroup, std::string_view path) { names_.born(cgroup, path); }

  // The owner of an event. Tens of nanoseconds for a cgroup seen before; otherwise it is looked up
  // and remembered. Counts how it was found.
  Index of(uint64_t cgroup, uint32_t pid, uint64_t now_ns);

  // Looks which cgroups are gone. A workload stays for kGoneKeptNs after its last cgroup, so that
  // its last counts are scraped; then `removed` is called and its index may be given to another.
  void sweep(uint64_t now_ns, const std::function<void(Index)>& removed,
             const std::function<void(uint64_t cgroup)>& cgroup_removed);

  const WorkloadLabels& labels(Index index) const { return slots_[index].labels; }
  bool held(Index index) const { return slots_[index].serial != 0; }
  // Never the same for two workloads that had the index one after the other.
  uint64_t serial(Index index) const { return slots_[index].serial; }
  Index end() const { return static_cast<Index>(slots_.size()); }  // indexes are below it
  size_t size() const { return held_count_; }                      // without kOther
  const Attribution& attribution() const { return attribution_; }
  uint64_t overflow() const { return overflow_; }  // lookups that ended in kOther

 private:
  struct Cgroup {
    Index index = kOther;
    uint64_t gone_since_ns = 0;  // 0: it lives
    uint64_t retry_ns = 0;       // not 0: not named yet, ask again then
  };
  struct Slot {
    WorkloadLabels labels;
    uint32_t cgroups = 0;
    uint64_t looked_up_ns = 0;  // last, other than through a cgroup that was known
    uint64_t serial = 0;        // 0: free
  };

  std::string path_of(uint64_t cgroup, uint64_t now_ns);
  Index index_of_path(std::string_view path, uint64_t now_ns);
  Index index_of(std::string_view ns, std::string_view pod, uint64_t now_ns);
  Index look_up(uint64_t cgroup, uint32_t pid, uint64_t now_ns);
  void remember(uint64_t id, const Cgroup& cgroup);
  void remove(Index index);

  CgroupTree* tree_ = nullptr;
  std::function<void()> read_births_;
  CgroupNames names_{512};
  FlatMap<Cgroup> cgroups_{kCgroupsMax};
  std::vector<Slot> slots_;
  std::vector<Index> free_;
  std::unordered_map<std::string, Index> by_labels_;  // "namespace\0pod", as rendered
  size_t held_count_ = 0;
  uint64_t last_serial_ = 1;
  Attribution attribution_;
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
