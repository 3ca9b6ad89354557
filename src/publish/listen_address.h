// Where the daemon listens: ":9090", "127.0.0.1:9090", "[::1]:9090" or "unix:/path". Numeric only:
// no name is looked up. Port 0 lets the kernel choose.
#ifndef KUBEPULSE_PUBLISH_LISTEN_ADDRESS_H
#define KUBEPULSE_PUBLISH_LISTEN_ADDRESS_H

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse {

// A listening socket, non-blocking and close-on-exec. Move-only; its end closes the socket and
// unlinks the socket file, unless another has taken that file's place.
class Listener {
 public:
  // Takes over `fd`, which listens. `text` as of text(); `path` of its socket file, else "".
  Listener(Fd fd, std::string text, std::string path);
  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&& other) = delete;
  ~Listener();

  int fd() const { return fd_.get(); }
  // The address that was bound: "127.0.0.1:43211", "[::]:9090", "0.0.0.0:9090", "unix:/path".
  const std::string& text() const { return text_; }

 private:
  Fd fd_;
  std::string text_;
  std::string path_;
  uint64_t device_ = 0;  // with the inode: which file the path named when we bound it
  uint64_t inode_ = 0;
};

class ListenAddress {
 public:
  // Errors show the text and the forms that are known.
  static Result<ListenAddress> parse(std::string_view text);

  // ":PORT" and "[::]:PORT" take IPv4 too; ":PORT" is 0.0.0.0 where the kernel has no IPv6.
  // A socket file that nobody listens on is replaced, a live one is not; its mode is 0660.
  // Errors say what happened and what to do.
  Result<Listener> listen() const;

  const std::string& text() const { return text_; }

 private:
  ListenAddress() = default;
  bool set_unix(std::string_view path);
  bool set_tcp(std::string_view host, uint16_t port);
  Result<Listener> listen_unix() const;

  std::string text_;
  sockaddr_storage address_{};
  socklen_t length_ = 0;
  bool any_family_ = false;  // ":PORT"
};

}  // namespace kubepulse

#endif
