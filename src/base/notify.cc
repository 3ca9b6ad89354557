#include "base/notify.h"

#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/log.h"
#include "base/text.h"

namespace kubepulse {

namespace {

uint64_t read_interval_ns(const char* usec, const char* pid, pid_t self) {
  if (usec == nullptr) return 0;
  // Variables may have come from our parent, for whom they were meant.
  if (pid != nullptr && parse_number(pid) != static_cast<uint64_t>(self)) return 0;
  return parse_number(usec, UINT64_MAX / 1000).value_or(0) * 1000 / 2;
}

}  // namespace

Notifier Notifier::from_environment(const std::function<const char*(const char*)>& environment,
                                    pid_t self) {
  Notifier notifier;
  const char* path = environment("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == '\0') return notifier;
  size_t size = strlen(path);
  bool is_abstract = path[0] == '@';
  if ((path[0] != '/' && !is_abstract) || size < 2 || size >= sizeof notifier.address_.sun_path) {
    notifier.complain("NOTIFY_SOCKET is not the address of a unix socket", 0);
    return notifier;
  }
  notifier.address_.sun_family = AF_UNIX;
  memcpy(notifier.address_.sun_path, path, size);
  if (is_abstract) notifier.address_.sun_path[0] = '\0';
  // An abstract name is all of its bytes, a path ends with one that is zero.
  size += offsetof(sockaddr_un, sun_path) + (is_abstract ? 0 : 1);
  notifier.length_ = static_cast<socklen_t>(size);
  notifier.socket_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  timeval second{1, 0};
  if (!notifier.socket_ ||
      setsockopt(notifier.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second) != 0) {
    notifier.complain("no socket to reach systemd with", errno);
    notifier.socket_.reset();
    return notifier;
  }
  notifier.watchdog_interval_ns_ =
      read_interval_ns(environment("WATCHDOG_USEC"), environment("WATCHDOG_PID"), self);
  return notifier;
}

void Notifier::ready() {
  send("READY=1", 0);
}
void Notifier::stopping() {
  send("STOPPING=1", 0);
}
void Notifier::watchdog() {
  send("WATCHDOG=1", MSG_DONTWAIT);
}

void Notifier::status(std::string_view text) {
  auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  auto end = std::find_if(text.begin(), text.end(), is_control);
  std::string line = "STATUS=";
  line.append(text.begin(), end);
  send(line, MSG_DONTWAIT);
}

void Notifier::send(std::string_view text, int flags) {
  if (!socket_) return;
  ssize_t sent;
  do {
    sent = sendto(socket_.get(), text.data(), text.size(), flags | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&address_), length_);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) complain("systemd cannot be notified", errno);
}

void Notifier::complain(std::string_view what, int error_number) {
  if (complained_) return;
  complained_ = true;
  log_warn(what, {{"error", error_number == 0 ? "unsupported" : strerror(error_number)}});
}

}  // namespace kubepulse
