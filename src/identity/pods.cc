#include "identity/pods.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "identity/kubernetes_name.h"
#include "identity/pod_list.h"
#include "identity/pod_logs.h"

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

Status check_url(const std::string& text) {
  auto url = HttpUrl::parse(text);
  if (!url.ok()) return std::move(url.status()).in(text);
  if (url.value().tls && !tls_is_built_in())
    return Status::error(text + ": this build has no TLS; take one made with `make TLS=1`");
  return {};
}

}  // namespace

Pods::Pods(Loop& loop, PodsSettings settings, std::function<void()> changed)
    : loop_(loop),
      settings_(std::move(settings)),
      changed_(std::move(changed)),
      breaker_("kubelet", settings_.poll_ns),
      client_(
          loop, settings_.kubelet,
          {[this] { table_.begin(); }, [this](const Pod& pod) { table_.add(pod, watched(pod)); },
           [this](const ServerOutcome& outcome) { polled(outcome); }}),
      random_(random_seed() | 1) {}

Pods::~Pods() {
  loop_.cancel(timer_);
}

bool Pods::is_named() const {
  return settings_.source == Source::kubelet || !settings_.kubelet.url.empty() ||
         !settings_.kubelet.kubeconfig.empty();
}

Status Pods::start() {
  const KubeletSettings& kubelet = settings_.kubelet;
  if (settings_.source == Source::none) return {};
  if (settings_.source == Source::apiserver) return start_api();
  if (settings_.source != Source::logs) {
    Status status;
    if (!kubelet.url.empty()) {
      status = check_url(kubelet.url);
    } else if (!kubelet.kubeconfig.empty()) {
      // One that cannot be read yet may be written later.
      auto credentials = read_credentials(kubelet);
      if (credentials.ok()) status = check_url(credentials.value().server).in(kubelet.kubeconfig);
    }
    if (!status.ok()) return status;
    if (!is_named()) return {};
  }
  next_ns_ = monotonic_ns();
  plan(next_ns_);
  return {};
}

Status Pods::start_api() {
  std::string& node = settings_.apiserver.node_name;
  std::transform(node.begin(), node.end(), node.begin(), ascii_lower);
  if (!is_dns_subdomain(node))
    return Status::error("\"" + node + "\" is no name of a node: give --node-name");
  if (Status status = check_api_server(settings_.apiserver); !status.ok()) return status;
  ApiWatcher::Resource resource{PodListReader::kKind, "/api/v1/pods",
                                "fieldSelector=spec.nodeName%3D" + node,
                                "the verbs list and watch of pods"};
  reader_ = std::make_unique<PodReader>();
  api_ =
      std::make_unique<ApiWatcher>(loop_, settings_.apiserver, resource, *reader_, api_handlers());
  api_->start();
  return {};
}

ApiWatcher::Handlers Pods::api_handlers() {
  ApiWatcher::Handlers made;
  made.begin = [this] { table_.begin(); };
  made.item = [this] {
    if (reader_->is_named()) table_.add(reader_->pod(), watched(reader_->pod()));
  };
  made.commit = [this] { commit(monotonic_ns()); };
  made.drop = [this] { table_.drop(); };
  made.changed = [this] { change_pod(false); };
  made.deleted = [this] { change_pod(true); };
  made.told = [this](const ServerOutcome& outcome) { api_told(outcome); };
  return made;
}

void Pods::change_pod(bool deleted) {
  const Pod& pod = reader_->pod();
  if (!reader_->is_named()) return;
  table_.begin_without(pod.uid.view());
  if (!deleted) table_.add(pod, watched(pod));
  commit(monotonic_ns());
}

void Pods::api_told(const ServerOutcome& outcome) {
  uint64_t now_ns = monotonic_ns();
  Status logs;
  if (outcome.kind == Kind::good) {
    good_ns_ = now_ns;
    wanted_ = false;
  } else {
    looked_ns_ = now_ns;
    logs = fall_back(now_ns);
  }
  tell(outcome, logs);
}

void Pods::pod_unknown() {
  if (wanted_ || settings_.source == Source::none) return;
  // What the API server tells needs no question, and what it does not tell now it tells soon.
  if (api_ != nullptr && (api_->is_good() || !told_)) return;
  wanted_ = true;
  plan(monotonic_ns());
}

bool Pods::watched(const Pod& pod) const {
  return settings_.namespaces.matches(pod.ns.view()) && settings_.selector.matches(pod.labels);
}

bool Pods::watched_without_pod(std::string_view ns) const {
  return settings_.namespaces.matches(ns) && settings_.selector.matches(nullptr, 0);
}

bool Pods::has_filter() const {
  return !settings_.namespaces.empty() || !settings_.selector.empty();
}

Pods::Facts Pods::facts(uint64_t now_ns) const {
  Facts facts;
  facts.polls_ok = polls_ok_;
  facts.polls_failed = polls_failed_;
  facts.polls_refused = breaker_.refused();
  uint64_t since_ns = good_ns_ != 0 ? good_ns_ : first_ns_;
  if (since_ns != 0 && api_ == nullptr) facts.age_ns = now_ns > since_ns ? now_ns - since_ns : 0;
  facts.pods = table_.pods();
  return facts;
}

