#include "sniff/sniff.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "base/signals.h"
#include "client/find_daemon.h"
#include "client/page_client.h"
#include "sniff/insight_families.h"
#include "sniff/insight_page.h"
#include "sniff/output.h"
#include "sniff/sniff_text.h"

namespace kubepulse {

namespace {

constexpr uint64_t kTicksOnce = 2;  // of a daemon that has just begun
constexpr int kNotFound = 404;

void complain(const std::string& text) {
  fprintf(stderr, "kubepulse: sniff: %s\n", text.c_str());
}

// https://no-color.org
bool wants_color() {
  const char* refused = getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) != 0 && (refused == nullptr || *refused == '\0');
}

class Sniff {
 public:
  Sniff(Loop& loop, const SniffOptions& options, OwnDaemon* daemon)
      : loop_(loop),
        options_(options),
        daemon_(daemon),
        from_(daemon == nullptr ? options.url : "a daemon of its own"),
        client_(loop, daemon == nullptr ? options.url : daemon->url()),
        batches_(options.batch_size),
        color_(wants_color()) {}

  Status run();

 private:
  void ask();
  void answered(Status status);
  void take(InsightPage page);
  void add(const InsightChange& change, const InsightPage& now);
  void count(const InsightChange& change);
  void ask_for_metrics();
  void metrics_came(Status status);
  void finish_look();
  void try_again(Status status);
  void put(std::string_view text);
  void go_on();
  void end();
  void fail(Status status);
  void read_signals();

