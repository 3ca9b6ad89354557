#include "sniff/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace kubepulse {

Status write_all(int fd, std::string_view text, int signals) {
  while (!text.empty()) {
    pollfd ready[] = {{fd, POLLOUT, 0}, {signals, POLLIN, 0}};
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return Status::from_errno("poll", errno);
    if (ready[0].revents == 0 && ready[1].revents == 0) continue;
    if (ready[0].revents == 0) return Status::from_errno("writing", EINTR);
    // What is ready takes as much as this.
    ssize_t written = write(fd, text.data(), std::min(text.size(), size_t{PIPE_BUF}));
    if (written < 0 && errno != EINTR && errno != EAGAIN)
      return Status::from_errno("writing", errno);
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace kubepulse
