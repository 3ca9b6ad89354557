#include "collect/cgroup_stats.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "identity/cgroup_tree.h"
#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string told(const std::optional<uint64_t>& value) {
  if (!value) return "-";
  return *value == kNoMemoryLimit ? "none" : std::to_string(*value);
}

std::string described(const CgroupStats& stats) {
  std::string out = "cpu " + told(stats.cpu_usage_ns) + " " + told(stats.cpu_throttled_ns);
  out += ", pressure";
  for (const PressureTimes& pressure : stats.pressure)
    out += " " + told(pressure.waiting_ns) + "/" + told(pressure.stalled_ns);
  out += ", memory " + told(stats.memory_usage_bytes) + " " + told(stats.memory_working_set_bytes) +
         "/" + told(stats.memory_reclaimable_bytes) + " " + told(stats.memory_limit_bytes);
  out += ", kills " + told(stats.oom_kills) + ", faults " + told(stats.major_faults) + ", disks";
  for (const DiskStats& disk : stats.disks) {
    out += " " + std::to_string(disk.major) + ":" + std::to_string(disk.minor);
    for (uint64_t value : {disk.read_bytes, disk.written_bytes, disk.reads, disk.writes})
      out += "," + std::to_string(value);
  }
  return out;
}

CgroupStatReader opened(const CgroupStatMounts& mounts,
                        size_t fds_max = CgroupStatReader::kFdsMax) {
  Result<CgroupStatReader> reader = CgroupStatReader::open(mounts, fds_max);
  ck_assert_msg(reader.ok(), "%s", reader.ok() ? "" : reader.status().message().c_str());
  return std::move(reader.value());
}

std::string read(CgroupStatReader& reader, uint64_t id, uint32_t wanted = kStatAll) {
  CgroupStats stats;
  switch (reader.read(id, wanted, stats)) {
    case CgroupRead::done:
      return described(stats);
    case CgroupRead::absent:
      return "absent";
    case CgroupRead::gone:
      return "gone";
    case CgroupRead::failed:
      return "failed";
  }
  return "";
}

void write_unified(const Folder& folder, const std::string& cgroup) {
  folder.make_folder(cgroup);
  folder.write(cgroup + "/cpu.stat", "usage_usec 1\nnr_periods 0\nthrottled_usec 2\n");
  folder.write(cgroup + "/cpu.pressure", "some avg10=0.00 total=3\nfull avg10=0.00 total=4\n");
  folder.write(cgroup + "/memory.pressure", "some avg10=0.00 total=5\nfull avg10=0.00 total=6\n");
  folder.write(cgroup + "/io.pressure", "some avg10=0.00 total=7\nfull avg10=0.00 total=8\n");
  folder.write(cgroup + "/memory.current", "900\n");
  folder.write(cgroup + "/memory.stat",
               "inactive_file 100\nactive_file 30\nslab_reclaimable 10\npgmajfault 11\n");
  folder.write(cgroup + "/memory.max", "max\n");
  folder.write(cgroup + "/memory.events", "oom 1\noom_kill 12\n");
  folder.write(cgroup + "/memory.events.local", "oom 1\noom_kill 10\n");
  folder.write(cgroup + "/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n");
}
const char* const kUnifiedText =
    "cpu 1000 2000, pressure 3000/4000 5000/6000 7000/8000, memory 900 800/40 none, kills 12, "
    "faults 11, disks 8:0,1,2,3,4";
const char* const kNothing =
    "cpu - -, pressure -/- -/- -/-, memory - -/- -, kills -, faults -, disks";
constexpr size_t kUnifiedFiles = 9;

START_TEST(unified) {
  Folder folder;
  write_unified(folder, "kubepods.slice/a");
  for (size_t fds_max : {0, 4, 1024}) {
    CgroupStatReader reader = opened({folder.path("")}, fds_max);
    ck_assert(reader.add(7, "/kubepods.slice/a"));
    CHECK_TEXT(read(reader, 7), kUnifiedText);
    CHECK_TEXT(read(reader, 7), kUnifiedText);
    ck_assert_uint_eq(reader.open_fds(), std::min(fds_max, kUnifiedFiles));
  }
}
END_TEST

