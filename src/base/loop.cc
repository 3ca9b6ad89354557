#include "base/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/clock.h"

namespace kubepulse {

Result<Loop> Loop::create() {
  Loop loop;
  loop.epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop.epoll_) return Status::from_errno("epoll_create1", errno);
  return loop;
}

Loop::Watch* Loop::find(int fd) {
  auto index = static_cast<size_t>(fd);
  return fd >= 0 && index < watches_.size() && watches_[index].fd == fd ? &watches_[index]
                                                                        : nullptr;
}

Status Loop::watch(int fd, uint32_t events, FdHandler handler) {
  if (fd < 0) return Status::from_errno("watch", EBADF);
  auto index = static_cast<size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  uint64_t serial = ++serial_;
  epoll_event event{};
  event.events = events;
  // Both fit: descriptors stay below 2^20 (fs.nr_open), and a serial is only compared for equality.
  event.data.u64 = serial << 20 | static_cast<uint64_t>(fd);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return Status::from_errno("epoll_ctl(ADD)", errno);
  watches_[index] = Watch{fd, serial, std::move(handler)};
  return {};
}

Status Loop::change(int fd, uint32_t events) {
  Watch* watch = find(fd);
  if (watch == nullptr) return Status::error("fd is not watched");
  epoll_event event{};
  event.events = events;
  event.data.u64 = watch->serial << 20 | static_cast<uint64_t>(fd);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    return Status::from_errno("epoll_ctl(MOD)", errno);
  return {};
}

void Loop::forget(int fd) {
  Watch* watch = find(fd);
  if (watch == nullptr) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  *watch = Watch{};
}

Loop::TimerId Loop::at(uint64_t due_ns, TimerHandler handler) {
  timers_.push_back(Timer{due_ns, ++serial_, std::move(handler)});
  return serial_;
}

Loop::TimerId Loop::after(uint64_t delay_ns, TimerHandler handler) {
  return at(monotonic_ns() + delay_ns, std::move(handler));
}

void Loop::cancel(TimerId timer) {
  timers_.erase(std::remove_if(timers_.begin(), timers_.end(),
                               [timer](const Timer& t) { return t.id == timer; }),
                timers_.end());
}

int Loop::wait_ms_until_due(int wait_ms) const {
  if (timers_.empty()) return wait_ms;
  uint64_t due_ns = UINT64_MAX;
  for (const Timer& timer : timers_)
    due_ns = std::min(due_ns, timer.due_ns);
  uint64_t now_ns = monotonic_ns();
  // Rounded up: waking a millisecond early would spin until the timer is due.
  uint64_t left_ms = due_ns <= now_ns ? 0 : (due_ns - now_ns + kNsPerMs - 1) / kNsPerMs;
  int due_ms = static_cast<int>(std::min<uint64_t>(left_ms, INT_MAX));
  return wait_ms < 0 ? due_ms : std::min(wait_ms, due_ms);
}

void Loop::serve_timers() {
  uint64_t now_ns = monotonic_ns();
  uint64_t newest = serial_;  // a timer that a handler sets waits for the next round
  for (;;) {
    auto due = timers_.end();
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer)
      if (timer->due_ns <= now_ns && timer->id <= newest &&
          (due == timers_.end() || timer->due_ns < due->due_ns))
        due = timer;
    if (due == timers_.end()) return;
    TimerHandler handler = std::move(due->handler);
    timers_.erase(due);
    handler();
  }
}

Status Loop::turn(int wait_ms) {
  epoll_event events[64];
  int ready = epoll_wait(epoll_.get(), events, 64, wait_ms_until_due(wait_ms));
  if (ready < 0 && errno != EINTR) return Status::from_errno("epoll_wait", errno);
  for (int i = 0; i < ready; i++) {
    int fd = static_cast<int>(events[i].data.u64 & ((1U << 20) - 1));
    Watch* watch = find(fd);
    if (watch == nullptr || watch->serial != events[i].data.u64 >> 20) continue;
    // A copy: the handler may forget its own fd, or grow the table that it lives in.
    FdHandler handler = watch->handler;
    handler(events[i].events);
  }
  serve_timers();
  return {};
}

Status Loop::run() {
  stopping_ = false;
  while (!stopping_)
    if (Status status = turn(-1); !status.ok()) return status;
  return {};
}

}  // namespace kubepulse
