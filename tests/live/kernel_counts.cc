#include "tests/live/kernel_counts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

namespace {

constexpr double kNs = 1e-9, kUs = 1e-6;
constexpr double kRounding = 5e-10;  // of a sum of doubles with nine decimals

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    std::string_view word = next_piece(line, ' ');
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::vector<std::vector<std::string>> lines_of(const std::string& path) {
  std::string text = read_file(path);
  std::replace(text.begin(), text.end(), '\t', ' ');
  std::vector<std::vector<std::string>> lines;
  std::string_view rest = text;
  while (!rest.empty())
    lines.push_back(words_of(next_piece(rest, '\n')));
  return lines;
}

double number(const std::string& word) {
  return strtod(word.c_str(), nullptr);
}

std::optional<double> times(std::optional<double> value, double unit) {
  if (value) *value *= unit;
  return value;
}

std::vector<const Sample*> samples_of(const Page& page, const std::string& name,
                                      const Labels& labels) {
  std::vector<const Sample*> found;
  for (const Sample& sample : page.samples())
    if (sample.name == name && sample.has_all(labels)) found.push_back(&sample);
  return found;
}

double only_sample(const Page& page, const std::string& name, const Labels& labels) {
  std::vector<const Sample*> found = samples_of(page, name, labels);
  std::string text = labels.empty() ? "" : labels.back().second;
  ck_assert_msg(found.size() == 1, "%zu samples of %s of %s:\n%s", found.size(), name.c_str(),
                text.c_str(), page.text_of(labels).c_str());
  return found[0]->value;
}

}  // namespace

std::optional<double> number_in(const std::string& path, const std::string& key) {
  for (const std::vector<std::string>& words : lines_of(path)) {
    if (key.empty() && words.size() == 1) return number(words[0]);
    if (!key.empty() && words.size() >= 2 && words[0] == key) return number(words[1]);
  }
  return std::nullopt;
}

std::optional<double> cpu_seconds(const Cgroup& cgroup) {
  std::string folder = files_of(cgroup, Controller::kCpuacct);
  if (is_legacy(Controller::kCpuacct)) return times(number_in(folder + "/cpuacct.usage"), kNs);
  return times(number_in(folder + "/cpu.stat", "usage_usec"), kUs);
}

std::optional<double> throttled_seconds(const Cgroup& cgroup) {
  std::string file = files_of(cgroup, Controller::kCpu) + "/cpu.stat";
  if (is_legacy(Controller::kCpu)) return times(number_in(file, "throttled_time"), kNs);
  return times(number_in(file, "throttled_usec"), kUs);
}

std::optional<double> memory_bytes(const Cgroup& cgroup) {
  std::string folder = files_of(cgroup, Controller::kMemory);
  bool legacy = is_legacy(Controller::kMemory);
  return number_in(folder + (legacy ? "/memory.usage_in_bytes" : "/memory.current"));
}

std::optional<double> working_set_bytes(const Cgroup& cgroup) {
  bool legacy = is_legacy(Controller::kMemory);
  std::optional<double> used = memory_bytes(cgroup);
  std::optional<double> idle = number_in(files_of(cgroup, Controller::kMemory) + "/memory.stat",
                                         legacy ? "total_inactive_file" : "inactive_file");
  if (!used || !idle) return std::nullopt;
  return std::max(*used - *idle, 0.0);
}

std::optional<double> major_faults(const Cgroup& cgroup) {
  bool legacy = is_legacy(Controller::kMemory);
  return number_in(files_of(cgroup, Controller::kMemory) + "/memory.stat",
                   legacy ? "total_pgmajfault" : "pgmajfault");
}

std::optional<double> pressure_seconds(const Cgroup& cgroup, const std::string& resource,
                                       const std::string& kind) {
  std::string folder = unified_folder(cgroup);
  if (folder.empty()) return std::nullopt;
  for (const auto& words : lines_of(folder + "/" + resource + ".pressure"))
    if (words.size() == 5 && words[0] == kind && words[4].compare(0, 6, "total=") == 0)
      return number(words[4].substr(6)) * kUs;
  return std::nullopt;
}

