#include "collect/node_stats.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace kubepulse {

namespace {

constexpr uint32_t kInit = 1;
constexpr uint64_t kKiB = 1024;

NodeRoom room(uint64_t whole, uint64_t left) {
  return {whole - std::min(whole, left), whole};
}

// "MemTotal:        2030424 kB"
std::optional<uint64_t> bytes_of(std::string_view text) {
  text = trim_blanks(text);
  std::optional<uint64_t> kib = parse_number(next_piece(text, ' '), UINT64_MAX / kKiB);
  if (!kib || text != "kB") return std::nullopt;
  return *kib * kKiB;
}

}  // namespace

NodeRoom parse_meminfo(std::string_view text) {
  std::optional<uint64_t> total, available;
  while (!text.empty() && !(total && available)) {
    std::string_view line = next_piece(text, '\n');
    std::string_view key = next_piece(line, ':');
    if (key == "MemTotal") total = bytes_of(line);
    if (key == "MemAvailable") available = bytes_of(line);
  }
  if (!total || !available) return {};
  return room(*total, *available);
}

// "0.20 0.18 0.12 1/80 11206": that run, and all.
std::optional<uint64_t> parse_threads(std::string_view text) {
  for (int average = 0; average < 3; average++)
    next_piece(text, ' ');
  std::string_view threads = next_piece(text, ' ');
  next_piece(threads, '/');
  return parse_number(threads);
}

NodeStats::NodeStats(std::string proc_root) : proc_root_(std::move(proc_root)) {
  constexpr const char* kNames[kFiles] = {
      "pressure/cpu", "pressure/memory",    "pressure/io",           "meminfo",
      "loadavg",      "sys/kernel/pid_max", "sys/kernel/threads-max"};
  for (size_t i = 0; i < kFiles; i++)
    files_[i].reset(open((proc_root_ + "/" + kNames[i]).c_str(), O_RDONLY | O_CLOEXEC));
}

std::string_view NodeStats::text_of(File file) {
  ssize_t size;
  do {
    // At offset 0 the kernel writes the file anew.
    size = pread(files_[file].get(), text_, sizeof text_, 0);
  } while (size < 0 && errno == EINTR);
  std::string_view text(text_, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return text.substr(0, text.rfind('\n') + 1);  // npos + 1 is 0
}

std::optional<uint64_t> NodeStats::number_of(File file) {
  std::string_view text = text_of(file);
  return parse_number(next_piece(text, '\n'));
}

const NodeState& NodeStats::read(uint64_t now_ns) {
  static_assert(size_t{kCpu} == kPressureOnCpu && size_t{kMemory} == kPressureOnMemory &&
                size_t{kIo} == kPressureOnIo);
  for (size_t i = 0; i < kPressures; i++) {
    state_.pressure[i] = {};
    parse_pressure(text_of(static_cast<File>(i)), state_.pressure[i]);
  }
  state_.cpus = static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
  state_.memory = parse_meminfo(text_of(kMeminfo));
  read_pids();
  if (helper_ != nullptr) take_disk(now_ns);
  if (helper_ == nullptr && (asked_ns_ == 0 || now_ns - asked_ns_ >= kDiskPauseNs))
    ask_disk(now_ns);
  if (now_ns - answered_ns_ > kDiskKeptNs) state_.disk = state_.inodes = {};
  return state_;
}

void NodeStats::read_pids() {
  state_.pids = {};
  std::optional<uint64_t> threads = parse_threads(text_of(kLoadavg));
  std::optional<uint64_t> pid_max = number_of(kPidMax), threads_max = number_of(kThreadsMax);
  if (!threads || !(pid_max || threads_max)) return;
  state_.pids = {*threads,
                 std::min(pid_max.value_or(UINT64_MAX), threads_max.value_or(UINT64_MAX))};
}

// As init sees it, whose mounts are the host's; as we do where we may not look.
void NodeStats::ask_disk(uint64_t now_ns) {
  asked_ns_ = now_ns;
  answered_ = killed_ = false;
  auto started = StatfsHelper::start(proc_root_);
  if (!started.ok()) {
    if (!complained_)
      log_warn("the node's disk is not looked at", {{"error", started.status().message()}});
    complained_ = true;
    return;
  }
  complained_ = false;
  helper_ = std::move(started.value());
  Mount mount;
  mount.point = kKubeletFolder;
  (void)helper_->ask(1, kInit, mount);
  (void)helper_->ask(2, static_cast<uint32_t>(getpid()), mount);
  helper_->end_questions();
}

void NodeStats::take_disk(uint64_t now_ns) {
  bool ended = helper_->reap();  // what it has answered is there by then
  StatfsAnswer answer;
  while (helper_->take(answer) == StatfsHelper::Got::answer) {
    const FilesystemSize& size = answer.size;
    if (answered_ || answer.error != 0 || size.capacity_bytes == 0) continue;
    answered_ = true;
    answered_ns_ = now_ns;
    state_.disk = room(size.capacity_bytes, size.available_bytes);
    state_.inodes = room(size.inodes, size.inodes_free);
  }
  if (ended) {
    helper_.reset();
  } else if (!killed_ && now_ns - asked_ns_ >= kDiskPatienceNs) {
    log_warn("the node's disk does not answer", {{"folder", kKubeletFolder}});
    helper_->kill();
    killed_ = true;
  }
}

}  // namespace kubepulse
