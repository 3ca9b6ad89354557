// A peer for the HTTP client: a child process that does what it is told with one connection.
#ifndef KUBEPULSE_TESTS_PEER_H
#define KUBEPULSE_TESTS_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "identity/http_fetch.h"
#include "tests/check.h"

namespace kubepulse {

inline constexpr int kTurnMs = 50;
inline constexpr int kTurnsMax = 400;

// Listens on a port of its own; a child serves the first connection.
class HttpPeer {
 public:
  explicit HttpPeer(const std::function<void(int fd)>& serve) {
    listener_ = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto* address = reinterpret_cast<sockaddr_in*>(&get.address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    get.address_length = sizeof *address;
    auto* any = reinterpret_cast<sockaddr*>(address);
    ck_assert(bind(listener_.get(), any, sizeof *address) == 0 && listen(listener_.get(), 8) == 0);
    socklen_t length = sizeof *address;
    getsockname(listener_.get(), any, &length);
    get.authority = "127.0.0.1:1";
    get.target = "/pods";
    child_ = fork();
    if (child_ != 0) return;
    Fd fd(accept(listener_.get(), nullptr, nullptr));
    if (serve) serve(fd.get());
    _exit(0);
  }
  ~HttpPeer() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  void stop_listening() { listener_.reset(); }

  HttpGet get;

 private:
  Fd listener_;
  pid_t child_ = -1;
};

inline void say(int fd, const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    ssize_t sent = send(fd, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) _exit(1);
    at += static_cast<size_t>(sent);
  }
}

inline std::string hear(int fd) {
  std::string text;
  char bytes[4096];
  while (text.find("\r\n\r\n") == text.npos) {
    ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size <= 0) _exit(1);
    text.append(bytes, static_cast<size_t>(size));
  }
  return text;
}

struct Got {
  Status status;
  int code = -1;
  std::string body;
  uint64_t bytes = 0;
};

inline Got fetch(const HttpGet& get, HttpFetchLimits limits = {}, uint64_t enough = UINT64_MAX) {
  Result<Loop> loop = Loop::create();
  ck_assert(loop.ok());
  Got got;
  bool done = false;
  std::unique_ptr<HttpFetch> fetch;
  fetch = std::make_unique<HttpFetch>(
      loop.value(), get, limits,
      [&](int, std::string_view piece) {
        got.bytes += piece.size();
        if (got.body.size() < 4096) got.body += piece;
        return got.bytes < enough;
      },
      [&](Status status, int code) {
        got.status = std::move(status);
        got.code = code;
        done = true;
        fetch.reset();
      });
  fetch->start();
  ck_assert(!done);
  for (int turns = 0; turns < kTurnsMax && !done; turns++)
    CHECK_OK(loop.value().turn(kTurnMs));
  ck_assert_msg(done, "it did not end");
  return got;
}

inline void check_error(const Got& got, const char* part, int code) {
  ck_assert_msg(got.status.message().find(part) != std::string::npos, "got \"%s\", want \"%s\"",
                got.status.message().c_str(), part);
  ck_assert_int_eq(got.code, code);
}

}  // namespace kubepulse

#endif
