#include "collect/node_stats.h"

#include <sys/statvfs.h>

#include "base/file.h"
#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/file_systems.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kTick = 10 * kNsPerSecond;

std::string told(const NodeRoom& room) {
  return std::to_string(room.used) + "/" + std::to_string(room.whole);
}

std::string told(const std::optional<uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

std::string told(const NodeState& state) {
  std::string out;
  for (const PressureTimes& pressure : state.pressure)
    out += told(pressure.waiting_ns) + " " + told(pressure.stalled_ns) + ", ";
  return out + "memory " + told(state.memory) + ", pids " + told(state.pids);
}

void write_node(const Folder& folder) {
  for (const char* name : {"pressure", "sys/kernel"})
    folder.make_folder(name);
  folder.write("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  folder.write("pressure/memory", "some avg10=0.00 total=2\nfull avg10=0.00 total=3\n");
  folder.write("pressure/io", "some avg10=0.00 total=4\nfull avg10=0.00 total=5\n");
  folder.write("meminfo",
               "MemTotal:        2030424 kB\nMemFree:          109900 kB\n"
               "MemAvailable:    1030424 kB\nBuffers:           52232 kB\n");
  folder.write("loadavg", "0.20 0.18 0.12 3/812 11206\n");
  folder.write("sys/kernel/pid_max", "32768\n");
  folder.write("sys/kernel/threads-max", "15731\n");
}
const char* const kWritten =
    "1000 -, 2000 3000, 4000 5000, memory 1024000000/2079154176, pids 812/15731";

// By then the helper has answered, and ended.
const NodeState& read_with_disk(NodeStats& node, uint64_t& now_ns) {
  for (int i = 0; i < 3000; i++) {
    const NodeState& state = node.read(now_ns++);
    if (state.disk.whole > 0) return state;
    usleep(1000);
  }
  ck_abort_msg("no answer of the disk");
}

START_TEST(meminfo) {
  auto memory = [](std::string_view text) { return told(parse_meminfo(text)); };
  CHECK_TEXT(memory("MemTotal: 10 kB\nMemAvailable: 4 kB\n"), "6144/10240");
  // Read while it changes.
  CHECK_TEXT(memory("MemTotal: 10 kB\nMemAvailable: 11 kB\n"), "0/10240");
  for (const char* text :
       {"", "MemTotal: 10 kB\n", "MemTotal: 10\nMemAvailable: 4 kB\n", "MemTotal 10 kB",
        "MemTotal: 10 kB\nMemAvailable: 99999999999999999999 kB\n",
        "MemTotal: 10 kB\nMemAvailable: 18014398509481984 kB\n"})
    CHECK_TEXT(memory(text), "0/0");
}
END_TEST

START_TEST(threads) {
  CHECK_TEXT(told(parse_threads("0.20 0.18 0.12 1/80 11206\n")), "80");
  for (const char* text : {"", "0.20 0.18 0.12", "1 2 3 4 5", "1 2 3 4/ 5", "1 2 3 4/-1 5"})
    CHECK_TEXT(told(parse_threads(text)), "-");
}
END_TEST

START_TEST(whole_node) {
  Folder folder;
  write_node(folder);
  NodeStats node(folder.path(""));
  CHECK_TEXT(told(node.read(kT)), kWritten);
  ck_assert_uint_ge(node.read(kT).cpus, 1);
  // What changes is seen in the file that is open.
  folder.write("pressure/io", "some avg10=0.00 total=4\nfull avg10=0.00 total=6\n");
  folder.write("sys/kernel/pid_max", "4096\n");
  CHECK_TEXT(told(node.read(kT)),
             "1000 -, 2000 3000, 4000 6000, memory 1024000000/2079154176, pids 812/4096");
}
END_TEST

START_TEST(what_is_missing) {
  Folder folder;
  NodeStats nothing(folder.path(""));
  CHECK_TEXT(told(nothing.read(kT)), "- -, - -, - -, memory 0/0, pids 0/0");
  write_node(folder);
  unlink(folder.path("sys/kernel/threads-max").c_str());
  unlink(folder.path("pressure/memory").c_str());
  CHECK_TEXT(told(NodeStats(folder.path("")).read(kT)),
             "1000 -, - -, 4000 5000, memory 1024000000/2079154176, pids 812/32768");
}
END_TEST

START_TEST(disk_of_the_kubelet) {
  Folder folder;
  std::string kubelet = folder.make_folder("1/root/var/lib/kubelet");
  NodeStats node(folder.path(""));
  uint64_t now_ns = kT;
  ck_assert_uint_eq(node.read(now_ns).disk.whole, 0);  // it is never waited for
  const NodeState& state = read_with_disk(node, now_ns);
  struct statvfs want {};
  ck_assert_int_eq(statvfs(kubelet.c_str(), &want), 0);
  ck_assert_uint_eq(state.disk.whole, uint64_t{want.f_blocks} * want.f_frsize);
  ck_assert_uint_le(state.disk.used, state.disk.whole);
  ck_assert_uint_ge(state.disk.used, uint64_t{want.f_blocks - want.f_bfree} * want.f_frsize / 2);
  ck_assert_uint_eq(state.inodes.whole, want.f_files);
  ck_assert_uint_le(state.inodes.used, state.inodes.whole);
}
END_TEST

// Other filesystems are told one by one.
START_TEST(without_a_kubelet) {
  Folder folder;
  CapturedLog log;  // the clock runs ahead of the helper
  folder.make_folder("1/root");
  NodeStats node(folder.path(""));
  uint64_t now_ns = kT;
  for (int ticks = 0; ticks < 50; ticks++, now_ns += kTick) {
    const NodeState& state = node.read(now_ns);
    ck_assert(state.disk.whole == 0 && state.inodes.whole == 0);
    usleep(1000);
  }
  folder.make_folder("1/root/var/lib/kubelet");
  while (node.read(now_ns).disk.whole == 0) {
    now_ns += NodeStats::kDiskPauseNs;
    usleep(1000);
  }
}
END_TEST

// Nobody may look at init, or it is not there.
START_TEST(disk_as_we_see_it) {
  Folder folder;
  folder.make_folder(std::to_string(getpid()) + "/root/var/lib/kubelet");
  NodeStats node(folder.path(""));
  uint64_t now_ns = kT;
  read_with_disk(node, now_ns);
}
END_TEST

START_TEST(disk_is_forgotten) {
  Folder folder;
  CapturedLog log;  // the clock runs ahead of the helper
  std::string kubelet = folder.make_folder("1/root/var/lib/kubelet");
  NodeStats node(folder.path(""));
  uint64_t now_ns = kT;
  read_with_disk(node, now_ns);
  rmdir(kubelet.c_str());
  uint64_t answered_ns = now_ns;
  for (; now_ns < answered_ns + NodeStats::kDiskKeptNs - kTick; now_ns += kTick)
    ck_assert_uint_gt(node.read(now_ns).disk.whole, 0);
  ck_assert_uint_eq(node.read(answered_ns + NodeStats::kDiskKeptNs + kTick).disk.whole, 0);
}
END_TEST

// Whoever asked it hangs; nobody waits for him.
START_TEST(a_dead_server) {
  Folder folder;
  CapturedLog log;
  StuckMount server;
  std::string dead = folder.make_folder("1/root/var/lib/kubelet");
  if (!enter_mount_namespace() || !server.open(dead)) {
    puts("skipped: FUSE takes root, and a kernel that has it");
    return;
  }
  NodeStats node(folder.path(""));
  uint64_t now_ns = kT;
  for (int ticks = 0; ticks < 100; ticks++, now_ns += kTick)
    ck_assert_uint_eq(node.read(now_ns).disk.whole, 0);
  ck_assert(log.text().find("the node's disk does not answer") != std::string::npos);
  server.end();
  umount2(dead.c_str(), MNT_DETACH);
  while (node.read(now_ns).disk.whole == 0) {
    now_ns += NodeStats::kDiskPauseNs;
    usleep(1000);
  }
}
END_TEST

START_TEST(this_node) {
  NodeStats node("/proc");
  const NodeState& state = node.read(kT);
  std::string pressure = "/proc/pressure/memory";
  ck_assert(state.pressure[kPressureOnMemory].stalled_ns.has_value() ==
            (access(pressure.c_str(), R_OK) == 0));
  ck_assert_uint_gt(state.memory.used, 0);
  ck_assert_uint_gt(state.memory.whole, state.memory.used);
  ck_assert_uint_eq(state.memory.whole % 1024, 0);
  ck_assert_uint_gt(state.pids.used, 1);
  ck_assert_uint_gt(state.pids.whole, state.pids.used);
  ck_assert_uint_ge(state.cpus, 1);
}
END_TEST

}  // namespace

CHECK_MAIN("node_stats", meminfo, threads, whole_node, what_is_missing, disk_of_the_kubelet,
           without_a_kubelet, disk_as_we_see_it, disk_is_forgotten, a_dead_server, this_node)
