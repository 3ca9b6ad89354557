// The cgroup file systems: from the id that the kernel programs capture to a path.
#ifndef KUBEPULSE_IDENTITY_CGROUP_TREE_H
#define KUBEPULSE_IDENTITY_CGROUP_TREE_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/status.h"
#include "identity/cgroup_names.h"

namespace kubepulse {

// Set in the id of a cgroup of the legacy (v1) hierarchy: the ids of two hierarchies overlap.
constexpr uint64_t kLegacyBit = uint64_t{1} << 63;

// The key of a cgroup in a FlatMap. What is of no cgroup has 0, which is not storable: the legacy
// bit alone is no cgroup either.
constexpr uint64_t cgroup_key(uint64_t cgroup) {
  return cgroup == 0 ? kLegacyBit : cgroup;
}

// Mount points, "" where there is none.
struct CgroupMounts {
  std::string unified;            // cgroup2
  std::string legacy;             // the one v1 hierarchy that is used
  std::string legacy_controller;  // what it was chosen for: "pids", else "memory", else "cpu"
  // v1 hierarchies by their controller, where the kernel's own counts are.
  std::string cpu, cpuacct, memory, blkio;
};

// From the text of /proc/self/mountinfo. A hierarchy that is mounted more than once counts where
// its root is highest: "/../.." (seen from a cgroup namespace of one's own) lies above "/", and a
// mount of a part ("/docker/...") is none. Pure.
CgroupMounts parse_cgroup_mounts(std::string_view mountinfo);

class CgroupTree {
 public:
  // Finds the hierarchies in PROC_ROOT/self/mountinfo and opens them; fails where there is none.
  static Result<CgroupTree> open(std::string proc_root = "/proc");

  // The path of a cgroup below its mount point, "/" for the root; "" where it is gone or cannot be
  // told. Costs three system calls where the kernel opens by id (CAP_DAC_READ_SEARCH). Else the
  // whole tree is read, at most kScanDirsMax folders and once in kScanPauseNs of `now_ns`: "" may
  // then mean that it is too early to ask, and a cgroup that a scan has met is still answered after
  // it is gone.
  std::string path_of(uint64_t id, uint64_t now_ns);

  // Whether the cgroup is still there.
  bool lives(uint64_t id, uint64_t now_ns);
  // It is gone: its path is no answer any more.
  void forget(uint64_t id) { met_.forget(id); }

  // The best path in PROC_ROOT/PID/cgroup; "" where the process is gone. In a cgroup namespace of
  // one's own paths are relative to that, and "/", which is then the reader's own cgroup and not
  // the kernel's, becomes "".
  std::string path_of_pid(uint32_t pid) const;

  // The id of a path that path_of() gave, 0 where it is gone.
  uint64_t id_of_path(std::string_view path, bool legacy = false) const;

  // Calls visit(id, path) for each cgroup there is, of either hierarchy, but for the roots; at most
  // kScanDirsMax of each.
  using Visit = std::function<void(uint64_t id, const std::string& path)>;
  void each(const Visit& visit) const;

  const CgroupMounts& mounts() const { return mounts_; }
  // Whether ids are looked up by reading the tree, in either hierarchy.
  bool scans() const { return (unified_.fd && !unified_.by_id) || (legacy_.fd && !legacy_.by_id); }

  static constexpr size_t kScanDirsMax = 65536;
  static constexpr uint64_t kScanPauseNs = kNsPerSecond;

 private:
  struct Hierarchy {
    Fd fd;              // the folder that is the root
    std::string point;  // where it is mounted, as the kernel writes it
    bool by_id = false;
  };

  CgroupTree() = default;
  static Hierarchy open_hierarchy(const std::string& point);
  static std::string path_of_handle(Hierarchy& hierarchy, uint64_t id);
  static void walk(const Hierarchy& hierarchy, const Visit& visit);
  std::string scan(const Hierarchy& hierarchy, uint64_t id);

  std::string proc_root_;
  CgroupMounts mounts_;
  bool own_namespace_ = false;  // a cgroup namespace that is not the initial one
  Hierarchy unified_;
  Hierarchy legacy_;
  // What scans have met, so that one serves many ids. In a nested node (kind) paths have 300 bytes.
  CgroupNames met_{512};
  uint64_t next_scan_ns_ = 0;
};

}  // namespace kubepulse

#endif
