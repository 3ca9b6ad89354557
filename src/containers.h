// What the kernel counts of each container and unit, brought together: which cgroups there are,
// what their files and the kernel programs say of them, and whose that is.
#ifndef KUBEPULSE_CONTAINERS_H
#define KUBEPULSE_CONTAINERS_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collect/cgroup_stats.h"
#include "collect/disk_names.h"
#include "collect/oom_watch.h"
#include "collect/sched_probe.h"
#include "collect/syscall_probe.h"
#include "container_views.h"
#include "identity/cgroup_census.h"
#include "identity/cgroup_paths.h"
#include "identity/workloads.h"
#include "publish/container_recorder.h"
#include "publish/container_store.h"

namespace kubepulse {

class Containers {
 public:
  // However often it is scraped.
  static constexpr uint64_t kPauseNs = kNsPerSecond;

  // `groups` of metrics, see groups.h. `pods` and `store` are of whole pods. None is owned.
  Containers(uint32_t groups, CgroupPaths& paths, Workloads& pods, Store& store);

  Workloads& workloads() { return workloads_; }  // of grain container
  const ContainerStore& store() const { return store_; }

  // Once `tree` is open: finds the cgroups that there are, and opens their files. Fails where there
  // are none; all else works on. `loop` outlives it.
  Status open(Loop& loop, CgroupTree& tree);
  // Not owned. Null: nobody names pods.
  void set_pods(const PodTable* pods);
  // Null: not loaded. Not owned.
  void set_sched(SchedProbe* sched) { sched_ = sched; }
  void set_syscalls(SyscallProbe* probe, std::vector<Syscall> list) {
    syscalls_ = probe;
    syscall_list_ = std::move(list);
  }

  // The kernel has told that a cgroup was made.
  void born(uint64_t cgroup, std::string_view path);
  // Births may have been missed.
  void scan(CgroupTree& tree) { census_.scan(tree); }

  // Reads what is to be read, if it was not just read. Thousands of cgroups take half a second: now
  // and then between() is called, for what cannot wait.
  void gather(uint64_t now_ns, const std::function<void()>& between);
  // Of what the groups have only what insights look at: CPU, memory and OOM kills, and once a
  // minute filesystems. Nothing else is touched: no kernel program's counts, no interfaces.
  void gather_for_insights(uint64_t now_ns, const std::function<void()>& between);
  void settle(uint64_t now_ns);
  void sweep(uint64_t now_ns);

  // What was left out for want of room, and what no file system told.
  uint64_t overflow() const {
    return census_.overflow() + workloads_.overflow() + recorder_.overflow();
  }
  uint64_t filesystems_unread() const {
    if (views_ == nullptr) return 0;
    FilesystemCounts counts = views_->filesystem_counts();
    return counts.timeouts + counts.unread;
  }

 private:
  void read_programs(uint64_t now_ns);
  void read_all(uint32_t files, bool with_views, uint64_t now_ns,
                const std::function<void()>& between);
  bool read(uint64_t cgroup, const std::string& path, uint32_t files, uint64_t now_ns);
  void read_oom_kills(uint64_t cgroup);
  void gone(uint64_t cgroup);

  uint32_t groups_;
  uint32_t files_;  // of them: CgroupStatKind
  CgroupPaths& paths_;
  CgroupCensus census_;
  std::unique_ptr<CgroupStatReader> reader_;
  std::unique_ptr<OomWatch> oom_watch_;
  DiskNames disk_names_;
  const PodTable* pods_ = nullptr;
  SchedProbe* sched_ = nullptr;
  SyscallProbe* syscalls_ = nullptr;
  std::vector<Syscall> syscall_list_;
  Workloads workloads_;
  ContainerStore store_;
  Workloads::Changes changes_;
  ContainerRecorder recorder_;
  Workloads& pod_workloads_;
  Store& pod_store_;
  std::unique_ptr<ContainerViews> views_;
  uint64_t gathered_ns_ = 0;
  uint64_t looked_ns_ = 0;  // gathered, or for insights alone
};

}  // namespace kubepulse

#endif
