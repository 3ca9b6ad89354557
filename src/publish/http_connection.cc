#include "publish/http_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kubepulse {

namespace {

constexpr size_t kDrainStepBytes = size_t{16} * 1024;
constexpr int kDrainStepsMax = 4;  // in one turn

bool try_again(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

}  // namespace

HttpConnection::HttpConnection(Fd fd, const HttpHandler& handler, const HttpLimits& limits,
                               HttpStats& stats, uint64_t now_ns)
    : fd_(std::move(fd)),
      handler_(handler),
      limits_(limits),
      stats_(stats),
      since_ns_(now_ns),
      deadline_ns_(now_ns + limits.idle_ns) {}

void HttpConnection::enter(State state, uint64_t now_ns, uint64_t time_ns) {
  state_ = state;
  since_ns_ = now_ns;
  deadline_ns_ = now_ns + time_ns;
}

uint32_t HttpConnection::events() const {
  return state_ == State::kWriting ? EPOLLOUT : EPOLLIN;
}

bool HttpConnection::is_idle() const {
  if (state_ != State::kWaiting) return false;
  char byte;
  return recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

bool HttpConnection::serve(uint64_t now_ns) {
  if (state_ == State::kWriting) return send_piece(now_ns);
  if (state_ == State::kDraining) return drain();
  return receive(now_ns);
}

bool HttpConnection::expire(uint64_t now_ns) {
  if (state_ == State::kReading) {
    stats_.timeouts++;
    answer_last(408, {}, now_ns);
    return send_piece(now_ns);
  }
  if (state_ == State::kWriting) {
    stats_.timeouts++;
    // A reset frees what the kernel holds for this client; a plain close would keep it for minutes.
    linger reset = {1, 0};
    [[maybe_unused]] int set = setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  return false;
}

bool HttpConnection::refuse(int status, uint64_t now_ns) {
  answer_last(status, {}, now_ns);
  return send_piece(now_ns);
}

bool HttpConnection::receive(uint64_t now_ns) {
  char bytes[kHttpHeadBytesMax];
  // There is room: take_request() leaves no full buffer behind.
  ssize_t size = recv(fd_.get(), bytes, sizeof bytes - in_.size(), MSG_DONTWAIT);
  if (size <= 0) return size < 0 && try_again(errno);
  if (state_ == State::kWaiting) enter(State::kReading, now_ns, limits_.head_ns);
  in_.append(bytes, static_cast<size_t>(size));
  take_request(now_ns);
  return state_ != State::kWriting || send_piece(now_ns);
}

// Looks for a request in what was received, and begins its answer.
void HttpConnection::take_request(uint64_t now_ns) {
  HttpParse parse = parse_http_request(in_);
  if (parse.kind == HttpParse::Kind::kComplete) {
    stats_.requests++;
    bool readable = parse.request.method == "GET" || parse.request.method == "HEAD";
    answer(parse.request, readable ? handler_(parse.request) : http_text(405), now_ns);
    in_.erase(0, parse.consumed);
  } else if (parse.kind == HttpParse::Kind::kRefused) {
    stats_.malformed++;
    answer_last(parse.status, parse.request.method, now_ns);
  } else if (in_.empty()) {
    in_ = std::string();
    enter(State::kWaiting, now_ns, limits_.idle_ns);
  } else if (state_ != State::kReading) {
    enter(State::kReading, now_ns, limits_.head_ns);
  }
}

void HttpConnection::answer(const HttpRequest& request, HttpResponse response, uint64_t now_ns) {
  answer_.emplace(request, std::move(response), realtime_ns());
  out_.clear();
  sent_ = 0;
  more_ = true;
  enter(State::kWriting, now_ns, limits_.write_ns);
}

void HttpConnection::answer_last(int status, std::string_view method, uint64_t now_ns) {
  HttpRequest request;
  request.method = method;
  answer(request, http_text(status), now_ns);
}

// One send() of at most kHttpSendBytesMax: then others have their turn.
bool HttpConnection::send_piece(uint64_t now_ns) {
  if (sent_ == out_.size()) {
    sent_ = 0;
    more_ = answer_->fill(out_);
  }
  if (sent_ < out_.size()) {
    size_t size = std::min(out_.size() - sent_, kHttpSendBytesMax);
    ssize_t sent = send(fd_.get(), out_.data() + sent_, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return try_again(errno);
    sent_ += static_cast<size_t>(sent);
    deadline_ns_ = now_ns + limits_.write_ns;
  }
  return sent_ < out_.size() || more_ || conclude(now_ns);
}

// The answer is out.
bool HttpConnection::conclude(uint64_t now_ns) {
  bool keep_alive = answer_->keep_alive();
  answer_.reset();
  out_ = std::string();
  sent_ = 0;
  if (keep_alive) {
    // What has been pipelined is answered in the next turn, which EPOLLOUT brings at once.
    take_request(now_ns);
    return true;
  }
  in_ = std::string();
  enter(State::kDraining, now_ns, limits_.drain_ns);
  return shutdown(fd_.get(), SHUT_WR) == 0;
}

bool HttpConnection::drain() {
  char dropped[kDrainStepBytes];
  for (int step = 0; step < kDrainStepsMax; step++) {
    ssize_t size = recv(fd_.get(), dropped, sizeof dropped, MSG_DONTWAIT);
    if (size <= 0) return size < 0 && try_again(errno);
    drained_ += static_cast<size_t>(size);
    if (drained_ > kHttpDrainBytesMax) return false;
  }
  return true;
}

}  // namespace kubepulse
