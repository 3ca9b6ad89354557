// From the packets that the kernel has counted of a cgroup so far to counters that go on when the
// cgroup is gone: what is new since the last look is added to the series of its workload.
#ifndef KUBEPULSE_PUBLISH_PACKET_RECORDER_H
#define KUBEPULSE_PUBLISH_PACKET_RECORDER_H

#include <cstdint>
#include <memory>

#include "base/flat_map.h"
#include "bpf/event.h"
#include "identity/workloads.h"
#include "publish/store.h"

namespace kubepulse {

class PacketRecorder {
 public:
  // Neither is owned.
  PacketRecorder(Workloads& workloads, Store& store) : workloads_(workloads), store_(store) {}

  // Where there is nothing new it says nothing of the cgroup: the kernel's table has it until it is
  // forgotten, long after its end.
  void take(uint64_t cgroup, const traffic_counts& now, uint64_t now_ns);
  // It is gone, and the kernel's table is to forget it, too.
  void forget(uint64_t cgroup);

 private:
  Workloads& workloads_;
  Store& store_;
  // What has been added already. It has room for all that the kernel's table can hold.
  FlatMap<std::unique_ptr<traffic_counts>> told_{Workloads::kCgroupsMax};
};

}  // namespace kubepulse

#endif
