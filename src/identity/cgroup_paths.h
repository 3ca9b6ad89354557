// What a cgroup is called: as the kernel told at its birth, else as the tree says. Shared by all
// who look for owners.
#ifndef KUBEPULSE_IDENTITY_CGROUP_PATHS_H
#define KUBEPULSE_IDENTITY_CGROUP_PATHS_H

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "identity/cgroup_names.h"
#include "identity/cgroup_tree.h"

namespace kubepulse {

class CgroupPaths {
 public:
  // `read_births` is called before a cgroup is looked up, to hand over (by born()) what the kernel
  // has told so far: the birth of a cgroup is always told before its first event.
  explicit CgroupPaths(std::function<void()> read_births = {})
      : read_births_(std::move(read_births)) {}

  // Not owned. Without a tree only births tell.
  void set_tree(CgroupTree* tree) { tree_ = tree; }

  // The kernel has told that a cgroup was made.
  void born(uint64_t cgroup, std::string_view path) { names_.born(cgroup, path); }

  // "" where nobody knows.
  std::string path_of(uint64_t cgroup, uint64_t now_ns) {
    if (read_births_) read_births_();
    // What was told at birth is exact and costs nothing; the tree knows those from before.
    if (const std::string* path = names_.find(cgroup)) return *path;
    return tree_ == nullptr ? "" : tree_->path_of(cgroup, now_ns);
  }
  std::string path_of_pid(uint32_t pid) const {
    return pid == 0 || tree_ == nullptr ? "" : tree_->path_of_pid(pid);
  }

  bool lives(uint64_t cgroup, uint64_t now_ns) {
    return tree_ != nullptr && tree_->lives(cgroup, now_ns);
  }
  // It is gone, and no late event shall call it back.
  void forget(uint64_t cgroup) {
    names_.forget(cgroup);
    if (tree_ != nullptr) tree_->forget(cgroup);
  }

 private:
  std::function<void()> read_births_;
  CgroupTree* tree_ = nullptr;
  CgroupNames names_{512};
};

}  // namespace kubepulse

#endif