std::optional<DiskNumbers> disk_numbers(const Cgroup& cgroup, const std::string& device) {
  std::string folder = files_of(cgroup, Controller::kDisk);
  DiskNumbers numbers;
  bool found = false;
  if (is_legacy(Controller::kDisk)) {
    for (const auto& words : lines_of(folder + "/blkio.throttle.io_service_bytes"))
      if (words.size() == 3 && words[0] == device) {
        found = true;
        if (words[1] == "Read") numbers.read_bytes = number(words[2]);
        if (words[1] == "Write") numbers.written_bytes = number(words[2]);
      }
    for (const auto& words : lines_of(folder + "/blkio.throttle.io_serviced"))
      if (words.size() == 3 && words[0] == device) {
        if (words[1] == "Read") numbers.reads = number(words[2]);
        if (words[1] == "Write") numbers.writes = number(words[2]);
      }
  } else {
    for (const auto& words : lines_of(folder + "/io.stat"))
      for (size_t at = 1; at < words.size() && words[0] == device; at++) {
        found = true;
        std::string key = words[at].substr(0, words[at].find('='));
        double value = number(words[at].substr(words[at].find('=') + 1));
        if (key == "rbytes") numbers.read_bytes = value;
        if (key == "wbytes") numbers.written_bytes = value;
        if (key == "rios") numbers.reads = value;
        if (key == "wios") numbers.writes = value;
      }
  }
  if (!found) return std::nullopt;
  return numbers;
}

bool limit_cpu(const Cgroup& cgroup, int percent) {
  std::string folder = files_of(cgroup, Controller::kCpu);
  std::string quota = std::to_string(percent * 1000);
  if (is_legacy(Controller::kCpu)) return write_file(folder + "/cpu.cfs_quota_us", quota);
  return write_file(folder + "/cpu.max", quota + " 100000");
}

bool limit_memory(const Cgroup& cgroup, uint64_t bytes) {
  std::string folder = files_of(cgroup, Controller::kMemory);
  std::string limit = std::to_string(bytes);
  if (is_legacy(Controller::kMemory)) return write_file(folder + "/memory.limit_in_bytes", limit);
  write_file(folder + "/memory.swap.max", "0");
  return write_file(folder + "/memory.max", limit);
}

TaskNumbers task_numbers(const std::vector<pid_t>& pids) {
  TaskNumbers sum;
  for (pid_t pid : pids) {
    std::string folder = "/proc/" + std::to_string(pid);
    auto schedstat = lines_of(folder + "/schedstat");
    auto voluntary = number_in(folder + "/status", "voluntary_ctxt_switches:");
    auto preempted = number_in(folder + "/status", "nonvoluntary_ctxt_switches:");
    ck_assert_msg(schedstat.size() == 1 && schedstat[0].size() == 3 && voluntary && preempted,
                  "%s tells nothing", folder.c_str());
    sum.waited_s += number(schedstat[0][1]) * kNs;
    sum.runs += number(schedstat[0][2]);
    sum.voluntary += *voluntary;
    sum.preempted += *preempted;
  }
  return sum;
}

std::vector<double> interface_numbers(pid_t pid, const std::string& interface) {
  for (const auto& words : lines_of("/proc/" + std::to_string(pid) + "/net/dev")) {
    if (words.size() != 17 || words[0] != interface + ":") continue;
    std::vector<double> numbers;
    for (size_t at : {1, 2, 3, 4, 9, 10, 11, 12})
      numbers.push_back(number(words[at]));
    return numbers;
  }
  return {};
}

Page fresh_page(const Daemon& daemon) {
  sleep_ms(1050);
  return daemon.scrape();
}

Look look(const Daemon& daemon, const std::function<std::vector<double>()>& read) {
  for (uint64_t start_ns = monotonic_ns(); seconds_since(start_ns) < 15;) {
    Bracket seen = bracket(daemon, read);
    if (seen.before == seen.after) return {std::move(seen.page), std::move(seen.after)};
  }
  ck_abort_msg("the kernel's numbers do not come to rest");
}

Bracket bracket(const Daemon& daemon, const std::function<std::vector<double>()>& read) {
  sleep_ms(1050);
  Bracket seen;
  seen.before = read();
  seen.page = daemon.scrape();
  seen.after = read();
  return seen;
}

Labels container_labels(const Owner& owner, const std::string& container) {
  return with(owner.labels(), "container", container);
}

Labels with(Labels labels, const std::string& name, const std::string& value) {
  labels.emplace_back(name, value);
  return labels;
}

void check_sample(const Page& page, const std::string& name, const Labels& labels, double value) {
  double is = only_sample(page, name, labels);
  ck_assert_msg(std::fabs(is - value) <= kRounding, "%s of %s is %.9f, want %.9f:\n%s",
                name.c_str(), labels.back().second.c_str(), is, value,
                page.text_of(labels).c_str());
}

void check_between(const Page& page, const std::string& name, const Labels& labels, double low,
                   double high) {
  double is = only_sample(page, name, labels);
  ck_assert_msg(low - kRounding <= is && is <= high + kRounding,
                "%s of %s is %.9f, want %.9f to %.9f", name.c_str(), labels.back().second.c_str(),
                is, low, high);
}

void check_absent(const Page& page, const std::string& name, const Labels& labels) {
  std::vector<const Sample*> found = samples_of(page, name, labels);
  ck_assert_msg(found.empty(), "%s", found.empty() ? "" : found[0]->text().c_str());
}

}  // namespace kubepulse::live
