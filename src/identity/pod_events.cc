#include "identity/pod_events.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

constexpr const char* kGrant = "the verb list of events";
// Of each message that a pod has there is one event, with a count; but a kubelet's may name a port,
// and are another each time. They come oldest first, and are kept for an hour.
constexpr const char* kLimit = "&limit=100";
constexpr uint64_t kBodyBytesMax = uint64_t{1} << 20;
constexpr uint64_t kExpiryNs = 60 * kNsPerSecond;

// "Error: ErrImagePull", which the kubelet says behind what went wrong.
bool is_reason_alone(std::string_view message) {
  constexpr std::string_view kBefore = "Error: ";
  return message.substr(0, kBefore.size()) == kBefore &&
         message.find_first_of(" :", kBefore.size()) == message.npos;
}

}  // namespace

PodEvents::PodEvents(Loop& loop, ApiServerSettings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      breaker_("events", settings_.pause_ns),
      client_(loop, settings_.resolver) {}

PodEvents::~PodEvents() {
  loop_.cancel(timer_);
  loop_.cancel(expiry_timer_);
}

Status PodEvents::start() {
  if (settings_.url.empty()) return {};
  if (Status status = check_api_server(settings_); !status.ok()) return status;
  started_ = true;
  return {};
}

void PodEvents::want(std::string_view ns, std::string_view uid) {
  if (!started_) return;
  uint64_t now_ns = monotonic_ns();
  table_.want(ns, uid, now_ns);
  plan(now_ns);
  if (expiry_timer_ == 0) expire_later();
}

void PodEvents::expire_later() {
  expiry_timer_ = loop_.after(kExpiryNs, [this] {
    expiry_timer_ = 0;
    table_.expire(monotonic_ns());
    if (table_.size() > 0) expire_later();
  });
}

void PodEvents::plan(uint64_t now_ns) {
  if (!uid_.empty() || timer_ != 0 || !table_.has_question()) return;
  uint64_t due_ns = std::max({now_ns, next_ns_, breaker_.open_until_ns()});
  timer_ = loop_.at(due_ns, [this] {
    timer_ = 0;
    ask(monotonic_ns());
  });
}

void PodEvents::ask(uint64_t now_ns) {
  if (!table_.has_question()) return;
  if (!breaker_.allow(now_ns)) return plan(now_ns);
  std::optional<PodEventTable::Question> asked = table_.next(now_ns);
  uid_ = asked->uid;
  auto made = api_question(settings_, asker_);
  if (!made.ok()) return end(asker_.told(Kind::credentials, made.status().message()));
  HttpClient::Question& question = made.value();
  question.limits.body_bytes = kBodyBytesMax;
  question.target = question.url.path + "/api/v1/namespaces/";
  append_escaped(question.target, asked->ns);
  question.target += "/events?fieldSelector=involvedObject.uid%3D";
  append_escaped(question.target, asked->uid);
  question.target += std::string("%2Ctype%3DWarning") + kLimit;
  list_ = std::make_unique<ApiListReader>(
      ApiListReader::Kind{EventReader::kListKind, "v1", "the list of events"}, reader_,
      [this] { take_event(); });
  newest_.reset();
  client_.ask(
      std::move(question), [this](std::string_view piece) { return list_->feed(piece).ok(); },
      [this](const HttpClient::Answer& answer) { end(judge(answer)); });
}

void PodEvents::take_event() {
  const PodEvent& event = reader_.event();
  if (is_reason_alone(event.message.view())) return;
  if (!newest_ || event.at_s >= newest_->at_s) newest_ = event;
}

ServerOutcome PodEvents::judge(const HttpClient::Answer& answer) {
  if (answer.kind != Kind::good) return asker_.told(answer.kind, answer.status.message());
  if (answer.code != 200) {
    ServerOutcome outcome = api_refusal(answer, asker_, kGrant);
    return asker_.told(outcome.kind, outcome.reason);
  }
  // Where the list itself is broken, that is why the rest of it was not wanted.
  Status list = list_->feed({});
  if (list.ok() && answer.status.ok()) list = list_->finish();
  if (!list.ok()) return asker_.told(Kind::bad_answer, list.message());
  if (!answer.status.ok()) return asker_.told(Kind::bad_answer, answer.status.message());
  return {Kind::good, asker_.url, ""};
}

void PodEvents::end(const ServerOutcome& outcome) {
  uint64_t now_ns = monotonic_ns();
  if (outcome.kind == Kind::good) {
    breaker_.succeeded();
    table_.answered(uid_, newest_ ? &*newest_ : nullptr);
  } else {
    breaker_.failed(now_ns);
  }
  tell(outcome);
  list_.reset();
  uid_.clear();
  next_ns_ = now_ns + settings_.retry_ns;
  plan(now_ns);
}

void PodEvents::tell(const ServerOutcome& outcome) {
  if (told_ == outcome.kind) return;
  told_ = outcome.kind;
  if (outcome.kind == Kind::good)
    log_info("the API server tells pods' events", {{"url", outcome.url}});
  else
    log_warn("the API server does not tell pods' events",
             {{"kind", server_outcome_text(outcome.kind)}, {"reason", outcome.reason}});
}

}  // namespace kubepulse
