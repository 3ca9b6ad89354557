#include "collect/filesystems.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace kubepulse {

namespace {

// No answer is worth a wakeup of its own: they are looked for after a while, and after twice as
// long where there was none.
constexpr uint64_t kLookNsMin = 5 * kNsPerMs;
constexpr uint64_t kLookNsMax = 200 * kNsPerMs;

}  // namespace

Filesystems::Filesystems(Loop& loop, std::string proc_root, FilesystemPace pace)
    : loop_(loop), proc_root_(std::move(proc_root)), pace_(pace) {}

Filesystems::~Filesystems() {
  loop_.cancel(timer_);
  for (const auto& helper : ended_)
    loop_.forget(helper->pidfd());
}

bool Filesystems::due() const {
  return !running_ && monotonic_ns() >= next_round_ns_;
}

void Filesystems::refresh(std::vector<FilesystemOwner> owners) {
  if (!due()) return;
  running_ = true;
  round_++;
  owners_ = std::move(owners);
  owners_read_ = 0;
  counts_.left_out = 0;
  waiting_since_ns_ = monotonic_ns();
  next_round_ns_ = waiting_since_ns_ + pace_.pause_ns;
  look_ns_ = kLookNsMin;
  timer_ = loop_.after(0, [this] { step(); });
}

const std::vector<Filesystem>& Filesystems::of(uint64_t key) {
  static const std::vector<Filesystem> kNone;
  const Held* held = held_.find(key);
  return held == nullptr ? kNone : held->now;
}

FilesystemCounts Filesystems::counts() const {
  FilesystemCounts counts = counts_;
  uint64_t now_ns = monotonic_ns();
  counts.stuck = static_cast<size_t>(std::count_if(
      stuck_.begin(), stuck_.end(), [&](const Stuck& stuck) { return stuck.until_ns > now_ns; }));
  counts.helpers_ended = ended_.size();
  return counts;
}

void Filesystems::step() {
  timer_ = 0;
  bool answered = take_answers();
  uint64_t now_ns = monotonic_ns();
  if (answered || sent_ == 0) {
    waiting_since_ns_ = now_ns;
    look_ns_ = kLookNsMin;
  } else if (now_ns - waiting_since_ns_ >= pace_.patience_ns) {
    give_up_first();
    waiting_since_ns_ = now_ns;
    look_ns_ = kLookNsMin;
  } else {
    look_ns_ = std::min(look_ns_ * 2, kLookNsMax);
  }
  read_owners();
  bool done = questions_.empty() && owners_read_ == owners_.size();
  if (done || !send()) return end_round();
  timer_ = loop_.after(look_ns_, [this] { step(); });
}

bool Filesystems::take_answers() {
  bool any = false;
  while (helper_ != nullptr && sent_ > 0) {
    StatfsAnswer answer;
    StatfsHelper::Got got = helper_->take(answer);
    if (got == StatfsHelper::Got::nothing) break;
    any = true;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    sent_--;
    if (got == StatfsHelper::Got::answer && answer.number == question.number) {
      take(question, answer);
      continue;
    }
    // Somebody killed it. What it was at is passed over, so that each question costs one helper.
    release_helper();
  }
  return any;
}

void Filesystems::take(const Question& question, const StatfsAnswer& answer) {
  if (answer.error != 0) return;
  if (forget_stuck(question.mount.device))
    log_info("a file system answers again", {{"mountpoint", question.mount.point}});
  if (answer.size.capacity_bytes == 0) return;
  const Mount& mount = question.mount;
  if (Held* held = held_.find(question.owner.key))
    held->next.push_back({mount.point, answer.size, mount.device, mount.upper});
}

// A few at a time: the loop has other things to do.
void Filesystems::read_owners() {
  for (size_t i = 0; i < kInFlightMax; i++) {
    if (owners_read_ == owners_.size() || questions_.size() >= kInFlightMax) return;
    read_owner(owners_[owners_read_++]);
  }
}

void Filesystems::read_owner(const FilesystemOwner& owner) {
  Held* held = held_.insert(owner.key);
  if (held == nullptr) return;
  held->round = round_;
  held->next.clear();
  auto found = read_mounts(proc_root_, owner.pid);
  if (!found.ok()) return;  // it is gone, or not ours to see
  counts_.left_out += found.value().left_out;
  std::vector<std::string> stuck_points;
  for (Mount& mount : found.value().mounts) {
    bool hangs = is_stuck(mount.device) ||
                 std::any_of(stuck_points.begin(), stuck_points.end(),
                             [&](const std::string& point) { return lies_in(mount.point, point); });
    if (hangs)
      stuck_points.push_back(std::move(mount.point));
    else
      questions_.push_back({++number_, owner, std::move(mount)});
  }
}

