// Bytes to and from a peer over a connected, non-blocking socket: plain here, encrypted by tls.h.
#ifndef KUBEPULSE_IDENTITY_STREAM_H
#define KUBEPULSE_IDENTITY_STREAM_H

#include <cstddef>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse {

struct StreamStep {
  enum class Kind {
    moved,       // `size` bytes, at least one; of a handshake: it is done
    wait_read,   // call again when the socket can be read
    wait_write,  // likewise written
    closed,      // by the peer, in order
    failed,      // `error` says how
  };
  Kind kind = Kind::moved;
  size_t size = 0;
  Status error;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // To be called until it has moved, before anything else.
  virtual StreamStep shake_hands() = 0;
  virtual StreamStep read(char* bytes, size_t size) = 0;
  virtual StreamStep write(const char* bytes, size_t size) = 0;
};

class PlainStream : public Stream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}  // not owned
  StreamStep shake_hands() override { return {}; }
  StreamStep read(char* bytes, size_t size) override;
  StreamStep write(const char* bytes, size_t size) override;

 private:
  int fd_;
};

}  // namespace kubepulse

#endif
