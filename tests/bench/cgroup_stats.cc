// What it costs to read what the kernel counts of cgroups, over real ones that are made for it.
//   cgroup_stats NAME CGROUPS      NAME: of a folder in each hierarchy, made here and removed again
// Prints "kept NS, opened NS (cpu NS, pressure NS, memory NS, working set NS, oom kills NS, major
// faults NS, disks NS, insights NS), fds COUNT": a read of all of a cgroup's files, kept open and
// opened each time, those of each kind alone and those that insights look at, kept open, and how
// many that is. CPU time, the best of 7 runs.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/clock.h"
#include "collect/cgroup_stats.h"
#include "identity/cgroup_tree.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr int kRuns = 7;

// Keeps what is measured from being optimised away.
uint64_t sum = 0;

// Four folders deep, as the containers of a pod are.
std::string name_of(const std::string& top, size_t number) {
  return top + "/container-" + std::to_string(number) + ".scope";
}

double read_ns(CgroupStatReader& reader, size_t cgroups, uint32_t wanted) {
  CgroupStats stats;
  uint64_t best = UINT64_MAX;
  for (int run = 0; run < kRuns; run++) {
    uint64_t begun_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < cgroups; i++) {
      if (reader.read(i + 1, wanted, stats) == CgroupRead::done)
        sum += stats.cpu_usage_ns.value_or(0) + 1;
    }
    best = std::min(best, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begun_ns);
  }
  return static_cast<double>(best) / static_cast<double>(cgroups);
}

bool measure(const CgroupStatMounts& mounts, const std::string& top, size_t cgroups) {
  // Room for all of them.
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  Result<CgroupStatReader> kept = CgroupStatReader::open(mounts, limit.rlim_cur);
  Result<CgroupStatReader> opened = CgroupStatReader::open(mounts, 0);
  if (!kept.ok() || !opened.ok()) return false;
  for (size_t i = 0; i < cgroups; i++) {
    if (!kept.value().add(i + 1, name_of(top, i))) return false;
    if (!opened.value().add(i + 1, name_of(top, i))) return false;
  }
  auto of = [&](uint32_t wanted) { return read_ns(kept.value(), cgroups, wanted); };
  double whole = of(kStatAll);
  printf("kept %.0f, opened %.0f ", whole, read_ns(opened.value(), cgroups, kStatAll));
  printf("(cpu %.0f, pressure %.0f, memory %.0f, working set %.0f, oom kills %.0f, ", of(kStatCpu),
         of(kStatPressure), of(kStatMemory), of(kStatWorkingSet), of(kStatOomKills));
  printf("major faults %.0f, disks %.0f, insights %.0f), fds %zu\n", of(kStatMajorFaults),
         of(kStatDisks), of(kStatCpu | kStatMemory | kStatWorkingSet | kStatOomKills),
         kept.value().open_fds());
  return sum > 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  Result<CgroupTree> tree = CgroupTree::open();
  if (!tree.ok()) {
    fprintf(stderr, "%s\n", tree.status().message().c_str());
    return 1;
  }
  const CgroupMounts& mounts = tree.value().mounts();
  size_t cgroups = std::min<size_t>(strtoul(arguments[2], nullptr, 10), 4096);
  std::string top = std::string("/") + arguments[1];
  std::string slice = top + "/burstable.slice";
  std::string pod = slice + "/pod.slice";
  std::vector<std::string> made;
  for (const std::string& point :
       {mounts.unified, mounts.cpu, mounts.cpuacct, mounts.memory, mounts.blkio}) {
    if (point.empty()) continue;
    std::vector<std::string> wanted{top, slice, pod};
    for (size_t i = 0; i < cgroups; i++)
      wanted.push_back(name_of(pod, i));
    for (const std::string& path : wanted)
      if (mkdir((point + path).c_str(), 0755) == 0) made.push_back(point + path);
  }
  bool measured = cgroups > 0 &&
                  measure({mounts.unified, mounts.cpu, mounts.cpuacct, mounts.memory, mounts.blkio},
                          pod, cgroups);
  if (!measured) perror("cgroup_stats");
  for (; !made.empty(); made.pop_back())
    rmdir(made.back().c_str());
  return measured ? 0 : 1;
}
