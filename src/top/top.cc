#include "top/top.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "base/signals.h"
#include "base/text.h"
#include "client/find_daemon.h"
#include "client/page_client.h"
#include "client/page_reader.h"
#include "top/growth.h"
#include "top/report_json.h"
#include "top/snapshot.h"
#include "top/terminal.h"
#include "top/view.h"

namespace kubepulse {

namespace {

constexpr size_t kRowsOnce = 20;
constexpr size_t kBeginningBytes = 60;  // of a page that is none, to say what it is

class Top {
 public:
  Top(Loop& loop, const TopOptions& options, OwnDaemon* daemon)
      : loop_(loop),
        options_(options),
        daemon_(daemon),
        client_(loop, daemon == nullptr ? options.url : daemon->url()),
        terminal_(loop, STDIN_FILENO, STDOUT_FILENO) {
    view_.from = daemon == nullptr ? options.url : "a daemon of its own";
    view_.controls = options_.controls;
    view_.rows_max = options_.rows_max;
  }

  Status run();

 private:
  void ask();
  void take(std::string_view piece);
  void answered(Status status);
  Status judge() const;
  void compare_pages();
  void fail(Status status);
  void show();
  void print();
  void draw();
  void read_keys();
  void read_signals(int fd);
  Snapshot& now() { return pages_[page_]; }
  Snapshot& before() { return pages_[1 - page_]; }

  Loop& loop_;
  const TopOptions& options_;
  OwnDaemon* daemon_;  // null: it is not ours
  PageClient client_;
  Terminal terminal_;
  std::optional<PageReader> reader_;
  Snapshot pages_[2];
  size_t page_ = 0;  // the one that is read
  uint64_t asked_ns_ = 0;
  uint64_t came_ns_ = 0;    // its first bytes; 0: not yet
  uint64_t before_ns_ = 0;  // those of the page before; 0: there is none
  std::string beginning_;   // of what came
  std::optional<Growth> growth_;
  View view_;
  Status outcome_;
  bool done_ = false;  // what was asked for once is printed
};

Status Top::run() {
  auto signals = open_signals({SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT});
  if (!signals.ok()) return signals.status();
  int fd = signals.value().get();
  Status status = loop_.watch(fd, EPOLLIN, [this, fd](uint32_t) { read_signals(fd); });
  if (status.ok() && !options_.once && isatty(STDIN_FILENO) != 0)
    status = loop_.watch(STDIN_FILENO, EPOLLIN, [this](uint32_t) { read_keys(); });
  if (!status.ok()) return status;
  ask();
  status = loop_.run();
  terminal_.leave();
  if (!status.ok()) return status;
  if (outcome_.ok() && options_.once && !done_) return Status::error("broken off");
  return outcome_;
}

void Top::ask() {
  asked_ns_ = monotonic_ns();
  came_ns_ = 0;
  now().clear();
  beginning_.clear();
  reader_.emplace([this](const PageSample& sample) { now().take(sample); });
  client_.ask([this](std::string_view piece) { take(piece); },
              [this](Status status) { answered(std::move(status)); });
}

void Top::take(std::string_view piece) {
  if (came_ns_ == 0) came_ns_ = monotonic_ns();
  if (beginning_.size() < kBeginningBytes)
    beginning_ += piece.substr(0, kBeginningBytes - beginning_.size());
  reader_->feed(piece);
}

// Of a page that came whole.
Status Top::judge() const {
  if (pages_[page_].is_ours()) return {};
  std::string text = "this is no page of kubepulse";
  append_json_string(text += "; it begins with ", beginning_);
  return Status::error(text);
}

void Top::answered(Status status) {
  if (daemon_ != nullptr && daemon_->ended())
    return fail(Status::error("the daemon that it started has ended: " + daemon_->last_words()));
  if (daemon_ != nullptr) daemon_->last_words();
  reader_->finish();
  status = status.ok() ? judge() : std::move(status);
  if (!status.ok()) status = std::move(status).in(view_.from);
  // Our own may still be loading its programs; and once there was a page, any may come back.
  bool starts = daemon_ != nullptr && before_ns_ == 0;
  if (!status.ok() && !starts && (options_.once || before_ns_ == 0)) return fail(std::move(status));
  view_.trouble = status.ok() ? "" : status.message() + "; trying again";
  if (status.ok()) compare_pages();
  show();
  if (done_) return;
  loop_.at(std::max(asked_ns_ + options_.interval_ns, monotonic_ns()), [this] { ask(); });
}

void Top::compare_pages() {
  bool comparable = before_ns_ != 0 && is_same_run(before(), now());
  double seconds = static_cast<double>(came_ns_ - before_ns_) / kNsPerSecond;
  if (!comparable)
    growth_.reset();
  else if (!view_.controls.paused)
    growth_ = compare(before(), now(), std::max(seconds, 1e-3));
  view_.growth = growth_ ? &*growth_ : nullptr;
  before_ns_ = came_ns_;
  page_ = 1 - page_;
}

void Top::fail(Status status) {
  outcome_ = std::move(status);
  loop_.stop();
}

void Top::show() {
  if (!options_.once) {
    terminal_.enter();
    draw();
  } else if (growth_) {
    print();
  }
}

void Top::print() {
  if (!options_.json && view_.rows_max == 0) view_.rows_max = kRowsOnce;
  std::string text = options_.json ? report_json(view_, realtime_ns()) : table_text(view_);
  bool written = fwrite(text.data(), 1, text.size(), stdout) == text.size() && fflush(stdout) == 0;
  if (!written) outcome_ = Status::from_errno("writing", errno);
  done_ = true;
  loop_.stop();
}

void Top::draw() {
  if (before_ns_ == 0 || options_.once) return;
  Terminal::Size size = terminal_.size();
  terminal_.draw(screen_lines(view_, size.width, size.height));
}

void Top::read_keys() {
  char keys[64];
  ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) return loop_.stop();  // the terminal is gone
  bool redraw = false;
  for (ssize_t i = 0; i < got; i++) {
    Controls::Effect effect = view_.controls.press(keys[i]);
    if (effect == Controls::Effect::quit) return loop_.stop();
    redraw = redraw || effect == Controls::Effect::redraw;
  }
  if (redraw) draw();
}

void Top::read_signals(int fd) {
  signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == sizeof info) {
    bool had_screen = !options_.once && before_ns_ != 0;
    switch (info.ssi_signo) {
      case SIGTSTP:
        terminal_.leave();
        kill(getpid(), SIGSTOP);
        break;
      case SIGCONT:
        if (!had_screen) break;
        // Whoever had the terminal meanwhile has set it as he likes.
        terminal_.leave();
        terminal_.enter();
        draw();
        break;
      case SIGWINCH:
        draw();
        break;
      default:  // those that end a program
        loop_.stop();
    }
  }
}

}  // namespace

Status run_top(TopOptions options, const RunDaemon& run) {
  auto daemon = find_daemon(options.url, run);
  if (!daemon.ok()) return daemon.status();
  auto loop = Loop::create();
  if (!loop.ok()) return loop.status();
  options.once = options.once || isatty(STDOUT_FILENO) == 0;
  Top top(loop.value(), options, daemon.value().get());
  return top.run();
}

}  // namespace kubepulse