START_TEST(only_what_is_wanted) {
  Folder folder;
  write_unified(folder, "a");
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(7, "a"));
  CHECK_TEXT(read(reader, 7, 0), kNothing);
  ck_assert(reader.add(8, "b"));
  CHECK_TEXT(read(reader, 8, 0), "gone");
  CHECK_TEXT(read(reader, 7, kStatCpu),
             "cpu 1000 2000, pressure -/- -/- -/-, memory - -/- -, kills -, faults -, disks");
  CHECK_TEXT(read(reader, 7, kStatPressure),
             "cpu - -, pressure 3000/4000 5000/6000 7000/8000, memory - -/- -, kills -, faults -, "
             "disks");
  CHECK_TEXT(read(reader, 7, kStatMemory),
             "cpu - -, pressure -/- -/- -/-, memory 900 -/- none, kills -, faults -, disks");
  CHECK_TEXT(read(reader, 7, kStatWorkingSet),
             "cpu - -, pressure -/- -/- -/-, memory 900 800/40 -, kills -, faults 11, disks");
  CHECK_TEXT(read(reader, 7, kStatMajorFaults),
             "cpu - -, pressure -/- -/- -/-, memory - -/40 -, kills -, faults 11, disks");
  CHECK_TEXT(
      read(reader, 7, kStatOomKills | kStatDisks),
      "cpu - -, pressure -/- -/- -/-, memory - -/- -, kills 12, faults -, disks 8:0,1,2,3,4");
}
END_TEST

void write_legacy(const Folder& folder, const std::string& cgroup, const char* recursive) {
  folder.make_folder("cpu,cpuacct/" + cgroup);
  folder.write("cpu,cpuacct/" + cgroup + "/cpuacct.usage", "21\n");
  folder.write("cpu,cpuacct/" + cgroup + "/cpu.stat", "nr_periods 0\nthrottled_time 22\n");
  folder.make_folder("memory/" + cgroup);
  folder.write("memory/" + cgroup + "/memory.usage_in_bytes", "900\n");
  folder.write("memory/" + cgroup + "/memory.limit_in_bytes", "9223372036854771712\n");
  folder.write("memory/" + cgroup + "/memory.stat",
               "inactive_file 1\nactive_file 1\npgmajfault 2\ntotal_inactive_file 200\n"
               "total_active_file 50\ntotal_pgmajfault 23\n");
  folder.write("memory/" + cgroup + "/memory.oom_control", "under_oom 0\noom_kill 24\n");
  folder.make_folder("blkio/" + cgroup);
  std::string blkio = "blkio/" + cgroup + "/blkio.throttle.";
  folder.write(blkio + "io_service_bytes" + recursive, "8:0 Read 31\n8:0 Write 32\nTotal 63\n");
  folder.write(blkio + "io_serviced" + recursive, "8:0 Read 33\n8:0 Write 34\nTotal 67\n");
}

