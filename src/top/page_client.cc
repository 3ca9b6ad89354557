#include "top/page_client.h"

#include <sys/un.h>

#include <cstring>
#include <utility>

namespace kubepulse {

namespace {

// 100,000 series are some 15 MB.
HttpFetchLimits limits() {
  HttpFetchLimits limits;
  limits.body_bytes = uint64_t{256} << 20;
  return limits;
}

}  // namespace

void PageClient::ask(Take take, Done done) {
  asking_ = true;
  take_ = std::move(take);
  done_ = std::move(done);
  if (!source_.unix_path.empty()) return ask_unix();
  HttpClient::Question question;
  question.url = source_.url;
  question.target = source_.url.path;
  question.limits = limits();
  client_.ask(
      std::move(question),
      [this](std::string_view piece) {
        take_(piece);
        return true;
      },
      [this](const HttpClient::Answer& answer) { end(answer.status, answer.code); });
}

void PageClient::ask_unix() {
  HttpGet get;
  auto& name = reinterpret_cast<sockaddr_un&>(get.address);
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, source_.unix_path.data(), source_.unix_path.size());
  bool abstract = source_.unix_path[0] == '@';
  if (abstract) name.sun_path[0] = '\0';
  get.address_length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                              source_.unix_path.size() + (abstract ? 0 : 1));
  get.authority = "localhost";
  get.target = "/metrics";
  fetch_ = std::make_unique<HttpFetch>(
      loop_, std::move(get), limits(),
      [this](int code, std::string_view piece) {
        if (code == 200) take_(piece);
        return true;
      },
      [this](Status status, int code) { end(std::move(status), code); });
  fetch_->start();
}

void PageClient::end(Status status, int code) {
  asking_ = false;
  if (status.ok() && code != 200)
    status = Status::error("it answers with HTTP status " + std::to_string(code));
  Done done = std::move(done_);
  done(std::move(status).in(source_.text));
}

}  // namespace kubepulse
