// Telling systemd how we are, as sd_notify(3) and sd_watchdog_enabled(3) do, without libsystemd.
#ifndef KUBEPULSE_BASE_NOTIFY_H
#define KUBEPULSE_BASE_NOTIFY_H

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace kubepulse {

// Without NOTIFY_SOCKET each call does nothing. What cannot be sent is logged, once, and lost.
class Notifier {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and leaves them as they are. `environment`
  // is like getenv(3); `self` is who would have to feed the watchdog.
  static Notifier from_environment(
      const std::function<const char*(const char*)>& environment = ::getenv, pid_t self = getpid());

  // These two are worth a wait of at most a second: systemd kills what never said that it is ready.
  void ready();
  void stopping();
  // What `systemctl status` shows; cut at the first control character. Never waits.
  void status(std::string_view text);
  // Call it every watchdog_interval_ns(). Never waits.
  void watchdog();
  // Half of the time after which systemd thinks us dead; 0: nobody watches.
  uint64_t watchdog_interval_ns() const { return watchdog_interval_ns_; }

 private:
  Notifier() = default;
  void send(std::string_view text, int flags);
  void complain(std::string_view what, int error_number);

  Fd socket_;
  sockaddr_un address_{};
  socklen_t length_ = 0;
  uint64_t watchdog_interval_ns_ = 0;
  bool complained_ = false;
};

}  // namespace kubepulse

#endif
