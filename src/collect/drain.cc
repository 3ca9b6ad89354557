#include "collect/drain.h"

#include <sys/epoll.h>

#include "base/log.h"

namespace kubepulse {

Drain::~Drain() {
  loop_.cancel(timer_);
  loop_.forget(fd_);
}

// EPOLLONESHOT disarms the descriptor when it fires: while records gather, the kernel wakes nobody.
Status Drain::start() {
  return loop_.watch(fd_, EPOLLIN | EPOLLONESHOT, [this](uint32_t) { wait(kGatherNs); });
}

void Drain::wait(uint64_t delay_ns) {
  timer_ = loop_.after(delay_ns, [this] { serve(); });
}

void Drain::serve() {
  timer_ = 0;
  // While records come they are fetched by the timer alone, and the kernel has nobody to wake.
  if (size_t count = take_(kBatchMax); count > 0) {
    wait(count == kBatchMax ? 0 : kGatherNs);
    return;
  }
  // Arming looks at the ring once more, so a record that has just come is not missed.
  if (Status status = loop_.change(fd_, EPOLLIN | EPOLLONESHOT); !status.ok()) {
    log_error("a ring cannot be watched", {{"error", status.message()}});
    wait(kNsPerSecond);
  }
}

}  // namespace kubepulse