START_TEST(legacy_and_hybrid) {
  Folder folder;
  write_legacy(folder, "docker/a", "_recursive");
  write_legacy(folder, "docker/old", "");
  std::string cpu = folder.path("cpu,cpuacct");
  CgroupStatMounts mounts{"", cpu, cpu, folder.path("memory"), folder.path("blkio")};
  const char* want =
      "cpu 21 22, pressure -/- -/- -/-, memory 900 700/50 none, kills 24, faults 23, "
      "disks 8:0,31,32,33,34";
  for (size_t fds_max : {0, 1024}) {
    CgroupStatReader reader = opened(mounts, fds_max);
    ck_assert(reader.add(1, "/docker/a") && reader.add(2, "/docker/old"));
    CHECK_TEXT(read(reader, 1), want);
    CHECK_TEXT(read(reader, 2), want);
  }
  // The controllers that v1 has are read there, whatever stands in the unified tree.
  write_unified(folder, "unified/docker/a");
  mounts.unified = folder.path("unified");
  CgroupStatReader hybrid = opened(mounts);
  ck_assert(hybrid.add(1, "/docker/a") && hybrid.add(2, "/docker/old"));
  CHECK_TEXT(read(hybrid, 1),
             "cpu 21 22, pressure 3000/4000 5000/6000 7000/8000, memory 900 700/50 none, kills 24, "
             "faults 23, disks 8:0,31,32,33,34");
  CHECK_TEXT(read(hybrid, 2), want);
  mounts.memory.clear();
  mounts.cpu.clear();
  CgroupStatReader mixed = opened(mounts);
  ck_assert(mixed.add(1, "/docker/a"));
  CHECK_TEXT(read(mixed, 1),
             "cpu 21 -, pressure 3000/4000 5000/6000 7000/8000, memory 900 800/40 none, kills 12, "
             "faults 11, disks 8:0,31,32,33,34");
}
END_TEST

START_TEST(gone) {
  Folder folder;
  write_unified(folder, "a");
  CgroupStatReader reader = opened({folder.path("")}, 0);
  CHECK_TEXT(read(reader, 7), "gone");
  ck_assert(reader.add(7, "/a") && reader.add(8, "/never"));
  CHECK_TEXT(read(reader, 8), "gone");
  CgroupStats last;
  ck_assert(reader.read(7, kStatAll, last) == CgroupRead::done);
  std::string away = folder.path("away");
  ck_assert_int_eq(rename(folder.path("a").c_str(), away.c_str()), 0);
  ck_assert(reader.read(7, kStatAll, last) == CgroupRead::gone);
  CHECK_TEXT(described(last), kUnifiedText);
  CHECK_TEXT(read(reader, 7, 0), "gone");
  // Another one of the same name is another one.
  write_unified(folder, "a");
  CHECK_TEXT(read(reader, 7), "gone");
  ck_assert(reader.add(7, "/a"));
  CHECK_TEXT(read(reader, 7), kUnifiedText);
  reader.remove(7);
  reader.remove(7);
  CHECK_TEXT(read(reader, 7), "gone");
  ck_assert_uint_eq(reader.cgroups(), 0);
}
END_TEST

// As each look at all cgroups does.
START_TEST(added_again) {
  Folder folder;
  write_unified(folder, "a");
  write_unified(folder, "b");
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(7, "/a"));
  CHECK_TEXT(read(reader, 7), kUnifiedText);
  ck_assert(reader.add(7, "/a"));
  ck_assert_uint_eq(reader.open_fds(), kUnifiedFiles);
  ck_assert(reader.add(7, "/b"));
  ck_assert_uint_eq(reader.open_fds(), 0);
}
END_TEST

START_TEST(one_hierarchy_lost) {
  Folder folder;
  write_legacy(folder, "a", "");
  CgroupStatReader reader = opened({"", "", "", folder.path("memory"), folder.path("blkio")}, 0);
  ck_assert(reader.add(7, "/a"));
  ck_assert(read(reader, 7) != "gone");
  ck_assert(read(reader, 7, kStatMemory) != "gone");
  ck_assert_int_eq(rename(folder.path("blkio/a").c_str(), folder.path("away").c_str()), 0);
  // It is told by what is asked for.
  ck_assert(read(reader, 7, kStatMemory) != "gone");
  CHECK_TEXT(read(reader, 7, kStatDisks), "gone");
  CHECK_TEXT(read(reader, 7), "gone");
  // Nothing tells of pressure here.
  CHECK_TEXT(read(reader, 7, kStatPressure), "gone");
  ck_assert(reader.add(7, "/a"));
  CHECK_TEXT(read(reader, 7, kStatPressure), kNothing);
}
END_TEST

