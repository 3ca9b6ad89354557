#include "identity/http_fetch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace kubepulse {

namespace {

// The longest record of TLS: so none is left half read inside mbedTLS while we wait for the socket.
constexpr size_t kReadBytes = size_t{16} << 10;
constexpr int kStepsMax = 16;  // in one turn: others have theirs

// Only what is known before it is sent: nobody can put a line of his own into the request.
std::string request_text(const HttpGet& get) {
  std::string text = "GET " + get.target + " HTTP/1.1\r\nHost: " + get.authority +
                     "\r\nUser-Agent: kubepulse\r\nAccept: application/json\r\n";
  if (!get.bearer.empty()) text += "Authorization: Bearer " + get.bearer + "\r\n";
  return text + "Connection: close\r\n\r\n";
}

bool is_wait(const StreamStep& step) {
  return step.kind == StreamStep::Kind::wait_read || step.kind == StreamStep::Kind::wait_write;
}

}  // namespace

HttpFetch::HttpFetch(Loop& loop, HttpGet get, const HttpFetchLimits& limits, Take take, Done done)
    : loop_(loop),
      get_(std::move(get)),
      limits_(limits),
      take_(std::move(take)),
      done_(std::move(done)),
      request_(request_text(get_)) {}

HttpFetch::~HttpFetch() {
  loop_.cancel(timer_);
  if (fd_) loop_.forget(fd_.get());
  stream_.reset();
}

void HttpFetch::start() {
  begun_ns_ = moved_ns_ = monotonic_ns();
  if (Status status = connect_socket(); !status.ok()) {
    timer_ = loop_.after(0, [this, status] {
      timer_ = 0;
      finish(status);
    });
    return;
  }
  set_deadline(begun_ns_);
}

Status HttpFetch::connect_socket() {
  fd_ = Fd(socket(get_.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) return Status::from_errno("socket", errno);
  if (get_.tls != nullptr)
    stream_ = get_.tls->stream(fd_.get());
  else
    stream_ = std::make_unique<PlainStream>(fd_.get());
  // A watch says nothing for minutes, and must not wait for one that is gone without a word.
  int on = 1, idle_s = 30, probe_s = 10, probes = 3;
  setsockopt(fd_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &probe_s, sizeof probe_s);
  setsockopt(fd_.get(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  const auto* address = reinterpret_cast<const sockaddr*>(&get_.address);
  if (connect(fd_.get(), address, get_.address_length) != 0 && errno != EINPROGRESS)
    return Status::from_errno("connecting", errno);
  return loop_.watch(fd_.get(), EPOLLOUT, [this](uint32_t) { serve(); });
}

// The next of: too long without a connection, without a byte, in all.
void HttpFetch::set_deadline(uint64_t now_ns) {
  bool connected = state_ == State::sending || state_ == State::receiving;
  uint64_t due_ns = connected ? moved_ns_ + limits_.idle_ns : begun_ns_ + limits_.connect_ns;
  due_ns = std::max(std::min(due_ns, begun_ns_ + limits_.whole_ns), now_ns);
  loop_.cancel(timer_);
  timer_ = loop_.at(due_ns, [this] {
    timer_ = 0;
    expire();
  });
}

// Bytes that came meanwhile have put it off.
void HttpFetch::expire() {
  uint64_t now_ns = monotonic_ns();
  bool connected = state_ == State::sending || state_ == State::receiving;
  bool whole = now_ns >= begun_ns_ + limits_.whole_ns;
  if (connected && !whole && now_ns < moved_ns_ + limits_.idle_ns) return set_deadline(now_ns);
  const char* what = whole                         ? "the whole takes too long"
                     : state_ == State::connecting ? "no connection in time"
                     : connected                   ? "it hangs: nothing comes any more"
                                                   : "no TLS handshake in time";
  finish(Status::error(what, ETIMEDOUT));
}

void HttpFetch::serve() {
  for (int steps = 0; steps < kStepsMax; steps++)
    if (!step()) return;  // `this` may be gone
}

// One piece of work; false: it must wait, or it is over.
bool HttpFetch::step() {
  switch (state_) {
    case State::connecting: {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return finish(Status::from_errno("connecting", error));
      state_ = State::shaking_hands;
      reach_ = Reach::peer;
      return true;
    }
    case State::shaking_hands:
      return shake_hands();
    case State::sending:
      return send_some();
    case State::receiving:
      return receive_some();
    case State::over:
      break;
  }
  return false;
}

bool HttpFetch::wait(const StreamStep& step) {
  uint32_t events = step.kind == StreamStep::Kind::wait_write ? EPOLLOUT : EPOLLIN;
  Status status = loop_.change(fd_.get(), events);
  return status.ok() ? false : finish(std::move(status));
}

bool HttpFetch::shake_hands() {
  StreamStep step = stream_->shake_hands();
  if (is_wait(step)) return wait(step);
  if (step.kind == StreamStep::Kind::failed) return finish(std::move(step.error));
  if (step.kind == StreamStep::Kind::closed)
    return finish(Status::error("closed in the handshake"));
  state_ = State::sending;
  reach_ = Reach::server;
  moved_ns_ = monotonic_ns();
  set_deadline(moved_ns_);
  return true;
}

bool HttpFetch::send_some() {
  StreamStep step = stream_->write(request_.data() + sent_, request_.size() - sent_);
  if (is_wait(step)) return wait(step);
  if (step.kind == StreamStep::Kind::failed) return finish(std::move(step.error));
  sent_ += step.size;
  if (sent_ < request_.size()) return true;
  state_ = State::receiving;
  Status status = loop_.change(fd_.get(), EPOLLIN);
  return status.ok() ? true : finish(std::move(status));
}

bool HttpFetch::receive_some() {
  char bytes[kReadBytes];
  StreamStep step = stream_->read(bytes, sizeof bytes);
  if (is_wait(step)) return wait(step);
  if (step.kind == StreamStep::Kind::failed) return finish(std::move(step.error));
  if (step.kind == StreamStep::Kind::closed) return finish(answer_.closed());
  moved_ns_ = monotonic_ns();
  Status status = take({bytes, step.size});
  if (!status.ok() || answer_.finished()) return finish(std::move(status));
  return true;
}

Status HttpFetch::take(std::string_view bytes) {
  Status status =
      answer_.take(bytes, [this](std::string_view piece) { return take_(answer_.code(), piece); });
  if (!head_told_ && answer_.has_head()) {
    head_told_ = true;
    if (get_.head) get_.head(answer_.code());
  }
  if (status.ok() && answer_.body_bytes() > limits_.body_bytes)
    return Status::error("the answer is longer than any should be", EMSGSIZE);
  return status;
}

bool HttpFetch::finish(Status status) {
  state_ = State::over;
  loop_.cancel(timer_);
  timer_ = 0;
  if (fd_) loop_.forget(fd_.get());
  stream_.reset();
  fd_.reset();
  Done done = std::move(done_);
  done(std::move(status), answer_.code());
  return false;
}

}  // namespace kubepulse
