#include "identity/http_client.h"

#include <algorithm>
#include <utility>

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

// Of the body of an answer that is none: enough for what it says.
constexpr size_t kRefusalBytesMax = 2048;

bool same(const TlsSettings& a, const TlsSettings& b) {
  return a.ca_pem == b.ca_pem && a.certificate_pem == b.certificate_pem && a.key_pem == b.key_pem &&
         a.names == b.names && a.insecure == b.insecure;
}

}  // namespace

void HttpClient::ask(Question question, Take take, Done done) {
  question_ = std::move(question);
  take_ = std::move(take);
  done_ = std::move(done);
  addresses_.clear();
  if (Status status = set_tls(); !status.ok()) {
    timer_ = loop_.after(0, [this, status] {
      timer_ = 0;
      end({Kind::credentials, 0, status, {}});
    });
    return;
  }
  find_addresses();
}

Status HttpClient::set_tls() {
  if (!question_.url.tls) return {};
  if (tls_ != nullptr && same(question_.tls, tls_settings_)) return {};
  fetch_.reset();
  tls_.reset();
  auto made = Tls::make(question_.tls);
  if (!made.ok()) {
    std::string from = question_.tls_from.empty() ? "" : " (" + question_.tls_from + ")";
    return Status::error(made.status().message() + from);
  }
  tls_ = std::move(made.value());
  tls_settings_ = question_.tls;
  return {};
}

void HttpClient::find_addresses() {
  resolver_.resolve(question_.url.host, question_.url.port,
                    [this](Result<Resolver::Addresses> found) {
                      if (!found.ok())
                        return end({Kind::unreachable, 0, std::move(found.status()), {}});
                      addresses_ = std::move(found.value());
                      std::reverse(addresses_.begin(), addresses_.end());
                      fetch_next();
                    });
}

void HttpClient::fetch_next() {
  HttpGet get;
  get.address = addresses_.back().storage;
  get.address_length = addresses_.back().length;
  addresses_.pop_back();
  get.authority = question_.url.authority();
  get.target = question_.target;
  get.bearer = question_.bearer;
  get.tls = question_.url.tls ? tls_.get() : nullptr;
  if (question_.begun)
    get.head = [this](int code) {
      if (code == 200) question_.begun();
    };
  refusal_.clear();
  fetch_ = std::make_unique<HttpFetch>(
      loop_, std::move(get), question_.limits,
      [this](int code, std::string_view piece) { return take(code, piece); },
      [this](Status status, int code) { fetched(fetch_->reach(), std::move(status), code); });
  fetch_->start();
}

bool HttpClient::take(int code, std::string_view piece) {
  if (code == 200) return take_(piece);
  refusal_ += piece.substr(0, kRefusalBytesMax - refusal_.size());
  return refusal_.size() < kRefusalBytesMax;
}

void HttpClient::fetched(HttpFetch::Reach reach, Status status, int code) {
  fetch_.reset();
  Kind kind = code != 0                           ? Kind::good
              : reach == HttpFetch::Reach::nobody ? Kind::unreachable
              : reach == HttpFetch::Reach::peer   ? Kind::tls
                                                  : Kind::bad_answer;
  if (kind == Kind::unreachable && !addresses_.empty()) {
    // Not at once: what fails here may be within what the next one has begun.
    timer_ = loop_.after(0, [this] {
      timer_ = 0;
      fetch_next();
    });
    return;
  }
  end({kind, code, std::move(status), refusal_});
}

void HttpClient::end(const Answer& answer) {
  question_ = Question();
  Done done = std::move(done_);
  take_ = nullptr;
  done(answer);
}

}  // namespace kubepulse
