// Fetches pages of a daemon, over TCP or a unix socket, inside the loop; one at a time.
#ifndef KUBEPULSE_CLIENT_PAGE_CLIENT_H
#define KUBEPULSE_CLIENT_PAGE_CLIENT_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/loop.h"
#include "base/status.h"
#include "identity/http_fetch.h"
#include "identity/http_url.h"
#include "identity/resolver.h"

namespace kubepulse {

class PageClient {
 public:
  using Take = std::function<void(std::string_view piece)>;
  // Once, from the loop, never within ask(); an error where the page is not whole, or none.
  using Done = std::function<void(Status status)>;

  // `url` of page_url(), or "unix:@NAME": a socket without a file.
  PageClient(Loop& loop, const std::string& url);
  ~PageClient() { loop_.cancel(timer_); }
  PageClient(const PageClient&) = delete;
  PageClient& operator=(const PageClient&) = delete;

  // Only where nothing is asked. The page of the URL; or that one beside it which is called `page`:
  // of http://h/x/metrics and "insights" it is http://h/x/insights.
  void ask(Take take, Done done) { ask({}, std::move(take), std::move(done)); }
  void ask(std::string_view page, Take take, Done done);

  // Of the last answer, its HTTP status; 0: there was none.
  int code() const { return code_; }

 private:
  void fetch_next();
  void fetched(Status status, int code);

  Loop& loop_;
  Loop::TimerId timer_ = 0;
  HttpUrl url_;
  std::string target_;
  int code_ = 0;
  Address socket_;  // of a unix socket; its length is 0 where there is none
  Resolver resolver_;
  Resolver::Addresses addresses_;  // still to be tried; the next is the last
  std::unique_ptr<HttpFetch> fetch_;
  Take take_;
  Done done_;
};

}  // namespace kubepulse

#endif
