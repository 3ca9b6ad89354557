#include "collect/oom_watch.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>

namespace kubepulse {

OomWatch::~OomWatch() {
  if (fd_) loop_.forget(fd_.get());
}

Status OomWatch::start() {
  fd_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd_) return Status::from_errno("inotify_init1", errno);
  return loop_.watch(fd_.get(), EPOLLIN, [this](uint32_t) { read_notices(); });
}

void OomWatch::add(uint64_t cgroup, const std::string& path) {
  if (watches_.find(cgroup) != nullptr || watches_.full()) return;
  int watch = inotify_add_watch(fd_.get(), (mount_ + path + "/memory.events").c_str(), IN_MODIFY);
  if (watch < 0) return;
  // One inode, one watch: the same path again is another inode.
  cgroups_[watch] = cgroup;
  if (int* held = watches_.insert(cgroup)) *held = watch;
}

void OomWatch::remove(uint64_t cgroup) {
  int* watch = watches_.find(cgroup);
  if (watch == nullptr) return;
  inotify_rm_watch(fd_.get(), *watch);
  cgroups_.erase(*watch);
  watches_.erase(cgroup);
}

void OomWatch::read_notices() {
  alignas(inotify_event) char bytes[4096];
  while (true) {
    ssize_t got = read(fd_.get(), bytes, sizeof bytes);
    if (got <= 0) return;
    for (const char* at = bytes; at < bytes + got;) {
      const auto* notice = reinterpret_cast<const inotify_event*>(at);
      at += sizeof *notice + notice->len;
      auto known = cgroups_.find(notice->wd);
      if (known == cgroups_.end()) continue;
      uint64_t cgroup = known->second;  // it may be removed within
      if ((notice->mask & IN_IGNORED) != 0)
        remove(cgroup);
      else
        changed_(cgroup);
    }
  }
}

}  // namespace kubepulse
