// One client of the HTTP server, as a machine of four states. It owns its socket and asks nobody
// for the time; the server watches the socket for it.
#ifndef KUBEPULSE_PUBLISH_HTTP_CONNECTION_H
#define KUBEPULSE_PUBLISH_HTTP_CONNECTION_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "publish/http_request.h"
#include "publish/http_response.h"

namespace kubepulse {

// Called with GET and HEAD only. `request` is gone when it returns.
using HttpHandler = std::function<HttpResponse(const HttpRequest& request)>;

constexpr size_t kHttpSendBytesMax = size_t{256} * 1024;        // to one client, in one turn
constexpr size_t kHttpDrainBytesMax = size_t{2} * 1024 * 1024;  // read and dropped before a close

struct HttpLimits {
  uint64_t head_ns = 10 * kNsPerSecond;   // a whole head, from its first byte; then 408
  uint64_t idle_ns = 10 * kNsPerSecond;   // between requests, and before the first
  uint64_t write_ns = 10 * kNsPerSecond;  // without progress in writing
  uint64_t drain_ns = 2 * kNsPerSecond;   // for the client to close after a last answer
  uint64_t pause_ns = 1 * kNsPerSecond;   // without accepting, where the system lacks something
  uint64_t tick_ns = 1 * kNsPerSecond;    // a deadline is served no sooner than this from now
};

struct HttpStats {
  uint64_t requests = 0;   // answered by the handler, and 405
  uint64_t malformed = 0;  // 400, 413, 431
  uint64_t refused = 0;    // 503: all connections were busy
  uint64_t evicted = 0;    // idle connections closed to make room
  uint64_t timeouts = 0;   // heads that did not come, answers that were not read
  uint64_t pauses = 0;     // of accepting
};

class HttpConnection {
 public:
  // waiting -> reading -> writing -> waiting, or, after a last answer, draining: our side is shut,
  // and what still comes is dropped until the client closes, so that it reads the answer rather
  // than a reset (RFC 9112 section 9.6).
  enum class State { kWaiting, kReading, kWriting, kDraining };

  // `fd` is connected and non-blocking. The others outlive the connection.
  HttpConnection(Fd fd, const HttpHandler& handler, const HttpLimits& limits, HttpStats& stats,
                 uint64_t now_ns);

  // Each does one bounded piece of work and returns false when the connection is over.
  bool serve(uint64_t now_ns);               // one of events() is ready
  bool expire(uint64_t now_ns);              // deadline_ns() has come
  bool refuse(int status, uint64_t now_ns);  // answers `status` without a request, and closes

  int fd() const { return fd_.get(); }
  State state() const { return state_; }
  uint64_t since_ns() const { return since_ns_; }  // in this state
  uint64_t deadline_ns() const { return deadline_ns_; }
  uint32_t events() const;  // of epoll, for the state
  // Between requests, with none on its way into our socket.
  bool is_idle() const;

 private:
  void enter(State state, uint64_t now_ns, uint64_t time_ns);
  bool receive(uint64_t now_ns);
  void take_request(uint64_t now_ns);
  void answer(const HttpRequest& request, HttpResponse response, uint64_t now_ns);
  void answer_last(int status, std::string_view method, uint64_t now_ns);
  bool send_piece(uint64_t now_ns);
  bool conclude(uint64_t now_ns);
  bool drain();

  Fd fd_;
  const HttpHandler& handler_;
  const HttpLimits& limits_;
  HttpStats& stats_;
  State state_ = State::kWaiting;
  uint64_t since_ns_;
  uint64_t deadline_ns_;
  std::string in_;  // at most kHttpHeadBytesMax; no memory while waiting
  std::optional<HttpAnswer> answer_;
  std::string out_;  // one fill() of the answer; no memory while waiting
  size_t sent_ = 0;  // of `out_`
  bool more_ = false;
  size_t drained_ = 0;
};

}  // namespace kubepulse

#endif
