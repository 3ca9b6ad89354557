#include "identity/api_watcher.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/random.h"

namespace kubepulse {

namespace {

using Kind = ServerOutcome::Kind;

// Where a server has its lists not in memory it sends so many at a time; else, as it is asked for
// resource version 0, all of them at once.
constexpr const char* kPage = "limit=500";
// The endpoints of 150,000 pods are some 60 MB. What is read takes no memory.
constexpr uint64_t kListNs = 300 * kNsPerSecond;
constexpr uint64_t kListBytes = uint64_t{1} << 30;
constexpr uint64_t kWatchGraceNs = 30 * kNsPerSecond;
constexpr unsigned kDoublingsMax = 16;

}  // namespace

ApiWatcher::ApiWatcher(Loop& loop, ApiServerSettings settings, Resource resource,
                       ApiObjectReader& reader, Handlers handlers)
    : loop_(loop),
      settings_(std::move(settings)),
      resource_(std::move(resource)),
      reader_(reader),
      handlers_(std::move(handlers)),
      client_(loop, settings_.resolver),
      breaker_(resource_.path, settings_.pause_ns),
      random_(random_seed() | 1) {}

ApiWatcher::~ApiWatcher() {
  loop_.cancel(timer_);
}

void ApiWatcher::start() {
  ask_after(0);
}

uint64_t ApiWatcher::jittered(uint64_t ns) {
  random_ ^= random_ << 13;  // xorshift64
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return ns + random_ % (ns / 2 + 1);
}

void ApiWatcher::ask_after(uint64_t delay_ns) {
  loop_.cancel(timer_);
  timer_ = loop_.after(delay_ns, [this] {
    timer_ = 0;
    ask();
  });
}

void ApiWatcher::ask() {
  asked_ns_ = monotonic_ns();
  if (!breaker_.allow(asked_ns_)) return ask_after(settings_.retry_ns);
  auto asked = question();
  if (!asked.ok()) return failed(Kind::credentials, asked.status().message());
  gone_ = false;
  error_.clear();
  list_.reset();
  watch_.reset();
  client_.ask(
      std::move(asked.value()), [this](std::string_view piece) { return take(piece); },
      [this](const HttpClient::Answer& answer) { answered(answer); });
}

Result<HttpClient::Question> ApiWatcher::question() {
  auto made = api_question(settings_, asker_);
  if (!made.ok()) return made;
  HttpClient::Question& question = made.value();
  question.target = target(question.url);
  question.limits.body_bytes = kListBytes;
  question.limits.whole_ns = std::max(question.limits.whole_ns, kListNs);
  if (step_ == Step::watch) {
    question.begun = [this] { watch_begun(); };
    // It says nothing for as long as nothing happens; a server that is gone is told by keepalive.
    question.limits.body_bytes = UINT64_MAX;
    question.limits.idle_ns = question.limits.whole_ns = 2 * settings_.watch_ns + kWatchGraceNs;
  }
  return made;
}

// Resource version 0: out of the API server's memory, where a list costs etcd nothing, and may be
// some seconds old; the watch makes up for it. With a token of `continue` none may be given.
std::string ApiWatcher::target(const HttpUrl& url) {
  std::string text = url.path + resource_.path + '?';
  if (!resource_.selector.empty()) text += resource_.selector + '&';
  if (step_ == Step::watch) {
    text += "watch=1&allowWatchBookmarks=true&resourceVersion=";
    append_escaped(text, resource_version_);
    uint64_t seconds_max = std::max(2 * settings_.watch_ns / kNsPerSecond, uint64_t{1});
    uint64_t seconds = jittered(jittered(settings_.watch_ns)) / kNsPerSecond;
    return text +
           "&timeoutSeconds=" + std::to_string(std::clamp(seconds, uint64_t{1}, seconds_max));
  }
  text += kPage;
  if (rest_.empty()) return text + "&resourceVersion=0";
  text += "&continue=";
  append_escaped(text, rest_);
  return text;
}

bool ApiWatcher::take(std::string_view piece) {
  if (step_ == Step::watch) {
    if (watch_ == nullptr)
      watch_ = std::make_unique<ApiWatchReader>(
          reader_, [this](const ApiWatchReader::Event& event) { return take_event(event); });
    return watch_->feed(piece);
  }
  if (!in_list_) handlers_.begin();
  in_list_ = true;
  if (list_ == nullptr)
    list_ = std::make_unique<ApiListReader>(resource_.list, reader_, [this] { handlers_.item(); });
  return list_->feed(piece).ok();
}

bool ApiWatcher::take_event(const ApiWatchReader::Event& event) {
  using Type = ApiWatchReader::Event::Type;
  if (event.type == Type::error) {
    gone_ = event.code == 410;
    error_ = "the watch: " + std::to_string(event.code) + " " + std::string(event.message);
    return false;
  }
  if (!event.resource_version.empty()) resource_version_ = event.resource_version;
  fresh_ = false;
  if (watch_is_bad_ && monotonic_ns() - asked_ns_ >= settings_.watch_ns_min) succeeded();
  if (event.type == Type::changed) handlers_.changed();
  if (event.type == Type::deleted) handlers_.deleted();
  return true;
}

void ApiWatcher::answered(const HttpClient::Answer& answer) {
  if (answer.kind != Kind::good) return failed(answer.kind, answer.status.message());
  if (answer.code == 410 && step_ == Step::watch) return list_again();
  if (answer.code != 200) return refused(answer);
  if (step_ == Step::list)
    end_list(answer);
  else
    end_watch(answer);
}

void ApiWatcher::end_list(const HttpClient::Answer& answer) {
  // Where the list itself is broken, that is why the rest of it was not wanted.
  bool whole = answer.status.ok();
  Status list = list_ == nullptr ? Status::error("an empty answer") : list_->feed({});
  if (list.ok() && whole) list = list_->finish();
  if (!list.ok() && (list_ != nullptr || whole)) return failed(Kind::bad_answer, list.message());
  if (!whole) return failed(Kind::bad_answer, answer.status.message());
  resource_version_ = list_->resource_version();
  rest_ = list_->rest();
  if (!rest_.empty()) return ask();
  if (resource_version_.empty())
    return failed(Kind::bad_answer, "a list without a resource version");
  listed();
}

void ApiWatcher::listed() {
  in_list_ = false;
  fresh_ = true;
  step_ = Step::watch;
  handlers_.commit();
  if (!watch_is_bad_) succeeded();
  ask();
}

void ApiWatcher::watch_begun() {
  if (!watch_is_bad_ && !good_) succeeded();
}

// It has ended, as all watches do: in order, with the connection, or by an error that it tells.
void ApiWatcher::end_watch(const HttpClient::Answer& answer) {
  if (gone_) return list_again();
  if (!error_.empty() || (watch_ != nullptr && !watch_->status().ok())) {
    step_ = Step::list;
    watch_is_bad_ = true;
    return failed(Kind::bad_answer, error_.empty() ? watch_->status().message() : error_);
  }
  bool has_told = watch_ != nullptr && watch_->events() > 0;
  if (!has_told && monotonic_ns() - asked_ns_ < settings_.watch_ns_min) {
    watch_is_bad_ = true;
    return failed(Kind::bad_answer,
                  answer.status.ok() ? "a watch that ends at once" : answer.status.message());
  }
  fresh_ = false;
  if (watch_is_bad_) succeeded();
  ask_after(jittered(settings_.retry_ns));
}

// What a list has just told cannot be too old, or the server is not well.
void ApiWatcher::list_again() {
  step_ = Step::list;
  if (fresh_) {
    watch_is_bad_ = true;
    return failed(Kind::bad_answer, "too old, says the watch of what the list has just told");
  }
  ask_after(jittered(settings_.retry_ns));
}

void ApiWatcher::refused(const HttpClient::Answer& answer) {
  ServerOutcome outcome = api_refusal(answer, asker_, resource_.grant);
  failed(outcome.kind, outcome.reason);
}

void ApiWatcher::drop_list() {
  rest_.clear();
  if (!in_list_) return;
  in_list_ = false;
  handlers_.drop();
}

void ApiWatcher::succeeded() {
  bool was_good = good_;
  failures_ = 0;
  watch_is_bad_ = false;
  breaker_.succeeded();
  good_ = true;
  if (!was_good) handlers_.told({Kind::good, asker_.url, ""});
}

void ApiWatcher::failed(Kind kind, const std::string& reason) {
  uint64_t now_ns = monotonic_ns();
  drop_list();
  good_ = false;
  uint64_t delay_ns = settings_.retry_ns << std::min(failures_++, kDoublingsMax);
  delay_ns = std::min(delay_ns, std::max(settings_.pause_ns, settings_.retry_ns));
  breaker_.failed(now_ns);
  uint64_t until_ns = breaker_.open_until_ns();
  if (until_ns > now_ns) delay_ns = until_ns - now_ns;
  handlers_.told(asker_.told(kind, reason));
  ask_after(jittered(delay_ns));
}

}  // namespace kubepulse
