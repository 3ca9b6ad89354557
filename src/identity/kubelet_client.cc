#include "identity/kubelet_client.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "identity/kubernetes_name.h"
#include "identity/server_refusal.h"

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

}  // namespace

KubeletClient::KubeletClient(Loop& loop, KubeletSettings settings, Handlers handlers)
    : loop_(loop),
      settings_(std::move(settings)),
      handlers_(std::move(handlers)),
      client_(loop, settings_.resolver) {
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
  worst_ = ServerOutcome();
  timer_ = loop_.after(0, [this] {
    timer_ = 0;
    auto read = read_credentials(settings_);
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
  if (++asked_ < targets_.size()) return ask();
  ServerOutcome outcome = worst_;
  bool is_named = !settings_.url.empty() || !credentials_.server.empty();
  if (!is_named && !tls_is_built_in() && !settings_.secure_url.empty())
    outcome.reason += "; " + settings_.secure_url + " is not asked: this build has no TLS";
  end(outcome);
}

void KubeletClient::ask() {
  auto asked = question();
  if (!asked.ok()) return failed(Kind::credentials, asked.status().message());
  reader_.reset();
  client_.ask(
      std::move(asked.value()), [this](std::string_view piece) { return take(piece); },
      [this](const HttpClient::Answer& answer) { answered(answer); });
}

// A kubelet's certificate is for the node, and rarely for 127.0.0.1.
Result<HttpClient::Question> KubeletClient::question() const {
  HttpClient::Question question;
  question.url = target().url;
  question.target = target().path;
  question.limits = settings_.limits;
  if (target().url.tls || target().may_have_token) question.bearer = credentials_.token;
  if (!target().url.tls) return question;
  question.tls = credentials_.tls;
  question.tls_from = credentials_.tls_from;
  question.tls.names = {target().url.host};
  if (target().is_kubelet && !settings_.node_name.empty())
    question.tls.names.push_back(settings_.node_name);
  if (!credentials_.tls_server_name.empty()) question.tls.names = {credentials_.tls_server_name};
  if (question.tls.ca_pem.empty() && !question.tls.insecure && tls_is_built_in())
    return Status::error(
        "no CA certificate to hold its own against: give --kubelet-ca-file, which is "
        "/var/lib/kubelet/pki/kubelet.crt where the kubelet signs its own, or --kubelet-insecure");
  return question;
}

bool KubeletClient::take(std::string_view piece) {
  if (reader_ == nullptr) {
    handlers_.begin();
    reader_ = std::make_unique<PodListReader>(handlers_.pod);
  }
  return reader_->feed(piece).ok();
}

void KubeletClient::answered(const HttpClient::Answer& answer) {
  ServerOutcome outcome = judge(answer);
  reader_.reset();
  if (outcome.kind != Kind::good) return failed(outcome.kind, outcome.reason);
  if (targets_.size() > 1) chosen_ = target().url.text();
  outcome.url = target().url.text();
  end(outcome);
}

ServerOutcome KubeletClient::judge(const HttpClient::Answer& answer) {
  ServerOutcome outcome{answer.kind, "", answer.status.message()};
  if (answer.kind == Kind::tls && target().is_kubelet)
    outcome.reason += kubelet_tls_advice(outcome.reason);
  if (answer.kind != Kind::good) return outcome;
  if (answer.code != 200) {
    outcome.kind = kind_of_refusal(answer.code);
    outcome.reason = refusal_text(answer);
    return outcome;
  }
  // Where the list itself is broken, that is why the rest of it was not wanted.
  bool whole = answer.status.ok();
  Status list = reader_ == nullptr ? Status::error("an empty answer") : reader_->feed({});
  if (list.ok() && whole) list = reader_->finish();
  if (list.ok() && whole) return {};
  outcome.kind = Kind::bad_answer;
  if (!list.ok() && (reader_ != nullptr || whole)) outcome.reason = list.message();
  return outcome;
}

std::string KubeletClient::refusal_text(const HttpClient::Answer& answer) const {
  ServerRefusal refusal;
  refusal.code = answer.code;
  refusal.body = answer.refusal;
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

void KubeletClient::end(const ServerOutcome& outcome) {
  credentials_ = Credentials();
  targets_.clear();
  polling_ = false;
  handlers_.done(outcome);
}

}  // namespace kubepulse