// One tenth more or less, so that the nodes of a cluster do not ask all at once.
uint64_t Pods::interval_ns() {
  random_ ^= random_ << 13;  // xorshift64
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return settings_.poll_ns - settings_.poll_ns / 10 + random_ % (settings_.poll_ns / 5 + 1);
}

void Pods::plan(uint64_t now_ns) {
  if (client_.polling()) return;  // its end plans what follows
  uint64_t due_ns = next_ns_;
  if (wanted_) due_ns = std::min(due_ns, std::max(now_ns, looked_ns_ + settings_.pause_ns));
  loop_.cancel(timer_);
  timer_ = 0;
  if (due_ns == UINT64_MAX) return;
  timer_ = loop_.at(due_ns, [this] {
    timer_ = 0;
    look(monotonic_ns());
  });
}

void Pods::look(uint64_t now_ns) {
  wanted_ = false;
  looked_ns_ = now_ns;
  if (api_ != nullptr) {
    // Its list would be lost, and is nearly there.
    if (!api_->is_good() && !api_->is_listing()) (void)fall_back(now_ns);
  } else if (settings_.source == Source::logs) {
    tell_logs(read_logs(now_ns));
    next_ns_ = now_ns + interval_ns();
  } else if (breaker_.allow(now_ns)) {
    if (first_ns_ == 0) first_ns_ = now_ns;
    client_.poll();
  } else {
    (void)fall_back(now_ns);  // the last failure has told how it fares
  }
  plan(now_ns);
}

void Pods::polled(const ServerOutcome& outcome) {
  uint64_t now_ns = monotonic_ns();
  Status logs;
  if (outcome.kind == Kind::good) {
    polls_ok_++;
    good_ns_ = now_ns;
    breaker_.succeeded();
    commit(now_ns);
  } else {
    polls_failed_++;
    breaker_.failed(now_ns);
    if (!breaker_.closed()) client_.forget_choice();
    table_.drop();
    logs = fall_back(now_ns);
  }
  tell(outcome, logs);
  next_ns_ = std::max({looked_ns_ + interval_ns(), breaker_.open_until_ns(), now_ns});
  plan(now_ns);
}

void Pods::commit(uint64_t now_ns) {
  uint64_t generation = table_.generation();
  table_.commit(now_ns);
  if (table_.generation() != generation) changed_();
}

// What the table knows of a pod is more than its folder tells.
Status Pods::read_logs(uint64_t now_ns) {
  // A watch goes on where it was, and does not tell again what has not changed.
  if (api_ != nullptr)
    table_.begin_without("");
  else
    table_.begin();
  auto read = read_pod_logs(settings_.logs, [this](const Pod& pod) {
    if (!table_.keep(pod.uid.view())) table_.add(pod, watched(pod));
  });
  Status status = read.ok() ? Status() : std::move(read.status());
  if (status.ok() && read.value().pods == 0 && may_fall_back())
    status = Status::error(settings_.logs + ": no pods are in it");
  if (status.ok())
    commit(now_ns);
  else
    table_.drop();
  return status;
}

bool Pods::may_fall_back() const {
  return settings_.source == Source::automatic || settings_.source == Source::apiserver;
}

// With a selector the logs could not say which of the pods that are new to us are meant. A folder
// without any pod is a wrong one rather than the end of all pods.
Status Pods::fall_back(uint64_t now_ns) {
  if (!may_fall_back()) return Status::error("logs are not asked");
  if (!settings_.selector.empty())
    return Status::error("logs are not asked, as they know no labels");
  return read_logs(now_ns);
}

std::string Pods::meanwhile(const Status& logs) const {
  std::string answer = good_ns_ != 0 ? "the last good answer" : "";
  if (logs.ok()) return answer + (answer.empty() ? "" : ", and ") + settings_.logs;
  if (answer.empty()) answer = "nothing";
  return may_fall_back() ? answer + "; " + logs.message() : answer;
}

void Pods::tell(const ServerOutcome& outcome, const Status& logs) {
  if (told_ == outcome.kind) return;
  told_ = outcome.kind;
  bool api = api_ != nullptr;
  if (outcome.kind == Kind::good) {
    log_info(api ? "the API server tells the pods of this node" : "the kubelet tells its pods",
             {{"url", outcome.url}, {"pods", table_.pods()}});
    return;
  }
  log_warn(api ? "the API server does not tell the pods of this node"
               : "the kubelet does not tell its pods",
           {{"kind", server_outcome_text(outcome.kind)},
            {"reason", outcome.reason},
            {"meanwhile", meanwhile(logs)}});
}

void Pods::tell_logs(const Status& logs) {
  if (told_logs_ == logs.ok()) return;
  told_logs_ = logs.ok();
  if (logs.ok())
    log_info("pods are named by their logs", {{"path", settings_.logs}, {"pods", table_.pods()}});
  else
    log_warn("the logs of pods cannot be read", {{"reason", logs.message()}});
}

}  // namespace kubepulse
