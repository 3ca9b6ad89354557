#include "publish/drop_recorder.h"

#include <algorithm>

#include "identity/cgroup_tree.h"

namespace kubepulse {

void DropRecorder::take(uint64_t cgroup, uint32_t reason, uint64_t count, uint64_t now_ns) {
  OfCgroup* of_cgroup = told_.insert(cgroup_key(cgroup));
  if (of_cgroup == nullptr) return;
  auto told = std::find_if(of_cgroup->begin(), of_cgroup->end(),
                           [reason](const Told& each) { return each.reason == reason; });
  if (told == of_cgroup->end()) told = of_cgroup->insert(told, {reason, 0});
  if (count <= told->count) return;
  store_.count_drops(workloads_.index(workloads_.of(cgroup, 0, now_ns)), name_(reason),
                     count - told->count);
  told->count = count;
}

void DropRecorder::forget(uint64_t cgroup, const std::function<void(uint32_t reason)>& forgotten) {
  OfCgroup* of_cgroup = told_.find(cgroup);
  if (of_cgroup == nullptr) return;
  for (const Told& each : *of_cgroup)
    forgotten(each.reason);
  told_.erase(cgroup);
}

}  // namespace kubepulse
