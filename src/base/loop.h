// The one event loop: sockets, rings, timers and signals, on epoll. Single-threaded.
#ifndef KUBEPULSE_BASE_LOOP_H
#define KUBEPULSE_BASE_LOOP_H

#include <cstdint>
#include <functional>
#include <vector>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse {

class Loop {
 public:
  // Called with the epoll events that are ready. It may watch, change and forget any fd, its own
  // included: registration is looked up again before each call.
  using FdHandler = std::function<void(uint32_t events)>;
  using TimerHandler = std::function<void()>;
  using TimerId = uint64_t;  // never used twice; 0 is no timer

  static Result<Loop> create();

  // Watches `fd` (not owned) for `events` (EPOLLIN, EPOLLOUT, EPOLLONESHOT, ...). With events 0 it
  // stays registered but silent. Forget an fd before it is closed.
  Status watch(int fd, uint32_t events, FdHandler handler);
  Status change(int fd, uint32_t events);
  void forget(int fd);

  // Runs `handler` once, at `due_ns` of the monotonic clock or soon after. O(N): timers are few.
  TimerId at(uint64_t due_ns, TimerHandler handler);
  // The same, `delay_ns` from now.
  TimerId after(uint64_t delay_ns, TimerHandler handler);
  void cancel(TimerId timer);

  // Waits for events and serves them until stop() is called from a handler.
  Status run();
  void stop() { stopping_ = true; }
  // One round: waits at most `wait_ms` (-1: until something is due) and serves what is ready.
  Status turn(int wait_ms);

 private:
  struct Watch {
    int fd = -1;
    uint64_t serial = 0;  // tells a re-used fd from the one that the event was for
    FdHandler handler;
  };
  struct Timer {
    uint64_t due_ns;
    TimerId id;
    TimerHandler handler;
  };

  Loop() = default;
  Watch* find(int fd);
  int wait_ms_until_due(int wait_ms) const;
  void serve_timers();

  Fd epoll_;
  std::vector<Watch> watches_;  // indexed by fd
  std::vector<Timer> timers_;
  uint64_t serial_ = 0;
  bool stopping_ = false;
};

}  // namespace kubepulse

#endif