// False where there is nobody to ask, and nobody is to be had.
bool Filesystems::send() {
  if (questions_.empty()) return true;
  if (helper_ == nullptr) {
    if (Status status = start_helper(); !status.ok()) {
      if (!complained_) log_warn("file systems are not read", {{"error", status.message()}});
      complained_ = true;
      return false;
    }
    complained_ = false;
  }
  while (sent_ < std::min(questions_.size(), kInFlightMax)) {
    const Question& question = questions_[sent_];
    if (!helper_->ask(question.number, question.owner.pid, question.mount)) break;
    sent_++;
  }
  // Somebody killed it before it was asked: as in take_answers().
  if (sent_ == 0) {
    questions_.pop_front();
    release_helper();
  }
  return true;
}

Status Filesystems::start_helper() {
  if (ended_.size() >= kEndedMax)
    return Status::error(std::to_string(ended_.size()) +
                         " helper processes hang in file systems that do not answer");
  auto started = StatfsHelper::start(proc_root_);
  if (!started.ok()) return std::move(started.status());
  helper_ = std::move(started.value());
  return {};
}

// The helper hangs in the first question.
void Filesystems::give_up_first() {
  Question first = std::move(questions_.front());
  questions_.pop_front();
  counts_.timeouts++;
  mark_stuck(first.mount.device);
  // Whoever has it mounted as well would hang, and so would this process's paths through it.
  questions_.erase(std::remove_if(questions_.begin(), questions_.end(),
                                  [&](const Question& other) {
                                    return other.mount.device == first.mount.device ||
                                           (other.owner.key == first.owner.key &&
                                            lies_in(other.mount.point, first.mount.point));
                                  }),
                   questions_.end());
  log_warn("a file system does not answer, and is left alone for a while",
           {{"mountpoint", first.mount.point}, {"pid", static_cast<uint64_t>(first.owner.pid)}});
  helper_->kill();
  release_helper();
}

void Filesystems::end_round() {
  counts_.unread += owners_.size() - owners_read_;
  for (size_t i = 0; i < questions_.size(); i++)
    counts_.unread += i == 0 || questions_[i].owner.key != questions_[i - 1].owner.key;
  std::vector<uint64_t> gone;
  held_.each([&](uint64_t key, Held& held) {
    if (held.round != round_) gone.push_back(key);
    held.now = std::exchange(held.next, {});
  });
  for (uint64_t key : gone)
    held_.erase(key);
  if (helper_ != nullptr) release_helper();
  questions_.clear();
  owners_.clear();
  owners_read_ = 0;
  running_ = false;
  told_ns_ = monotonic_ns();
}

// What it has not answered is for the next one.
void Filesystems::release_helper() {
  sent_ = 0;
  helper_->dismiss();
  int pidfd = helper_->pidfd();
  ended_.push_back(std::move(helper_));
  Status status = loop_.watch(pidfd, EPOLLIN, [this, pidfd](uint32_t) { reap(pidfd); });
  if (!status.ok()) log_error("a helper process is not watched", {{"error", status.message()}});
}

void Filesystems::reap(int pidfd) {
  auto helper = std::find_if(ended_.begin(), ended_.end(),
                             [pidfd](const auto& ended) { return ended->pidfd() == pidfd; });
  if (helper == ended_.end() || !(*helper)->reap()) return;
  loop_.forget(pidfd);
  ended_.erase(helper);
}

bool Filesystems::is_stuck(uint64_t device) const {
  uint64_t now_ns = monotonic_ns();
  return std::any_of(stuck_.begin(), stuck_.end(), [&](const Stuck& stuck) {
    return stuck.device == device && stuck.until_ns > now_ns;
  });
}

void Filesystems::mark_stuck(uint64_t device) {
  uint64_t now_ns = monotonic_ns();
  for (Stuck& stuck : stuck_) {
    if (stuck.device != device) continue;
    stuck.pause_ns = std::min(stuck.pause_ns * 2, pace_.stuck_ns_max);
    stuck.until_ns = now_ns + stuck.pause_ns;
    return;
  }
  // The oldest has had the longest to come back.
  if (stuck_.size() >= kStuckMax) stuck_.erase(stuck_.begin());
  stuck_.push_back({device, pace_.stuck_ns_min, now_ns + pace_.stuck_ns_min});
}

bool Filesystems::forget_stuck(uint64_t device) {
  size_t before = stuck_.size();
  stuck_.erase(std::remove_if(stuck_.begin(), stuck_.end(),
                              [device](const Stuck& stuck) { return stuck.device == device; }),
               stuck_.end());
  return stuck_.size() < before;
}

}  // namespace kubepulse
