// A server and its clients in one process: the clients never block, and while one waits for
// something the loop is turned.
#ifndef KUBEPULSE_TESTS_HTTP_CLIENT_H
#define KUBEPULSE_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/loop.h"
#include "publish/http_server.h"
#include "tests/check.h"

namespace kubepulse {

// Connects to "127.0.0.1:PORT" or "unix:/PATH"; the kernel does it without the server's help.
inline Fd connect_to(const std::string& address) {
  bool is_unix = address.compare(0, 5, "unix:") == 0;
  sockaddr_storage to{};
  socklen_t length = sizeof(sockaddr_in);
  if (is_unix) {
    auto& name = reinterpret_cast<sockaddr_un&>(to);
    name.sun_family = AF_UNIX;
    strncpy(name.sun_path, address.c_str() + 5, sizeof name.sun_path - 1);
    length = sizeof name;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(to);
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4.sin_port = htons(static_cast<uint16_t>(atoi(address.c_str() + address.rfind(':') + 1)));
  }
  Fd fd(socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), length) != 0) return {};
  return fd;
}

struct Reply {
  std::string head;  // with the empty line
  std::string body;  // chunks joined
  int status() const { return head.size() > 12 ? atoi(head.c_str() + 9) : 0; }
  bool has(const std::string& line) const {
    return head.find("\r\n" + line + "\r\n") != std::string::npos;
  }
};

class Site {
 public:
  explicit Site(HttpHandler handler, HttpLimits limits = {},
                const std::string& address = "127.0.0.1:0") {
    Result<Loop> created = Loop::create();
    ck_assert(created.ok());
    loop = std::make_unique<Loop>(std::move(created.value()));
    Result<ListenAddress> parsed = ListenAddress::parse(address);
    ck_assert(parsed.ok());
    Result<Listener> listener = parsed.value().listen();
    ck_assert_msg(listener.ok(), "%s", listener.ok() ? "" : listener.status().message().c_str());
    auto started =
        HttpServer::start(*loop, std::move(listener.value()), std::move(handler), limits);
    ck_assert(started.ok());
    server = std::move(started.value());
  }

  // Turns the loop until `done`, at most 5 s.
  bool until(const std::function<bool()>& done) {
    for (uint64_t end_ns = monotonic_ns() + 5 * kNsPerSecond; monotonic_ns() < end_ns;) {
      if (done()) return true;
      CHECK_OK(loop->turn(1));
    }
    return done();
  }
  void turn_for(uint64_t ms) {
    for (uint64_t end_ns = monotonic_ns() + ms * kNsPerMs; monotonic_ns() < end_ns;)
      CHECK_OK(loop->turn(1));
  }

  std::unique_ptr<Loop> loop;
  std::unique_ptr<HttpServer> server;
};

class Client {
 public:
  explicit Client(Site& site) : site_(&site), fd_(connect_to(site.server->address())) {
    ck_assert(static_cast<bool>(fd_));
  }

  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }
  void reset() {
    linger now = {1, 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }

  // False where the server has closed; what was not taken is lost.
  bool send(std::string_view bytes) {
    return site_->until([&] {
      ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
      failed_ = sent < 0 && errno != EAGAIN;
      return bytes.empty() || failed_;
    }) && !failed_;
  }

  // Takes what is there, at most `max`, into `input`; false at the end, of which `error` tells.
  bool take(size_t max = 65536) {
    std::string bytes(max, '\0');
    ssize_t size = recv(fd_.get(), bytes.data(), max, MSG_DONTWAIT);
    if (size > 0) input.append(bytes, 0, static_cast<size_t>(size));
    if (size < 0) error = errno;
    return size > 0 || (size < 0 && errno == EAGAIN);
  }
  // Turns until the server has closed; `input` is all that came.
  bool read_to_end(size_t max = 65536) {
    return site_->until([&] { return !take(max); });
  }
  bool read_size(size_t size) {
    return site_->until([&] { return input.size() >= size || !take(); }) && input.size() >= size;
  }
  bool read_through(const std::string& mark, size_t from = 0) {
    return site_->until([&] { return input.find(mark, from) != std::string::npos || !take(); }) &&
           input.find(mark, from) != std::string::npos;
  }

  // The next whole reply, taken off `input`.
  Reply reply(bool to_head = false) {
    Reply reply;
    ck_assert_msg(read_through("\r\n\r\n"), "no head in: %s", input.c_str());
    size_t size = input.find("\r\n\r\n") + 4;
    reply.head = input.substr(0, size);
    input.erase(0, size);
    if (to_head) return reply;
    size_t at = reply.head.find("Content-Length: ");
    if (at != std::string::npos) {
      size_t length = strtoul(reply.head.c_str() + at + 16, nullptr, 10);
      ck_assert(read_size(length));
      reply.body = input.substr(0, length);
      input.erase(0, length);
    } else if (reply.has("Transfer-Encoding: chunked")) {
      reply.body = chunks();
    } else {
      ck_assert(read_to_end());
      reply.body = std::exchange(input, {});
    }
    return reply;
  }
  Reply ask(std::string_view request) {
    ck_assert(send(request));
    return reply(request.substr(0, 4) == "HEAD");
  }

  std::string input;
  int error = 0;

 private:
  std::string chunks() {
    std::string body;
    for (size_t at = 0;;) {
      ck_assert(read_through("\r\n", at));
      size_t data = input.find("\r\n", at) + 2;
      size_t size = strtoul(input.c_str() + at, nullptr, 16);
      ck_assert(read_size(data + size + 2));
      body.append(input, data, size);
      CHECK_TEXT(input.substr(data + size, 2), "\r\n");
      at = data + size + 2;
      if (size > 0) continue;
      input.erase(0, at);
      return body;
    }
  }

  Site* site_;
  Fd fd_;
  bool failed_ = false;
};

// A stream of `pieces` numbered lines padded to `piece_bytes` each.
class Lines : public HttpBody {
 public:
  Lines(int pieces, size_t piece_bytes, int* made = nullptr, bool* gone = nullptr)
      : pieces_(pieces), piece_bytes_(piece_bytes), made_(made), gone_(gone) {}
  ~Lines() override {
    if (gone_ != nullptr) *gone_ = true;
  }
  bool next(std::string& out) override {
    out += piece(at_++);
    if (made_ != nullptr) ++*made_;
    return at_ < pieces_;
  }
  std::string whole() const {
    std::string text;
    for (int at = 0; at < pieces_; at++)
      text += piece(at);
    return text;
  }

 private:
  std::string piece(int at) const {
    std::string text = "line " + std::to_string(at);
    text.resize(piece_bytes_ - 1, '.');
    return text + "\n";
  }

  int pieces_;
  size_t piece_bytes_;
  int* made_;
  bool* gone_;
  int at_ = 0;
};

inline HttpResponse stream_of(std::unique_ptr<HttpBody> body) {
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4";
  response.stream = std::move(body);
  return response;
}

}  // namespace kubepulse

#endif