// As most units of a hybrid host are in v2 alone: nothing that is kept of it is let go.
START_TEST(in_no_hierarchy_that_is_asked) {
  Folder folder;
  write_unified(folder, "unified/a");
  folder.make_folder("memory");
  CgroupStatReader reader = opened({folder.path("unified"), "", "", folder.path("memory"), ""});
  ck_assert(reader.add(7, "/a"));
  CHECK_TEXT(read(reader, 7, kStatMemory), "absent");
  CHECK_TEXT(read(reader, 7, kStatPressure),
             "cpu - -, pressure 3000/4000 5000/6000 7000/8000, memory - -/- -, kills -, faults -, "
             "disks");
  size_t open_fds = reader.open_fds();
  CHECK_TEXT(read(reader, 7, kStatMemory), "absent");
  ck_assert_uint_eq(reader.open_fds(), open_fds);
  ck_assert_int_eq(rename(folder.path("unified/a").c_str(), folder.path("away").c_str()), 0);
  CHECK_TEXT(read(reader, 7, kStatMemory), "gone");
  ck_assert_uint_eq(reader.open_fds(), 0);
}
END_TEST

START_TEST(what_is_absent_is_looked_for_again) {
  Folder folder;
  folder.make_folder("a");
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(7, "/a"));
  CHECK_TEXT(read(reader, 7), kNothing);
  write_unified(folder, "a");
  for (uint32_t reads = 1; reads < CgroupStatReader::kLookAgain; reads++)
    CHECK_TEXT(read(reader, 7), kNothing);
  CHECK_TEXT(read(reader, 7), kUnifiedText);
}
END_TEST

START_TEST(the_root) {
  Folder folder;
  folder.write("cpu.stat", "usage_usec 9\n");
  CgroupStatReader reader = opened({folder.path("")});
  for (const char* path : {"/", ""}) {
    ck_assert(reader.add(1, path));
    CHECK_TEXT(read(reader, 1, kStatCpu),
               "cpu 9000 -, pressure -/- -/- -/-, memory - -/- -, kills -, faults -, disks");
  }
}
END_TEST

START_TEST(no_hierarchy) {
  auto failure = [](const CgroupStatMounts& mounts) {
    Result<CgroupStatReader> reader = CgroupStatReader::open(mounts);
    return reader.ok() ? "" : reader.status().message();
  };
  CHECK_TEXT(failure({}), "no cgroup hierarchy is mounted here, mount the host's /sys/fs/cgroup");
  CHECK_TEXT(failure({"/none/there"}), "/none/there: No such file or directory");
  CHECK_TEXT(failure({"/none/there", "", "", "/tmp"}), "");
}
END_TEST

START_TEST(long_files_are_read_in_whole_lines) {
  Folder folder;
  std::string lines;
  uint64_t whole = 0;
  for (uint32_t minor = 0; minor < 2000; minor++) {
    lines += "8:" + std::to_string(minor) + " rbytes=1 wbytes=2 rios=3 wios=4\n";
    if (lines.size() <= CgroupStatReader::kFileBytesMax) whole = minor + 1;
  }
  folder.make_folder("a");
  folder.write("a/io.stat", lines);
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(7, "/a"));
  CgroupStats stats;
  ck_assert(reader.read(7, kStatDisks, stats) == CgroupRead::done);
  ck_assert_uint_eq(stats.disks.size() + stats.disks.more(), whole);
  // No line at all.
  folder.write("a/io.stat", std::string(20000, ' ') + "8:0 rbytes=1\n");
  ck_assert(reader.read(7, kStatDisks, stats) == CgroupRead::done);
  ck_assert_uint_eq(stats.disks.size(), 0);
}
END_TEST

size_t count_fds(bool to_children) {
  size_t count = 0;
  for (int fd = 3; fd < 4096; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (!to_children || (flags & FD_CLOEXEC) == 0)) count++;
  }
  return count;
}

