// Tells at once when the kernel counts an OOM kill: the cgroup is often gone before the next
// scrape. Of cgroup v2, whose memory.events gives notice when it changes
// (Documentation/admin-guide/cgroup-v2.rst); v1 is read at scrapes alone.
#ifndef KUBEPULSE_COLLECT_OOM_WATCH_H
#define KUBEPULSE_COLLECT_OOM_WATCH_H

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/flat_map.h"
#include "base/loop.h"
#include "base/status.h"

namespace kubepulse {

class OomWatch {
 public:
  static constexpr size_t kCgroupsMax = 4096;

  // `changed` is called from the loop: something happened to the memory of the cgroup, which may be
  // gone by now. `mount` is of cgroup v2.
  OomWatch(Loop& loop, std::string mount, std::function<void(uint64_t cgroup)> changed)
      : loop_(loop), mount_(std::move(mount)), changed_(std::move(changed)) {}
  ~OomWatch();
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  Status start();
  // Nothing happens where it is watched already, has no memory.events, or kCgroupsMax are.
  void add(uint64_t cgroup, const std::string& path);
  // To be told when it is gone: kernfs does not end a watch by itself.
  void remove(uint64_t cgroup);
  size_t size() const { return cgroups_.size(); }

 private:
  void read_notices();

  Loop& loop_;
  std::string mount_;
  std::function<void(uint64_t)> changed_;
  Fd fd_;
  std::unordered_map<int, uint64_t> cgroups_;  // by descriptor of the watch
  FlatMap<int> watches_{kCgroupsMax};          // the other way round
};

}  // namespace kubepulse

#endif
