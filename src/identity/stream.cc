#include "identity/stream.h"

#include <sys/socket.h>

#include <cerrno>

namespace kubepulse {

namespace {

StreamStep outcome(ssize_t size, StreamStep::Kind wait, const char* what) {
  if (size > 0) return {StreamStep::Kind::moved, static_cast<size_t>(size), {}};
  if (size == 0) return {StreamStep::Kind::closed, 0, {}};
  if (errno == EAGAIN || errno == EINTR) return {wait, 0, {}};
  return {StreamStep::Kind::failed, 0, Status::from_errno(what, errno)};
}

}  // namespace

StreamStep PlainStream::read(char* bytes, size_t size) {
  return outcome(recv(fd_, bytes, size, MSG_DONTWAIT), StreamStep::Kind::wait_read, "receiving");
}

StreamStep PlainStream::write(const char* bytes, size_t size) {
  return outcome(send(fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL), StreamStep::Kind::wait_write,
                 "sending");
}

}  // namespace kubepulse
