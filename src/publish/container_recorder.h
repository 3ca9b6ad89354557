// From what the kernel has counted of a cgroup so far to counters that go on over restarts: what is
// new since the last look is added to the series of its container.
#ifndef KUBEPULSE_PUBLISH_CONTAINER_RECORDER_H
#define KUBEPULSE_PUBLISH_CONTAINER_RECORDER_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/flat_map.h"
#include "bpf/event.h"
#include "collect/cgroup_stat_text.h"
#include "identity/workloads.h"
#include "publish/container_store.h"

namespace kubepulse {

class ContainerRecorder {
 public:
  // Neither is owned. `device` gives the label of a disk, by its numbers.
  ContainerRecorder(Workloads& containers, ContainerStore& store,
                    std::function<std::string(uint32_t major, uint32_t minor)> device)
      : containers_(containers), store_(store), device_(std::move(device)) {}

  // A look at all cgroups begins: gauges are told anew, all or all but file systems.
  void begin();
  void begin_gauges();
  // The files of the cgroup at `path`. False where nobody wants to see it: it need not be read.
  bool wants(uint64_t cgroup, std::string_view path, uint64_t now_ns);
  void files(uint64_t cgroup, std::string_view path, const CgroupStats& stats, uint64_t now_ns);
  // What the scheduler's programs counted. Where that is nothing new it says nothing of the cgroup:
  // the kernel's table has it until it is forgotten, long after its end.
  void scheduler(uint64_t cgroup, const sched_counts& counts, uint64_t now_ns);

  // What the programs at system calls counted, of the one of that number in a list and its name.
  void syscall(uint64_t cgroup, size_t number, std::string_view name, const syscall_counts& counts,
               uint64_t now_ns);
  // What the kubelet tells of the containers of all pods. A pod that is made again begins at zero;
  // its series does not.
  void restarts(const PodTable& pods);

  // It is gone.
  void forget(uint64_t cgroup) { told_.erase(cgroup); }

  uint64_t overflow() const { return overflow_; }  // looks that were lost for want of room

 private:
  // What has been added already.
  struct Told {
    CgroupStats files;
    sched_counts scheduler{};
    std::vector<syscall_counts> syscalls;  // by number
  };

  struct Restarts {
    uint64_t serial = 0;  // of the series
    uint32_t told = 0;
  };

  Told& told(uint64_t cgroup);
  void add_disks(ContainerCounts& counts, const DiskList& disks, DiskList& told);

  Workloads& containers_;
  ContainerStore& store_;
  std::function<std::string(uint32_t, uint32_t)> device_;
  FlatMap<std::unique_ptr<Told>> told_{Workloads::kCgroupsMax};
  Told beyond_the_bound_;
  uint64_t overflow_ = 0;
  std::vector<Restarts> restarts_;  // by series
};

}  // namespace kubepulse

#endif
