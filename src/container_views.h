// What only shows through a process of a container: the interfaces of its network namespace, and
// the file systems of its mount namespace.
#ifndef KUBEPULSE_CONTAINER_VIEWS_H
#define KUBEPULSE_CONTAINER_VIEWS_H

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/loop.h"
#include "collect/filesystems.h"
#include "collect/interfaces.h"
#include "identity/cgroup_tree.h"
#include "identity/workloads.h"
#include "publish/container_store.h"
#include "publish/store.h"

namespace kubepulse {

class ContainerViews {
 public:
  // `workloads` and `store` are of pods, the other two of containers. None is owned, and `loop`
  // outlives it.
  struct Sinks {
    Workloads& workloads;
    Store& store;
    Workloads& containers;
    ContainerStore& container_store;
  };

  // `groups`: of metrics; see groups.h.
  // `mounts` of cgroups.
  ContainerViews(Loop& loop, uint32_t groups, const Sinks& sinks, const CgroupMounts& mounts);

  // What a look is at: all, file systems alone, or their answers alone, for which no process is
  // looked for.
  enum class Look { all, filesystems, answers, nothing };

  // What insights need now, where nobody scrapes: file systems are asked once a minute, and their
  // answers shown once.
  Look due(uint64_t now_ns) const;

  // One look: begin, each container by its cgroup, end. What is the host's stands under the host
  // once, and under nobody else.
  void begin(Look look, uint64_t now_ns);
  void look(uint64_t cgroup, const std::string& path);
  void end();

  FilesystemCounts filesystem_counts() const { return filesystems_.counts(); }

 private:
  // What was added already. Kept for a while when it is not met: a look may miss it.
  struct Told {
    Workloads::Owner owner = 0;
    uint64_t met_ns = 0;
    std::vector<InterfaceCount> interfaces;
  };

  void look_at(uint64_t cgroup, const std::string& path, const std::vector<uint32_t>& pids);
  void count_interfaces(Workloads::Owner owner, uint32_t pid, uint64_t name_space);
  void show_filesystems(uint64_t cgroup, const std::string& path);
  uint64_t device_of(uint64_t cgroup, const Filesystem& filesystem);

  bool with_interfaces_;
  bool with_filesystems_;
  Sinks sinks_;
  CgroupMounts mounts_;
  Filesystems filesystems_;
  uint64_t host_network_ = 0;
  uint64_t host_mounts_ = 0;
  Look look_ = Look::nothing;
  uint64_t now_ns_ = 0;
  uint64_t asked_ns_ = 0;                    // 0: not yet
  uint64_t shown_ns_ = 0;                    // what was told then
  std::unordered_map<uint64_t, Told> told_;  // by network namespace
  std::unordered_set<uint64_t> seen_;        // of them, in this look
  std::vector<FilesystemOwner> owners_;
};

}  // namespace kubepulse

#endif
