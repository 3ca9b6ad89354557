#include "base/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace kubepulse {

Result<Fd> open_signals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : signals)
    sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Status::from_errno("sigprocmask", errno);
  signal(SIGPIPE, SIG_IGN);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Status::from_errno("signalfd", errno);
  return fd;
}

}  // namespace kubepulse