START_TEST(descriptors_are_bounded) {
  Folder folder;
  size_t before = count_fds(false);
  size_t before_to_children = count_fds(true);
  {
    for (const char* name : {"a", "b", "c"})
      write_unified(folder, name);
    CgroupStatReader reader = opened({folder.path("")}, 2 * kUnifiedFiles);
    ck_assert(reader.add(1, "a") && reader.add(2, "b") && reader.add(3, "c"));
    for (uint64_t id : {1, 2, 3, 1, 2, 3})
      CHECK_TEXT(read(reader, id), kUnifiedText);
    ck_assert_uint_eq(reader.open_fds(), 2 * kUnifiedFiles);
    ck_assert_uint_eq(count_fds(false) - before, 2 * kUnifiedFiles + 1);
    ck_assert_uint_eq(count_fds(true), before_to_children);
    reader.remove(1);
    ck_assert_uint_eq(reader.open_fds(), kUnifiedFiles);
    CHECK_TEXT(read(reader, 3), kUnifiedText);
    ck_assert_uint_eq(reader.open_fds(), 2 * kUnifiedFiles);
    // The old ones of an id that is added again are closed.
    ck_assert(reader.add(3, "a"));
    ck_assert_uint_eq(reader.open_fds(), kUnifiedFiles);
  }
  ck_assert_uint_eq(count_fds(false), before);
  rlimit limit{20, 20};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(1, "a"));
  CHECK_TEXT(read(reader, 1), kUnifiedText);
  ck_assert_uint_eq(reader.open_fds(), 5);
}
END_TEST

START_TEST(out_of_descriptors) {
  Folder folder;
  write_unified(folder, "a");
  write_unified(folder, "b");
  CgroupStatReader reader = opened({folder.path("")});
  ck_assert(reader.add(1, "a") && reader.add(2, "b"));
  CHECK_TEXT(read(reader, 1), kUnifiedText);
  ck_assert_uint_eq(reader.open_fds(), kUnifiedFiles);
  rlimit limit{40, 40};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  auto take_all = [] {
    int last = -1;
    for (int taken = dup(0); taken >= 0; taken = dup(0))
      last = taken;
    ck_assert_int_eq(errno, EMFILE);
    return last;
  };
  take_all();
  // What is kept is still read, and makes room for what is not.
  CHECK_TEXT(read(reader, 1), kUnifiedText);
  ck_assert_uint_eq(reader.open_fds(), kUnifiedFiles);
  CHECK_TEXT(read(reader, 2), kUnifiedText);
  CHECK_TEXT(read(reader, 1), kUnifiedText);
  // All of them are taken by others.
  reader.remove(1);
  reader.remove(2);
  int last = take_all();
  ck_assert(reader.add(1, "a"));
  CgroupStats stats;
  stats.oom_kills = 99;
  ck_assert(reader.read(1, kStatAll, stats) == CgroupRead::failed);
  ck_assert_uint_eq(*stats.oom_kills, 99);
  close(last);
  CHECK_TEXT(read(reader, 1), "failed");  // a folder, but no file in it
  close(last - 1);
  CHECK_TEXT(read(reader, 1), kUnifiedText);
}
END_TEST

START_TEST(too_many_cgroups) {
  Folder folder;
  CgroupStatReader reader = opened({folder.path("")});
  for (uint64_t id = 1; id <= CgroupStatReader::kCgroupsMax; id++)
    ck_assert(reader.add(id, "/a"));
  ck_assert(!reader.add(5000, "/a"));
  ck_assert(reader.add(1, "/b"));
  reader.remove(1);
  ck_assert(reader.add(5000, "/a"));
}
END_TEST

// The real ones, each in a folder of our own, which is removed outside of the fork.
std::string own_name;

struct Real {
  std::string point;
  std::string path() const { return point + own_name; }
  bool has(const std::string& file) const {
    return !point.empty() && access((path() + "/" + file).c_str(), R_OK) == 0;
  }
  // As the kernel writes it, and as no parser of ours sees it.
  std::string text(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(path() + "/" + file).rdbuf();
    return text.str();
  }
  std::string word(const std::string& file, const std::string& key) const {
    std::istringstream words(text(file));
    std::string found;
    while (words >> found) {
      if (found == key && words >> found) return found;
    }
    return "-";
  }
};

