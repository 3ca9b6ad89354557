// HTTP/1.1 for a few clients on one event loop: GET and HEAD, keep-alive, streams, gzip. It never
// blocks, it holds a bounded number of bounded connections, and it wakes nobody while it has none.
#ifndef KUBEPULSE_PUBLISH_HTTP_SERVER_H
#define KUBEPULSE_PUBLISH_HTTP_SERVER_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/status.h"
#include "publish/http_connection.h"
#include "publish/listen_address.h"

namespace kubepulse {

// Beyond: the one that has waited idle longest is closed, and where none is idle the newcomer is
// answered 503.
constexpr size_t kHttpConnectionsMax = 64;
// Those that have had their last answer are counted apart; beyond, the oldest is closed.
constexpr size_t kHttpDrainingMax = 16;

class HttpServer {
 public:
  // `loop` outlives the server. `handler` is called from the loop, and must not end the server.
  static Result<std::unique_ptr<HttpServer>> start(Loop& loop, Listener listener,
                                                   HttpHandler handler, HttpLimits limits = {});
  ~HttpServer();  // closes all connections at once
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::string& address() const { return listener_.text(); }
  const HttpStats& stats() const { return stats_; }
  size_t connections() const { return clients_.size(); }  // draining ones too

 private:
  struct Client {
    HttpConnection connection;
    uint32_t events;  // as the loop watches for
  };

  HttpServer(Loop& loop, Listener listener, HttpHandler handler, HttpLimits limits);

  void accept_some();
  void pause(int error_number);
  void resume();
  void admit(Fd fd);
  bool make_room();
  void settle(Client& client, bool alive, uint64_t now_ns);
  void remove(const Client& client);
  void arm(uint64_t deadline_ns, uint64_t now_ns);
  void disarm();
  void sweep();

  Loop& loop_;
  Listener listener_;
  HttpHandler handler_;
  HttpLimits limits_;
  HttpStats stats_;
  std::vector<std::unique_ptr<Client>> clients_;
  Loop::TimerId timer_ = 0;
  uint64_t timer_due_ns_ = 0;
  uint64_t resume_ns_ = 0;  // of a pause; 0 while accepting
  bool pause_logged_ = false;
};

}  // namespace kubepulse

#endif
