// From what the kernel has counted of dropped packets so far to counters of workloads: what is new
// since the last look is added. A cgroup of which nothing is new is not asked for, so that the
// counts of a dead one do not keep its workload.
#ifndef KUBEPULSE_PUBLISH_DROP_RECORDER_H
#define KUBEPULSE_PUBLISH_DROP_RECORDER_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "identity/workloads.h"
#include "publish/store.h"

namespace kubepulse {

class DropRecorder {
 public:
  // Neither is owned. `name` of a reason.
  DropRecorder(Workloads& workloads, Store& store, std::function<std::string(uint32_t)> name)
      : workloads_(workloads), store_(store), name_(std::move(name)) {}

  // `count` of all so far. Cgroup 0: the kernel itself.
  void take(uint64_t cgroup, uint32_t reason, uint64_t count, uint64_t now_ns);

  // The cgroup is gone; calls `forgotten` for each reason that it had.
  void forget(uint64_t cgroup, const std::function<void(uint32_t reason)>& forgotten);

 private:
  struct Told {
    uint32_t reason;
    uint64_t count;
  };
  using OfCgroup = std::vector<Told>;

  Workloads& workloads_;
  Store& store_;
  std::function<std::string(uint32_t)> name_;
  FlatMap<OfCgroup> told_{Workloads::kCgroupsMax};  // the kernel's table holds fewer
};

}  // namespace kubepulse

#endif
