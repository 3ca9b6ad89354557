// The cgroups whose own files are worth reading: of each container and each systemd unit the
// topmost one, since what the kernel counts of a cgroup includes all below it. Pure, but for
// scan().
#ifndef KUBEPULSE_IDENTITY_CGROUP_CENSUS_H
#define KUBEPULSE_IDENTITY_CGROUP_CENSUS_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "identity/cgroup_tree.h"

namespace kubepulse {

class CgroupCensus {
 public:
  static constexpr size_t kCgroupsMax = 4096;

  // replaced(id): its path belongs to another cgroup now.
  explicit CgroupCensus(std::function<void(uint64_t id)> replaced)
      : replaced_(std::move(replaced)) {}

  // Whether `path` is the topmost cgroup of a container or of a unit: its parent belongs to
  // another. A pod's own cgroup is its containers' sum, a slice its units', and neither is read.
  static bool is_counted(std::string_view path);

  // A cgroup was made. What is_counted() refuses is passed over. A path that is known takes the new
  // id: it was removed and made again. Where both hierarchies have it, it is held under the id that
  // was told first. Whether it is held under this one.
  bool born(uint64_t id, std::string_view path);
  // All that there are now; those that are known and gone are left to forget().
  void scan(CgroupTree& tree);
  void forget(const std::string& path) { cgroups_.erase(path); }

  // Calls visit(id, path), where the latter has been read as gone if it returns false, and is
  // forgotten.
  void each(const std::function<bool(uint64_t id, const std::string& path)>& visit);

  size_t size() const { return cgroups_.size(); }
  uint64_t overflow() const { return overflow_; }  // left out for want of room

 private:
  std::function<void(uint64_t)> replaced_;
  std::map<std::string, uint64_t> cgroups_;
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
