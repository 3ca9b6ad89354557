// One GET, inside the loop: no thread, nothing that blocks. The connection is used once.
#ifndef KUBEPULSE_IDENTITY_HTTP_FETCH_H
#define KUBEPULSE_IDENTITY_HTTP_FETCH_H

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/status.h"
#include "identity/http_answer.h"
#include "identity/stream.h"
#include "identity/tls.h"

namespace kubepulse {

struct HttpGet {
  sockaddr_storage address{};
  socklen_t address_length = 0;
  std::string authority;  // for the field Host
  std::string target;     // "/pods"
  std::string bearer;     // a token; "": none
  Tls* tls = nullptr;     // null: plain. It outlives the fetch
  // Once the head of the answer has come; may be null. Nothing may be destroyed within.
  std::function<void(int code)> head;
};

struct HttpFetchLimits {
  uint64_t connect_ns = 5 * kNsPerSecond;  // TLS included
  uint64_t idle_ns = 10 * kNsPerSecond;    // without a byte
  uint64_t whole_ns = 30 * kNsPerSecond;
  uint64_t body_bytes = uint64_t{64} << 20;
};

class HttpFetch {
 public:
  // A piece of the body of an answer with `code`; false: enough of it.
  using Take = std::function<bool(int code, std::string_view piece)>;
  // Once, from the loop, never within start(). `code` is 0 where no answer came. The Status is an
  // error where the answer is not whole, whatever its code. The fetch may be destroyed within.
  using Done = std::function<void(Status status, int code)>;

  HttpFetch(Loop& loop, HttpGet get, const HttpFetchLimits& limits, Take take, Done done);
  ~HttpFetch();  // ends it; `done` is not called any more
  HttpFetch(const HttpFetch&) = delete;
  HttpFetch& operator=(const HttpFetch&) = delete;

  void start();

  // How far it has come, or came: to no connection, to one without TLS, or to a working one.
  enum class Reach { nobody, peer, server };
  Reach reach() const { return reach_; }

 private:
  enum class State { connecting, shaking_hands, sending, receiving, over };

  Status connect_socket();
  void serve();
  bool step();
  bool wait(const StreamStep& step);
  bool shake_hands();
  bool send_some();
  bool receive_some();
  Status take(std::string_view bytes);
  void set_deadline(uint64_t now_ns);
  void expire();
  bool finish(Status status);

  Loop& loop_;
  HttpGet get_;
  HttpFetchLimits limits_;
  Take take_;
  Done done_;
  State state_ = State::connecting;
  Reach reach_ = Reach::nobody;
  Fd fd_;
  std::unique_ptr<Stream> stream_;
  std::string request_;
  size_t sent_ = 0;
  HttpAnswerParser answer_;
  bool head_told_ = false;
  uint64_t begun_ns_ = 0;
  uint64_t moved_ns_ = 0;
  Loop::TimerId timer_ = 0;
};

}  // namespace kubepulse

#endif
