#include "publish/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace kubepulse {

namespace {

constexpr int kAcceptsMax = 16;  // in one turn
// The kernel doubles it. Left to itself it would let each slow reader hold megabytes.
constexpr int kSendBufferBytes = 128 * 1024;

using State = HttpConnection::State;

// Both are improvements only, and a unix socket has no TCP_NODELAY.
void tune(int fd) {
  int on = 1;
  [[maybe_unused]] int set = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  set = setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
}

}  // namespace

HttpServer::HttpServer(Loop& loop, Listener listener, HttpHandler handler, HttpLimits limits)
    : loop_(loop), listener_(std::move(listener)), handler_(std::move(handler)), limits_(limits) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Loop& loop, Listener listener,
                                                      HttpHandler handler, HttpLimits limits) {
  std::unique_ptr<HttpServer> server(
      new HttpServer(loop, std::move(listener), std::move(handler), limits));
  Status watched = loop.watch(server->listener_.fd(), EPOLLIN,
                              [self = server.get()](uint32_t) { self->accept_some(); });
  if (!watched.ok()) return std::move(watched).in("HTTP server on " + server->address());
  return server;
}

HttpServer::~HttpServer() {
  disarm();
  for (const auto& client : clients_)
    loop_.forget(client->connection.fd());
  loop_.forget(listener_.fd());
}

void HttpServer::accept_some() {
  for (int accepted = 0; accepted < kAcceptsMax; accepted++) {
    Fd fd(accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      pause_logged_ = false;
      admit(std::move(fd));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    pause(errno);
    return;
  }
}

// EMFILE, ENFILE, ENOMEM and the like: the connection stays in the queue, and the loop would be
// called for it again and again.
void HttpServer::pause(int error_number) {
  stats_.pauses++;
  if (!pause_logged_)
    log_warn("accepting paused", {{"listen", address()}, {"error", strerror(error_number)}});
  pause_logged_ = true;
  uint64_t now_ns = monotonic_ns();
  if (Status changed = loop_.change(listener_.fd(), 0); !changed.ok()) return;
  resume_ns_ = now_ns + limits_.pause_ns;
  arm(resume_ns_, now_ns);
}

void HttpServer::resume() {
  resume_ns_ = 0;
  if (Status changed = loop_.change(listener_.fd(), EPOLLIN); !changed.ok())
    log_error("cannot accept any more", {{"listen", address()}, {"error", changed.message()}});
}

void HttpServer::admit(Fd fd) {
  uint64_t now_ns = monotonic_ns();
  tune(fd.get());
  bool has_room = make_room();
  auto made = std::make_unique<Client>(
      Client{HttpConnection(std::move(fd), handler_, limits_, stats_, now_ns), EPOLLIN});
  Client& client = *made;
  if (!has_room) {
    stats_.refused++;
    // So small an answer fits into an empty socket; a client that cannot take it gets no room.
    if (!client.connection.refuse(503, now_ns) || client.connection.state() != State::kDraining)
      return;
  }
  Status watched = loop_.watch(client.connection.fd(), client.events, [this, &client](uint32_t) {
    uint64_t served_ns = monotonic_ns();
    settle(client, client.connection.serve(served_ns), served_ns);
  });
  if (!watched.ok()) {
    log_warn("connection dropped", {{"listen", address()}, {"error", watched.message()}});
    return;
  }
  clients_.push_back(std::move(made));
  arm(client.connection.deadline_ns(), now_ns);
}

// Closes what has to go for one more client. False where all are busy; then there is still room to
// refuse one. O(N), and a system call for each idle one: N is at most 80.
bool HttpServer::make_room() {
  const Client* idle = nullptr;
  const Client* draining = nullptr;
  size_t active = 0;
  auto is_older = [](const Client& client, const Client* than) {
    return than == nullptr || client.connection.since_ns() < than->connection.since_ns();
  };
  for (const auto& client : clients_)
    if (client->connection.state() == State::kDraining) {
      if (is_older(*client, draining)) draining = client.get();
    } else {
      active++;
    }
  bool is_full = active >= kHttpConnectionsMax;
  if (is_full) {
    for (const auto& client : clients_)
      if (client->connection.state() == State::kWaiting && is_older(*client, idle) &&
          client->connection.is_idle())
        idle = client.get();
    if (idle != nullptr) {
      stats_.evicted++;
      remove(*idle);
    }
  }
  bool is_packed = clients_.size() >= kHttpConnectionsMax + kHttpDrainingMax;
  if (is_packed && draining != nullptr) remove(*draining);
  return !is_full || idle != nullptr;
}

// After each call of a connection: it goes, or the loop watches for what it waits for now.
void HttpServer::settle(Client& client, bool alive, uint64_t now_ns) {
  uint32_t events = client.connection.events();
  if (alive && events != client.events) {
    alive = loop_.change(client.connection.fd(), events).ok();
    client.events = events;
  }
  if (alive)
    arm(client.connection.deadline_ns(), now_ns);
  else
    remove(client);
}

void HttpServer::remove(const Client& client) {
  loop_.forget(client.connection.fd());
  auto found = std::find_if(clients_.begin(), clients_.end(),
                            [&client](const auto& held) { return held.get() == &client; });
  std::swap(*found, clients_.back());
  clients_.pop_back();
  if (clients_.empty() && resume_ns_ == 0) disarm();
}

// One timer for all, at the first deadline or somewhat before: those that move on leave it alone.
void HttpServer::arm(uint64_t deadline_ns, uint64_t now_ns) {
  uint64_t due_ns = std::max(deadline_ns, now_ns + limits_.tick_ns);
  if (timer_ != 0 && timer_due_ns_ <= due_ns) return;
  disarm();
  timer_due_ns_ = due_ns;
  timer_ = loop_.at(due_ns, [this] { sweep(); });
}

void HttpServer::disarm() {
  if (timer_ != 0) loop_.cancel(timer_);
  timer_ = 0;
}

void HttpServer::sweep() {
  timer_ = 0;
  uint64_t now_ns = monotonic_ns();
  if (resume_ns_ != 0 && resume_ns_ <= now_ns) resume();
  if (resume_ns_ != 0) arm(resume_ns_, now_ns);
  // From the end: remove() puts the last one into the place of the one that goes.
  for (size_t at = clients_.size(); at-- > 0;) {
    Client& client = *clients_[at];
    bool alive = client.connection.deadline_ns() > now_ns || client.connection.expire(now_ns);
    settle(client, alive, now_ns);
  }
}

}  // namespace kubepulse
