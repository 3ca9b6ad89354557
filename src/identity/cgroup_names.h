// Remembers what cgroups were called at birth, so that one which is gone before its first event is
// read still has its name. Pure.
#ifndef KUBEPULSE_IDENTITY_CGROUP_NAMES_H
#define KUBEPULSE_IDENTITY_CGROUP_NAMES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kubepulse {

constexpr size_t kCgroupNamesMax = 2048;
constexpr size_t kCgroupNameBytesMax = 256;

class CgroupNames {
 public:
  // Holds nothing until the first birth.
  explicit CgroupNames(size_t path_bytes_max = kCgroupNameBytesMax)
      : path_bytes_max_(path_bytes_max) {}

  // A known id takes the new path and keeps its age; a new one pushes out the oldest where
  // kCgroupNamesMax are held. A path that is too long is cut behind a whole component: the name of
  // a parent is true, half a name is not. An empty one says nothing and is not kept.
  void born(uint64_t id, std::string_view path);

  // nullptr where the id is unknown or forgotten. Valid until the next birth.
  const std::string* find(uint64_t id) const;

  void forget(uint64_t id) { paths_.erase(id); }

  size_t size() const { return paths_.size(); }

 private:
  size_t path_bytes_max_;
  std::unordered_map<uint64_t, std::string> paths_;
  std::vector<uint64_t> by_age_;  // a ring, once full
  size_t oldest_ = 0;
};

}  // namespace kubepulse

#endif