struct RealTree {
  CgroupStatMounts mounts;
  Real unified, cpu, cpuacct, memory, blkio;
};

RealTree real_tree() {
  RealTree tree;
  Result<CgroupTree> found = CgroupTree::open();
  if (!found.ok()) return tree;
  const CgroupMounts& mounts = found.value().mounts();
  tree.mounts = {mounts.unified, mounts.cpu, mounts.cpuacct, mounts.memory, mounts.blkio};
  tree.unified.point = mounts.unified;
  tree.cpu.point = mounts.cpu;
  tree.cpuacct.point = mounts.cpuacct;
  tree.memory.point = mounts.memory;
  tree.blkio.point = mounts.blkio;
  return tree;
}

template <typename Do>
void each_point(const RealTree& tree, Do&& each) {
  for (const Real* real : {&tree.unified, &tree.cpu, &tree.cpuacct, &tree.memory, &tree.blkio})
    if (!real->point.empty()) each(*real);
}

// Prints why not.
bool make_real(const RealTree& tree) {
  bool made = false;
  bool refused = false;
  each_point(tree, [&](const Real& real) {
    bool done = mkdir(real.path().c_str(), 0755) == 0 || errno == EEXIST;
    if (!done) printf("skipped: %s: %s\n", real.path().c_str(), strerror(errno));
    (done ? made : refused) = true;
  });
  if (!made && !refused) printf("skipped: no cgroup hierarchy\n");
  return made && !refused;
}

void remove_real() {
  each_point(real_tree(), [](const Real& real) { rmdir(real.path().c_str()); });
}

constexpr size_t kAllocatedBytes = 32 << 20;
constexpr uint64_t kBurntNs = 200 * kNsPerMs;

// A process in them that has used the CPU and memory, and then does nothing.
pid_t start_worker(const RealTree& tree) {
  int ready[2];
  ck_assert_int_eq(pipe(ready), 0);
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid != 0) {
    close(ready[1]);
    char byte = 0;
    ck_assert_int_eq(::read(ready[0], &byte, 1), 1);
    close(ready[0]);
    ck_assert_int_eq(byte, 'y');
    return pid;
  }
  bool moved = true;
  each_point(tree, [&](const Real& real) {
    std::ofstream procs(real.path() + "/cgroup.procs");
    moved = (procs << "0" << std::flush).good() && moved;
  });
  std::string allocated(kAllocatedBytes, 'x');
  while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < kBurntNs)
    continue;
  ck_assert_int_eq(write(ready[1], moved ? "y" : "n", 1), 1);
  for (;;)
    pause();
}

std::string ns_of_us(const std::string& us) {
  return us == "-" ? us : std::to_string(strtoull(us.c_str(), nullptr, 10) * 1000);
}

