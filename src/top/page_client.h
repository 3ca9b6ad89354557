// Fetches the page of a daemon, over TCP or a unix socket, inside the loop; one at a time.
#ifndef KUBEPULSE_TOP_PAGE_CLIENT_H
#define KUBEPULSE_TOP_PAGE_CLIENT_H

#include <functional>
#include <memory>
#include <string_view>

#include "base/loop.h"
#include "base/status.h"
#include "identity/http_client.h"
#include "identity/http_fetch.h"
#include "top/top_options.h"

namespace kubepulse {

class PageClient {
 public:
  using Take = std::function<void(std::string_view piece)>;
  // Once, from the loop, never within ask(); an error where the page is not whole, or none.
  using Done = std::function<void(Status status)>;

  PageClient(Loop& loop, PageSource source)
      : loop_(loop), source_(std::move(source)), client_(loop, {}) {}

  // Only where nothing is asked.
  void ask(Take take, Done done);
  bool asking() const { return asking_; }

 private:
  void ask_unix();
  void end(Status status, int code);

  Loop& loop_;
  PageSource source_;
  HttpClient client_;
  std::unique_ptr<HttpFetch> fetch_;  // of a unix socket
  Take take_;
  Done done_;
  bool asking_ = false;
};

}  // namespace kubepulse

#endif
