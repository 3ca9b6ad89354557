// One GET of a server by its name: its TLS, its addresses one after the other, the fetch. Inside
// the loop; one at a time.
#ifndef KUBEPULSE_IDENTITY_HTTP_CLIENT_H
#define KUBEPULSE_IDENTITY_HTTP_CLIENT_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "base/status.h"
#include "identity/http_fetch.h"
#include "identity/http_url.h"
#include "identity/resolver.h"
#include "identity/server_outcome.h"
#include "identity/tls.h"

namespace kubepulse {

class HttpClient {
 public:
  struct Question {
    HttpUrl url;
    std::string target;    // the path with the query
    std::string bearer;    // a token; "": none
    TlsSettings tls;       // where the URL is https
    std::string tls_from;  // paths, as messages name them
    HttpFetchLimits limits;
    // Once the head of an answer with code 200 has come; may be null. Nothing is asked within.
    std::function<void()> begun;
  };
  struct Answer {
    // Why there is no answer; `good`: there is one, whatever its code, and perhaps not whole.
    ServerOutcome::Kind kind = ServerOutcome::Kind::good;
    int code = 0;
    Status status;             // an error where it is not whole
    std::string_view refusal;  // where the code is not 200: the beginning of the body
  };
  // A piece of the body of an answer with code 200; false: enough of it.
  using Take = std::function<bool(std::string_view piece)>;
  // Once, from the loop, never within ask(). The next question may be asked within, but the client
  // not be destroyed.
  using Done = std::function<void(const Answer&)>;

  HttpClient(Loop& loop, ResolverSettings resolver)
      : loop_(loop), resolver_(loop, std::move(resolver)) {}
  ~HttpClient() { loop_.cancel(timer_); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Only where nothing is asked.
  void ask(Question question, Take take, Done done);

 private:
  Status set_tls();
  void find_addresses();
  void fetch_next();
  bool take(int code, std::string_view piece);
  void fetched(HttpFetch::Reach reach, Status status, int code);
  void end(const Answer& answer);

  Loop& loop_;
  Loop::TimerId timer_ = 0;
  Question question_;
  Take take_;
  Done done_;
  Resolver resolver_;
  std::vector<Address> addresses_;  // still to be tried; the next is the last
  std::string refusal_;

  // Made for `tls_settings_`, and kept as long as those stay.
  TlsSettings tls_settings_;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<HttpFetch> fetch_;  // uses it
};

}  // namespace kubepulse

#endif