// The same line that described() makes of what was read, but for pressure and disks.
std::string independent(const RealTree& tree) {
  std::string out = "cpu ";
  bool legacy_cpu = !tree.cpu.point.empty() || !tree.cpuacct.point.empty();
  if (legacy_cpu) {
    std::string usage = tree.cpuacct.text("cpuacct.usage");
    out += (usage.empty() ? "-" : usage.substr(0, usage.find('\n'))) + " " +
           tree.cpu.word("cpu.stat", "throttled_time");
  } else {
    out += ns_of_us(tree.unified.word("cpu.stat", "usage_usec")) + " " +
           ns_of_us(tree.unified.word("cpu.stat", "throttled_usec"));
  }
  bool legacy = !tree.memory.point.empty();
  const Real& memory = legacy ? tree.memory : tree.unified;
  std::string usage = memory.text(legacy ? "memory.usage_in_bytes" : "memory.current");
  std::string limit = memory.text(legacy ? "memory.limit_in_bytes" : "memory.max");
  std::string inactive =
      memory.word("memory.stat", legacy ? "total_inactive_file" : "inactive_file");
  if (usage.empty()) return out + " memory - -/- -, kills -, faults -";
  uint64_t bytes = strtoull(usage.c_str(), nullptr, 10);
  auto number = [&](const char* key) {
    return strtoull(memory.word("memory.stat", key).c_str(), nullptr, 10);
  };
  uint64_t reclaimable =
      legacy ? number("total_active_file") : number("active_file") + number("slab_reclaimable");
  uint64_t working_set = bytes - strtoull(inactive.c_str(), nullptr, 10);
  out += " memory " + std::to_string(bytes) + " " + std::to_string(working_set) + "/" +
         std::to_string(reclaimable) + " " +
         (limit == "max\n" || limit == "9223372036854771712\n" ? "none" : limit);
  out += ", kills " + memory.word(legacy ? "memory.oom_control" : "memory.events", "oom_kill");
  out += ", faults " + memory.word("memory.stat", legacy ? "total_pgmajfault" : "pgmajfault");
  return out;
}

std::string without_pressure_and_disks(std::string text) {
  size_t pressure = text.find(", pressure");
  text.erase(pressure, text.find(", memory") + 1 - pressure);
  return text.substr(0, text.find(", disks"));
}

void check_real(size_t fds_max) {
  RealTree tree = real_tree();
  if (!make_real(tree)) return;
  pid_t worker = start_worker(tree);
  CgroupStatReader reader = opened(tree.mounts, fds_max);
  ck_assert(reader.add(7, own_name));
  // The kernel sums up late what each CPU has counted: until it says the same twice.
  std::string before, got, after;
  CgroupStats stats;
  for (int attempt = 0; attempt < 50; attempt++) {
    before = independent(tree);
    ck_assert(reader.read(7, kStatAll, stats) == CgroupRead::done);
    after = independent(tree);
    if (before == after) break;
    usleep(100000);
  }
  CHECK_TEXT(before, after);
  CHECK_TEXT(without_pressure_and_disks(described(stats)), before);
  ck_assert_uint_ge(stats.cpu_usage_ns.value_or(kBurntNs), kBurntNs / 2);
  ck_assert_uint_ge(stats.memory_usage_bytes.value_or(kAllocatedBytes), kAllocatedBytes);
  ck_assert_uint_ge(stats.memory_working_set_bytes.value_or(kAllocatedBytes), kAllocatedBytes);
  ck_assert(stats.pressure[kPressureOnCpu].waiting_ns.has_value() ==
            (tree.unified.text("cpu.pressure").find("some") == 0));
  ck_assert_uint_eq(reader.open_fds() > 0, fds_max > 0);

  // A new one takes its place.
  kill(worker, SIGKILL);
  waitpid(worker, nullptr, 0);
  CgroupStats last = stats;
  each_point(tree, [](const Real& real) {
    // Its process may not be all gone yet.
    for (int attempt = 0; attempt < 100 && rmdir(real.path().c_str()) != 0; attempt++) {
      ck_assert_msg(errno == EBUSY || errno == ENOENT, "%s", strerror(errno));
      if (errno == ENOENT) break;  // two controllers in one hierarchy
      usleep(10000);
    }
  });
  ck_assert(reader.read(7, kStatAll, stats) == CgroupRead::gone);
  ck_assert_uint_eq(reader.open_fds(), 0);
  CHECK_TEXT(described(stats), described(last));
  ck_assert(make_real(tree));
  ck_assert(reader.read(7, kStatAll, stats) == CgroupRead::gone);
  ck_assert(reader.add(7, own_name));
  ck_assert(reader.read(7, kStatAll, stats) == CgroupRead::done);
  ck_assert_uint_lt(stats.cpu_usage_ns.value_or(0), kBurntNs / 2);
}

START_TEST(real_kept_open) {
  check_real(CgroupStatReader::kFdsMax);
}
END_TEST