  Loop& loop_;
  const SniffOptions& options_;
  OwnDaemon* daemon_;  // null: it is not ours
  std::string from_;
  PageClient client_;
  Fd signals_;
  std::optional<InsightPageReader> reader_;
  std::optional<InsightFamilies> families_;
  InsightPage known_;  // the last answer
  LookTimes times_;
  Batches batches_;
  InsightCounts counts_;
  uint64_t begun_ns_ = monotonic_ns();
  uint64_t next_ns_ = 0;  // when to ask again
  std::string trouble_;   // that was told; "": there is none
  Status outcome_;
  bool color_;
  bool answered_ = false;
  bool shown_ = false;  // something, or that there was nothing
  bool done_ = false;   // what was asked for once is printed
  bool gone_ = false;   // nobody takes what is written
};

Status Sniff::run() {
  auto signals = open_signals({SIGTERM, SIGINT, SIGHUP});
  if (!signals.ok()) return signals.status();
  signals_ = std::move(signals.value());
  Status status = loop_.watch(signals_.get(), EPOLLIN, [this](uint32_t) { read_signals(); });
  if (!status.ok()) return status;
  // Tells when the reader of a pipe has gone, though there be nothing to write; a file has none.
  Status watched = loop_.watch(STDOUT_FILENO, 0, [this](uint32_t) {
    gone_ = true;
    loop_.stop();
  });
  (void)watched;
  if (daemon_ != nullptr)
    complain(
        "nobody listens at 127.0.0.1:9090: a daemon was started; predictions need some "
        "minutes of its history");
  ask();
  status = loop_.run();
  if (!status.ok()) return status;
  end();
  return outcome_;
}

void Sniff::ask() {
  reader_.emplace();
  client_.ask(
      "insights", [this](std::string_view piece) { reader_->feed(piece); },
      [this](Status status) { answered(std::move(status)); });
}

void Sniff::answered(Status status) {
  if (daemon_ != nullptr && daemon_->ended())
    return fail(Status::error("the daemon that it started has ended: " + daemon_->last_words()));
  if (daemon_ != nullptr) daemon_->last_words();
  if (client_.code() == kNotFound)
    return fail(
        Status::error(from_ + " tells no insights: it is too old, or its --insight-interval is 0"));
  if (status.ok()) status = reader_->finish().in("this is no answer about insights");
  if (!status.ok()) return try_again(std::move(status));
  answered_ = true;
  take(reader_->take());
}

// Our own may still be loading its programs; and once there was an answer, any may come back.
void Sniff::try_again(Status status) {
  bool starts = daemon_ != nullptr && !answered_;
  if (!starts && (options_.once || !answered_)) return fail(std::move(status).in(from_));
  if (!starts && trouble_ != status.message()) {
    trouble_ = status.message();
    complain(from_ + ": " + trouble_ + "; trying again");
  }
  next_ns_ = monotonic_ns() + LookTimes::kPatientNs;
  go_on();
}

void Sniff::take(InsightPage page) {
  uint64_t ticks = times_.ticks();
  next_ns_ = monotonic_ns() + times_.wait_ns(page.tick_ns, page.interval_ns, realtime_ns());
  bool waits = options_.once ? daemon_ != nullptr && times_.ticks() < kTicksOnce
                             : page.tick_ns == 0;  // nothing is known, and nothing is over
  if (waits) return go_on();
  std::vector<InsightChange> changes = changes_between(known_, page, options_.origins);
  for (const InsightChange& change : changes)
    add(change, page);
  counts_.lost = page.lost;
  known_ = std::move(page);
  std::vector<std::string> batches;
  if (!changes.empty() || times_.ticks() > ticks) batches = batches_.due(options_.once);
  bool is_page = options_.form == SniffOptions::Form::prometheus;
  if (is_page && (!batches.empty() || !shown_)) {
    // Not within the answer's end, whose functions it would replace.
    loop_.after(0, [this] { ask_for_metrics(); });
    return;
  }
  for (const std::string& batch : batches)
    put(batch);
  finish_look();
}

void Sniff::add(const InsightChange& change, const InsightPage& now) {
  const ToldInsight& insight = *change.insight;
  bool resolved = change.kind == InsightChange::Kind::resolved;
  count(change);
  std::string text;
  if (options_.form == SniffOptions::Form::json)
    text =
        insight.json_head + (resolved ? "\"resolved\"" : "\"raised\"") + insight.json_tail + '\n';
  else if (options_.form == SniffOptions::Form::text && resolved)
    append_resolved(text, insight, now.tick_ns, color_);
  else if (options_.form == SniffOptions::Form::text)
    append_raised(text, insight, insight.cause == 0 ? nullptr : now.find(insight.cause), color_);
  batches_.add(std::move(text));
}

void Sniff::count(const InsightChange& change) {
  bool worse = change.kind == InsightChange::Kind::worse;
  if (change.kind == InsightChange::Kind::resolved) {
    counts_.resolved++;
    return;
  }
  (change.insight->critical ? counts_.critical : counts_.warning)++;
  if (worse) counts_.warning--;
}

void Sniff::ask_for_metrics() {
  families_.emplace(options_.origins);
  client_.ask(
      "metrics", [this](std::string_view piece) { families_->feed(piece); },
      [this](Status status) { metrics_came(std::move(status)); });
}

void Sniff::metrics_came(Status status) {
  families_->finish();
  if (status.ok() && families_->cut())
    status = Status::error("its metrics of insights are too many");
  if (!status.ok()) {
    shown_ = false;  // as soon as there are any again
    return try_again(std::move(status));
  }
  put(families_->text());
  if (!options_.once) put("\n");
  finish_look();
}

void Sniff::finish_look() {
  trouble_.clear();
  shown_ = true;
  done_ = options_.once;
  go_on();
}

void Sniff::put(std::string_view text) {
  if (gone_) return;
  Status status = write_all(STDOUT_FILENO, text, signals_.get());
  if (status.ok()) return;
  gone_ = true;
  bool is_quiet = status.error_number() == EPIPE || status.error_number() == EINTR;
  if (!is_quiet) outcome_ = std::move(status);
  loop_.stop();
}

void Sniff::go_on() {
  if (done_ || gone_) return loop_.stop();
  loop_.at(std::max(next_ns_, monotonic_ns()), [this] { ask(); });
}

void Sniff::end() {
  if (!outcome_.ok() || gone_) return;
  if (options_.once && !done_) {
    outcome_ = Status::error("broken off");
    return;
  }
  std::string text;
  if (options_.form != SniffOptions::Form::prometheus)
    for (const std::string& batch : batches_.due(true))
      text += batch;
  if (options_.form == SniffOptions::Form::text) {
    auto active = std::count_if(
        known_.insights.begin(), known_.insights.end(),
        [this](const ToldInsight& insight) { return is_of(insight, options_.origins); });
    uint64_t lasted_ns = options_.once ? 0 : monotonic_ns() - begun_ns_;
    append_counts(text, counts_, static_cast<size_t>(active), lasted_ns);
  }
  put(text);
}

void Sniff::fail(Status status) {
  outcome_ = std::move(status);
  loop_.stop();
}

void Sniff::read_signals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info)
    loop_.stop();
}

}  // namespace

Status run_sniff(SniffOptions options, const RunDaemon& run) {
  // Where it is closed, what is opened next would get its number.
  if (fcntl(STDOUT_FILENO, F_GETFD) < 0) return Status::from_errno("standard output", errno);
  auto daemon = find_daemon(options.url, run);
  if (!daemon.ok()) return daemon.status();
  auto loop = Loop::create();
  if (!loop.ok()) return loop.status();
  Sniff sniff(loop.value(), options, daemon.value().get());
  return sniff.run();
}

}  // namespace kubepulse
