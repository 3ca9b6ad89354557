#include "identity/kubelet_client.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "identity/kubelet_refusal.h"
#include "identity/kubernetes_name.h"

namespace kubepulse {

namespace {

using Kind = KubeletOutcome::Kind;

// Of the body of an answer that is no list: enough for what it says.
constexpr size_t kErrorBodyBytesMax = 2048;

bool same(const TlsSettings& a, const TlsSettings& b) {
  return a.ca_pem == b.ca_pem && a.certificate_pem == b.certificate_pem && a.key_pem == b.key_pem &&
         a.names == b.names && a.insecure == b.insecure;
}

}  // namespace

const char* kubelet_outcome_text(Kind kind) {
  switch (kind) {
    case Kind::good:
      return "good";
    case Kind::unreachable:
      return "unreachable";
    case Kind::credentials:
      return "credentials";
    case Kind::tls:
      return "tls";
    case Kind::bad_answer:
      return "bad answer";
    case Kind::http_status:
      return "http status";
    case Kind::unauthorized:
      return "unauthorized";
    case Kind::forbidden:
      return "forbidden";
  }
  return "";
}

KubeletClient::KubeletClient(Loop& loop, KubeletSettings settings, Handlers handlers)
    : loop_(loop),
      settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      resolver_(loop, settings_.resolver) {
  // As the kubelet makes its node's name of the hostname.
  std::string& name = settings_.node_name;
  std::transform(name.begin(), name.end(), name.begin(), ascii_lower);
}

KubeletClient::~KubeletClient() {
  loop_.cancel(timer_);
}

void KubeletClient::poll() {
  polling_ = true;
  asked_ = 0;
  worst_ = KubeletOutcome();
  timer_ = loop_.after(0, [this] {
    timer_ = 0;
    auto read = read_kubelet_credentials(settings_);
    Status status = read.ok() ? Status() : std::move(read.status());
    if (status.ok()) {
      credentials_ = std::move(read.value());
      status = set_targets();
    }
    if (!status.ok()) return end({Kind::credentials, "", status.message()});
    ask();
  });
}

Status KubeletClient::add_target(const std::string& url, bool is_kubelet, bool may_have_token) {
  auto parsed = HttpUrl::parse(url);
  if (!parsed.ok()) return std::move(parsed.status()).in(url);
  std::string path = parsed.value().path + "/pods";
  if (!is_kubelet) {
    if (!is_dns_subdomain(settings_.node_name))
      return Status::error("\"" + settings_.node_name +
                           "\" is no name of a node: give --node-name");
    // resourceVersion=0: out of the API server's memory. Without it each node's poll makes it read
    // all pods of the cluster from etcd, which knows no selectors.
    path = parsed.value().path + "/api/v1/pods?fieldSelector=spec.nodeName%3D" +
           settings_.node_name + "&resourceVersion=0";
  }
  targets_.push_back({std::move(parsed.value()), std::move(path), is_kubelet, may_have_token});
  return {};
}

Status KubeletClient::set_targets() {
  targets_.clear();
  if (!settings_.url.empty()) return add_target(settings_.url, true, credentials_.token_was_named);
  if (!credentials_.server.empty())
    return add_target(credentials_.server, false, credentials_.token_was_named)
        .in(settings_.kubeconfig);
  // Any process may sit on the port of a kubelet that does not use it: it is told no secret.
  Status status;
  for (const std::string* url : {&settings_.secure_url, &settings_.read_only_url}) {
    bool is_secure = url == &settings_.secure_url;
    if (url->empty() || (is_secure && !tls_is_built_in())) continue;
    if (chosen_.empty() || chosen_ == *url) status = add_target(*url, true, false);
    if (!status.ok()) return status;
  }
  return targets_.empty() ? Status::error("there is nobody to ask") : Status();
}

void KubeletClient::ask_next() {
  if (!addresses_.empty()) return fetch_next();
  if (++asked_ < targets_.size()) return ask();
  KubeletOutcome outcome = worst_;
  bool is_named = !settings_.url.empty() || !credentials_.server.empty();
  if (!is_named && !tls_is_built_in() && !settings_.secure_url.empty())
    outcome.reason += "; " + settings_.secure_url + " is not asked: this build has no TLS";
  end(outcome);
}

void KubeletClient::ask() {
  if (Status status = set_tls(); !status.ok()) return failed(Kind::credentials, status.message());
  find_addresses();
}

// A kubelet's certificate is for the node, and rarely for 127.0.0.1.
Status KubeletClient::set_tls() {
  if (!target().url.tls) return {};
  TlsSettings settings = credentials_.tls;
  settings.names = {target().url.host};
  if (target().is_kubelet && !settings_.node_name.empty())
    settings.names.push_back(settings_.node_name);
  if (!credentials_.tls_server_name.empty()) settings.names = {credentials_.tls_server_name};
  if (tls_ != nullptr && same(settings, tls_settings_)) return {};
  tls_.reset();
  if (settings.ca_pem.empty() && !settings.insecure && tls_is_built_in())
    return Status::error(
        "no CA certificate to hold its own against: give --kubelet-ca-file, which is "
        "/var/lib/kubelet/pki/kubelet.crt where the kubelet signs its own, or --kubelet-insecure");
  auto made = Tls::make(settings);
  if (!made.ok()) {
    std::string from = credentials_.tls_from.empty() ? "" : " (" + credentials_.tls_from + ")";
    return Status::error(made.status().message() + from);
  }
  tls_ = std::move(made.value());
  tls_settings_ = std::move(settings);
  return {};
}

void KubeletClient::find_addresses() {
  resolver_.resolve(target().url.host, target().url.port,
                    [this](Result<Resolver::Addresses> found) {
                      if (!found.ok()) return failed(Kind::unreachable, found.status().message());
                      addresses_ = std::move(found.value());
                      std::reverse(addresses_.begin(), addresses_.end());
                      fetch_next();
                    });
}

void KubeletClient::fetch_next() {
  HttpGet get;
  get.address = addresses_.back().storage;
  get.address_length = addresses_.back().length;
  addresses_.pop_back();
  get.authority = target().url.authority();
  get.target = target().path;
  if (target().url.tls || target().may_have_token) get.bearer = credentials_.token;
  get.tls = target().url.tls ? tls_.get() : nullptr;
  reader_.reset();
  error_body_.clear();
  fetch_ = std::make_unique<HttpFetch>(
      loop_, std::move(get), settings_.limits,
      [this](int code, std::string_view piece) { return take(code, piece); },
      [this](const Status& status, int code) { fetched(fetch_->reach(), status, code); });
  fetch_->start();
}

bool KubeletClient::take(int code, std::string_view piece) {
  if (code != 200) {
    error_body_ += piece.substr(0, kErrorBodyBytesMax - error_body_.size());
    return error_body_.size() < kErrorBodyBytesMax;
  }
  if (reader_ == nullptr) {
    handlers_.begin();
    reader_ = std::make_unique<PodListReader>(handlers_.pod);
  }
  return reader_->feed(piece).ok();
}

void KubeletClient::fetched(HttpFetch::Reach reach, const Status& status, int code) {
  KubeletOutcome outcome = judge(reach, status, code);
  fetch_.reset();
  reader_.reset();
  if (outcome.kind != Kind::unreachable) addresses_.clear();
  if (outcome.kind != Kind::good) return failed(outcome.kind, outcome.reason);
  if (targets_.size() > 1) chosen_ = target().url.text();
  outcome.url = target().url.text();
  end(outcome);
}

KubeletOutcome KubeletClient::judge(HttpFetch::Reach reach, const Status& status, int code) {
  KubeletOutcome outcome;
  outcome.reason = status.message();
  if (code == 200) {
    // Where the list itself is broken, that is why the rest of it was not wanted.
    Status list = reader_ == nullptr ? Status::error("an empty answer") : reader_->feed({});
    if (list.ok() && status.ok()) list = reader_->finish();
    if (list.ok() && status.ok()) return {};
    outcome.kind = Kind::bad_answer;
    if (!list.ok() && (reader_ != nullptr || status.ok())) outcome.reason = list.message();
  } else if (code != 0) {
    outcome.kind = code == 401   ? Kind::unauthorized
                   : code == 403 ? Kind::forbidden
                                 : Kind::http_status;
    outcome.reason = refusal_text(code);
  } else if (reach == HttpFetch::Reach::nobody) {
    outcome.kind = Kind::unreachable;
  } else if (reach == HttpFetch::Reach::peer) {
    outcome.kind = Kind::tls;
    outcome.reason += target().is_kubelet ? kubelet_tls_advice(outcome.reason) : "";
  } else {
    outcome.kind = Kind::bad_answer;
  }
  return outcome;
}

std::string KubeletClient::refusal_text(int code) const {
  KubeletRefusal refusal;
  refusal.code = code;
  refusal.body = error_body_;
  refusal.is_kubelet = target().is_kubelet;
  bool has_token = !credentials_.token.empty() && (target().url.tls || target().may_have_token);
  if (has_token) refusal.token_from = credentials_.token_from;
  refusal.has_certificate = target().url.tls && !credentials_.tls.certificate_pem.empty();
  return refusal.text();
}

void KubeletClient::failed(Kind kind, const std::string& reason) {
  std::string url = target().url.text();
  if (kind > worst_.kind) worst_ = {kind, url, url + ": " + reason};
  // Not at once: what fails here may be within what another target has begun.
  timer_ = loop_.after(0, [this] {
    timer_ = 0;
    ask_next();
  });
}

void KubeletClient::end(const KubeletOutcome& outcome) {
  credentials_ = KubeletCredentials();
  targets_.clear();
  polling_ = false;
  handlers_.done(outcome);
}

}  // namespace kubepulse
