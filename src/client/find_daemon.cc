#include "client/find_daemon.h"

#include <netinet/in.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include "base/fd.h"
#include "client/page_url.h"
#include "collect/loader.h"

namespace kubepulse {

namespace {

constexpr int kAnswerMs = 500;  // our own loopback answers at once

// One that takes its time is somebody: the page's client tells how it fares.
bool somebody_listens() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kDefaultPort);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd) return false;
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
  if (errno != EINPROGRESS) return false;
  pollfd answer{fd.get(), POLLOUT, 0};
  if (poll(&answer, 1, kAnswerMs) == 0) return true;
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

Result<std::unique_ptr<OwnDaemon>> find_daemon(std::string& url, const RunDaemon& run) {
  std::unique_ptr<OwnDaemon> none;
  if (!url.empty()) return none;
  if (somebody_listens()) {
    url = kDefaultUrl;
    return none;
  }
  if (Status status = check_bpf_usable(); !status.ok())
    return std::move(status).in(
        "nobody listens at 127.0.0.1:9090, so give --url= of a daemon, or be root to start one "
        "here");
  auto started = OwnDaemon::start(run);
  if (!started.ok()) return std::move(started.status()).in("starting a daemon");
  return std::move(started.value());
}

}  // namespace kubepulse