START_TEST(real_opened_each_time) {
  check_real(0);
}
END_TEST

// One process too large for its limit.
START_TEST(real_oom_kill) {
  RealTree tree = real_tree();
  if (!make_real(tree)) return;
  bool legacy = !tree.memory.point.empty();
  const Real& memory = legacy ? tree.memory : tree.unified;
  const char* events = legacy ? "memory.oom_control" : "memory.events";
  std::string limit = memory.path() + (legacy ? "/memory.limit_in_bytes" : "/memory.max");
  if (!memory.has(events) || !(std::ofstream(limit) << (8 << 20) << std::flush).good()) {
    printf("skipped: %s: no memory controller\n", memory.path().c_str());
    return;
  }
  CgroupStatReader reader = opened(tree.mounts);
  ck_assert(reader.add(7, own_name));
  CgroupStats stats;
  ck_assert(reader.read(7, kStatAll, stats) == CgroupRead::done);
  CHECK_TEXT(told(stats.oom_kills), "0");
  CHECK_TEXT(told(stats.memory_limit_bytes), "8388608");
  pid_t pid = fork();
  ck_assert_int_ge(pid, 0);
  if (pid == 0) {
    std::ofstream(memory.path() + "/cgroup.procs") << "0" << std::flush;
    std::string allocated(64 << 20, 'x');
    _exit(allocated[7] == 'x' ? 0 : 1);
  }
  int status = 0;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(reader.read(7, kStatOomKills, stats) == CgroupRead::done);
  CHECK_TEXT(told(stats.oom_kills), memory.word(events, "oom_kill"));
  bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  CHECK_TEXT(told(stats.oom_kills), killed ? "1" : "0");
  if (!killed) printf("skipped: an OOM kill: this machine has swap\n");
}
END_TEST

START_TEST(real_cpu_limit) {
  RealTree tree = real_tree();
  if (!make_real(tree)) return;
  bool legacy = !tree.cpu.point.empty();
  const Real& cpu = legacy ? tree.cpu : tree.unified;
  std::string file = cpu.path() + (legacy ? "/cpu.cfs_quota_us" : "/cpu.max");
  CgroupStatReader reader = opened(tree.mounts);
  ck_assert(reader.add(7, own_name));
  CgroupStats stats;
  if (!cpu.has(legacy ? "cpu.cfs_quota_us" : "cpu.max") ||
      !(std::ofstream(file) << "30000" << std::flush).good()) {
    printf("skipped: %s: no cpu controller\n", cpu.path().c_str());
    return;
  }
  ck_assert(reader.read(7, kStatCpuLimit, stats) == CgroupRead::done);
  CHECK_TEXT(told(stats.cpu_quota_us) + " of " + told(stats.cpu_period_us), "30000 of 100000");
  ck_assert((std::ofstream(file) << (legacy ? "-1" : "max") << std::flush).good());
  ck_assert(reader.read(7, kStatCpuLimit, stats) == CgroupRead::done);
  CHECK_TEXT(told(stats.cpu_quota_us) + " of " + told(stats.cpu_period_us), "- of 100000");
}
END_TEST

}  // namespace

int main() {
  own_name = "/kubepulse-cgroup-stats-test." + std::to_string(getpid());
  Suite* suite = suite_create("cgroup_stats");
  TCase* cases = tcase_create("cgroup_stats");
  tcase_set_timeout(cases, 20);
  for (const TTest* test :
       {unified, only_what_is_wanted, legacy_and_hybrid, gone, added_again, one_hierarchy_lost,
        in_no_hierarchy_that_is_asked, what_is_absent_is_looked_for_again, the_root, no_hierarchy,
        long_files_are_read_in_whole_lines, descriptors_are_bounded, out_of_descriptors,
        too_many_cgroups, real_kept_open, real_opened_each_time, real_oom_kill, real_cpu_limit}) {
    tcase_add_test(cases, test);
  }
  suite_add_tcase(suite, cases);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  remove_real();
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
