#include "collect/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"

namespace kubepulse {

namespace {

uint64_t to_ns(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * kNsPerSecond +
         static_cast<uint64_t>(time.tv_usec) * 1000;
}

std::string_view read_file(const char* path, char* buffer, size_t size) {
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  ssize_t length = file ? read(file.get(), buffer, size) : -1;
  return {buffer, length > 0 ? static_cast<size_t>(length) : 0};
}

// The 22nd field of /proc/self/stat, in clock ticks since boot (proc(5)).
uint64_t start_time_ns() {
  char buffer[1024];
  std::string_view stat = read_file("/proc/self/stat", buffer, sizeof buffer);
  size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > stat.size()) return 0;
  std::string_view rest = stat.substr(name_end + 2);
  for (int field = 3; field < 22; field++)
    next_piece(rest, ' ');
  auto ticks = parse_number(next_piece(rest, ' '));
  if (!ticks) return 0;
  uint64_t since_boot_ns = *ticks * (kNsPerSecond / static_cast<uint64_t>(sysconf(_SC_CLK_TCK)));
  return realtime_ns() - clock_ns(CLOCK_BOOTTIME) + since_boot_ns;
}

// From Linux 6.2 on the size of the folder is how many there are (fs/proc/fd.c, proc_fd_getattr).
uint64_t count_fds() {
  struct stat status {};
  if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0)
    return static_cast<uint64_t>(status.st_size);
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(folder))
    count += entry->d_name[0] != '.';
  closedir(folder);
  return count > 0 ? count - 1 : 0;  // without the one that counts
}

}  // namespace

ProcessCost own_cost() {
  static const uint64_t started_ns = start_time_ns();
  ProcessCost cost;
  cost.start_time_ns = started_ns;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    cost.cpu_ns = to_ns(usage.ru_utime) + to_ns(usage.ru_stime);
  char buffer[256];
  std::string_view statm = read_file("/proc/self/statm", buffer, sizeof buffer);
  auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  cost.virtual_bytes = parse_number(next_piece(statm, ' ')).value_or(0) * page;
  cost.resident_bytes = parse_number(next_piece(statm, ' ')).value_or(0) * page;
  cost.open_fds = count_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) cost.max_fds = limit.rlim_cur;
  return cost;
}

void allow_many_fds() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kFdsWanted) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kFdsWanted);
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace kubepulse
