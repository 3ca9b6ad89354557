#include "collect/filesystems.h"

#include <pthread.h>
#include <sys/statvfs.h>

#include <memory>

#include "tests/captured_log.h"
#include "tests/check.h"
#include "tests/file_systems.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr FilesystemPace kQuick = {0, 400 * kNsPerMs, 400 * kNsPerMs, 1000 * kNsPerMs};

// What becomes of the helpers that are started from here on, in their order: a signal that each
// sends itself before it does anything, 0 for none. The last counts for all that follow.
std::vector<int> fates;  // NOLINT
size_t forks;            // NOLINT

void meet_fate() {
  if (fates.empty()) return;
  int signal = fates[std::min(forks, fates.size()) - 1];
  if (signal != 0) raise(signal);
}

void set_fates(std::vector<int> signals) {
  fates = std::move(signals);
  forks = 0;
  pthread_atfork([] { forks++; }, nullptr, meet_fate);
}

// A tree like /proc, whose processes all have this one's root.
class Proc {
 public:
  uint32_t add(const std::string& mountinfo) {
    std::string pid = std::to_string(++last_);
    folder_.make_folder(pid + "/ns");
    folder_.write(pid + "/ns/mnt", "");
    folder_.write(pid + "/mountinfo", mountinfo);
    ck_assert_int_eq(symlink("/", folder_.path(pid + "/root").c_str()), 0);
    return last_;
  }
  void remove(uint32_t pid) const {
    ck_assert_int_eq(unlink(folder_.path(std::to_string(pid) + "/mountinfo").c_str()), 0);
  }
  std::string root() const { return folder_.path("."); }
  std::string make_folder(const std::string& name) const { return folder_.make_folder(name); }
  std::string write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text);
  }

  // A line of mountinfo.
  static std::string mount(const std::string& point, const std::string& device) {
    return mount_id(point) + " 1 " + device + " / " + point + " rw - ext4 x rw\n";
  }

 private:
  Folder folder_;
  uint32_t last_ = 100;
};

struct Node {
  explicit Node(FilesystemPace pace = kQuick) : loop(std::move(Loop::create().value())) {
    filesystems = std::make_unique<Filesystems>(loop, proc.root(), pace);
  }
  // Owners are 1, 2, ... in the order of `pids`.
  void begin(const std::vector<uint32_t>& pids) {
    std::vector<FilesystemOwner> owners;
    for (uint32_t pid : pids)
      owners.push_back({owners.size() + 1, pid});
    filesystems->refresh(std::move(owners));
    ck_assert(!filesystems->due());
  }
  void round(const std::vector<uint32_t>& pids) {
    begin(pids);
    turn_until([this] { return filesystems->due(); });
  }
  template <typename Done>
  void turn_until(Done&& done) {
    for (int i = 0; i < 3000 && !done(); i++)
      CHECK_OK(loop.turn(10));
    ck_assert(done());
  }
  std::string points(uint64_t owner) {
    std::string text;
    for (const Filesystem& filesystem : filesystems->of(owner)) {
      ck_assert_uint_gt(filesystem.size.capacity_bytes, 0);
      text += filesystem.point + " ";
    }
    return text;
  }
  void let_helpers_end() {
    turn_until([this] { return filesystems->counts().helpers_ended == 0; });
  }

  Proc proc;
  Loop loop;
  std::unique_ptr<Filesystems> filesystems;
};

START_TEST(of_ourselves) {
  Loop loop = std::move(Loop::create().value());
  Filesystems filesystems(loop, "/proc", kQuick);
  auto mounts = read_mounts("/proc", static_cast<uint32_t>(getpid()));
  CHECK_OK(mounts.ok() ? Status() : mounts.status());
  ck_assert(filesystems.due());
  uint64_t began_ns = monotonic_ns();
  filesystems.refresh({{7, static_cast<uint32_t>(getpid())}});
  ck_assert(filesystems.of(7).empty() && filesystems.told_ns() == 0);
  while (!filesystems.due())
    CHECK_OK(loop.turn(100));
  for (const Filesystem& filesystem : filesystems.of(7)) {
    struct statvfs want {};
    ck_assert_int_eq(statvfs(filesystem.point.c_str(), &want), 0);
    ck_assert_uint_eq(filesystem.size.capacity_bytes, uint64_t{want.f_blocks} * want.f_frsize);
  }
  ck_assert_uint_ge(filesystems.told_ns(), began_ns);
  ck_assert_uint_le(filesystems.told_ns(), monotonic_ns());
  bool has_root = false;
  for (const Mount& mount : mounts.value().mounts)
    has_root |= mount.point == "/";
  if (has_root) ck_assert(!filesystems.of(7).empty());
  ck_assert(filesystems.of(8).empty());
}
END_TEST

START_TEST(what_is_shown) {
  Node node;
  std::string file = node.proc.write("file", ""), folder = node.proc.make_folder("a folder");
  std::string escaped = folder;
  escaped.replace(escaped.find(' '), 1, "\\040");
  std::string id = mount_id("/");
  uint32_t app = node.proc.add(Proc::mount("/", "8:1") + Proc::mount(file, "8:2") + id +
                               " 1 8:3 / " + escaped + " rw - ext4 x rw\n" + id +
                               " 1 8:4 / /no/such/folder rw - ext4 x rw\n1" + id +
                               " 1 8:5 / /tmp rw - ext4 x rw\n");
  uint32_t empty = node.proc.add("");
  node.round({app, empty, 9999});
  CHECK_TEXT(node.points(1), "/ " + folder + " ");
  ck_assert_uint_eq(node.filesystems->of(1)[1].device, uint64_t{8} << 32 | 3);
  CHECK_TEXT(node.points(2), "");
  CHECK_TEXT(node.points(3), "");
  FilesystemCounts counts = node.filesystems->counts();
  ck_assert(counts.timeouts == 0 && counts.unread == 0 && counts.left_out == 0 &&
            counts.stuck == 0);
  node.let_helpers_end();
}
END_TEST

START_TEST(rounds) {
  FilesystemPace pace = kQuick;
  pace.pause_ns = 200 * kNsPerMs;
  Node node(pace);
  uint32_t first = node.proc.add(Proc::mount("/", "8:1"));
  uint32_t second = node.proc.add(Proc::mount("/", "8:1"));
  uint64_t began_ns = monotonic_ns();
  node.round({first, second});
  ck_assert_uint_ge(monotonic_ns() - began_ns, pace.pause_ns);
  CHECK_TEXT(node.points(1), "/ ");
  CHECK_TEXT(node.points(2), "/ ");
  node.begin({first});
  CHECK_TEXT(node.points(2), "/ ");  // until the round has ended
  node.filesystems->refresh({});     // it is not due
  node.turn_until([&] { return node.filesystems->due(); });
  CHECK_TEXT(node.points(1), "/ ");
  CHECK_TEXT(node.points(2), "");
  node.proc.remove(first);  // the process is gone
  node.round({first});
  CHECK_TEXT(node.points(1), "");
  node.round({});
  CHECK_TEXT(node.points(1), "");
}
END_TEST

START_TEST(many_owners) {
  Node node;
  std::string text;
  for (int i = 0; i < 20; i++)
    text += Proc::mount(node.proc.make_folder("f" + std::to_string(i)), "8:" + std::to_string(i));
  std::vector<uint32_t> pids;
  for (int i = 0; i < 50; i++)
    pids.push_back(node.proc.add(text));
  node.round(pids);
  for (uint64_t owner = 1; owner <= 50; owner++)
    ck_assert_uint_eq(node.filesystems->of(owner).size(), kMountsMax);
  ck_assert_uint_eq(node.filesystems->counts().left_out, 200);
}
END_TEST

// Without FUSE and without root: the first helper stops before it does anything.
START_TEST(a_helper_that_does_not_answer) {
  Node node;
  CapturedLog log;
  set_fates({SIGSTOP, 0});
  std::string inner = node.proc.make_folder("inner");
  uint32_t app = node.proc.add(Proc::mount("/tmp", "8:1") + Proc::mount("/", "8:2"));
  uint32_t same = node.proc.add(Proc::mount("/tmp", "8:1"));
  uint32_t other = node.proc.add(Proc::mount("/", "8:2"));
  uint64_t began_ns = monotonic_ns();
  int beats = 0;
  std::function<void()> beat = [&] {
    beats++;
    node.loop.after(10 * kNsPerMs, beat);
  };
  beat();
  node.round({app, same, other});
  ck_assert_uint_ge(monotonic_ns() - began_ns, kQuick.patience_ns);
  ck_assert_int_ge(beats, 10);
  CHECK_TEXT(node.points(1), "/ ");
  CHECK_TEXT(node.points(2), "");
  CHECK_TEXT(node.points(3), "/ ");
  ck_assert_uint_eq(forks, 2);
  ck_assert_uint_eq(node.filesystems->counts().timeouts, 1);
  ck_assert_uint_eq(node.filesystems->counts().stuck, 1);
  std::string told =
      "{\"level\":\"warn\",\"msg\":\"a file system does not answer, and is left alone for a "
      "while\",\"mountpoint\":\"/tmp\",\"pid\":101}\n";
  CHECK_TEXT(log.text(), told);
  // It is left alone...
  node.round({app, same, other});
  CHECK_TEXT(node.points(2), "");
  ck_assert_uint_eq(node.filesystems->counts().timeouts, 1);
  // ... for a while.
  node.turn_until([&] { return node.filesystems->counts().stuck == 0; });
  node.round({app, same, other});
  CHECK_TEXT(node.points(1), "/tmp / ");
  CHECK_TEXT(node.points(2), "/tmp ");
  CHECK_TEXT(
      log.text(),
      told +
          "{\"level\":\"info\",\"msg\":\"a file system answers again\",\"mountpoint\":\"/tmp\"}\n");
  node.let_helpers_end();
}
END_TEST

START_TEST(longer_and_longer) {
  Node node({0, 50 * kNsPerMs, 100 * kNsPerMs, 400 * kNsPerMs});
  CapturedLog log;
  set_fates({SIGSTOP});
  uint32_t app = node.proc.add(Proc::mount("/", "8:1"));
  for (uint64_t pause_ms : {100, 200, 400, 400, 400}) {
    node.round({app});
    uint64_t since_ns = monotonic_ns();
    ck_assert_uint_eq(node.filesystems->counts().stuck, 1);
    node.turn_until([&] { return node.filesystems->counts().stuck == 0; });
    uint64_t took_ms = (monotonic_ns() - since_ns) / kNsPerMs;
    ck_assert_uint_ge(took_ms + 50, pause_ms);  // the end of the round took a part
    ck_assert_uint_lt(took_ms, 2 * pause_ms);
  }
  ck_assert_uint_eq(node.filesystems->counts().timeouts, 5);
}
END_TEST

START_TEST(what_lies_below) {
  Node node;
  CapturedLog log;
  set_fates({SIGSTOP, 0});
  std::string outer = node.proc.make_folder("outer"), inner = node.proc.make_folder("outer/inner");
  uint32_t app = node.proc.add(Proc::mount(outer, "8:1") + Proc::mount(inner, "8:2"));
  uint32_t other = node.proc.add(Proc::mount(inner, "8:2"));
  for (int i = 0; i < 2; i++) {
    node.round({app, other});
    CHECK_TEXT(node.points(1), "");
    CHECK_TEXT(node.points(2), inner + " ");
  }
  ck_assert_uint_eq(node.filesystems->counts().timeouts, 1);
}
END_TEST

START_TEST(a_helper_that_is_killed) {
  Node node;
  set_fates({SIGKILL, 0});
  std::string folder = node.proc.make_folder("folder");
  uint32_t app = node.proc.add(Proc::mount("/tmp", "8:1") + Proc::mount("/", "8:2") +
                               Proc::mount(folder, "8:3"));
  node.round({app});
  CHECK_TEXT(node.points(1), "/ " + folder + " ");
  ck_assert_uint_eq(node.filesystems->counts().timeouts, 0);
  ck_assert_uint_eq(node.filesystems->counts().stuck, 0);
  set_fates({SIGKILL});  // each of them
  node.round({app});
  CHECK_TEXT(node.points(1), "");
  node.let_helpers_end();
}
END_TEST

START_TEST(ends_at_any_time) {
  for (int turns = 0; turns < 4; turns++) {
    Node node;
    set_fates({turns % 2 == 0 ? SIGSTOP : 0});
    node.begin({node.proc.add(Proc::mount("/", "8:1"))});
    for (int i = 0; i < turns; i++)
      CHECK_OK(node.loop.turn(10));
    node.filesystems.reset();
    CHECK_OK(node.loop.turn(10));
  }
}
END_TEST

void skip() {
  puts("skipped: FUSE takes root, and a kernel that has it");
}

// A server that is dead, as NFS's may be: the kernel does not even let go of who is killed.
START_TEST(a_dead_server) {
  Node node;
  CapturedLog log;
  StuckMount server;
  std::string dead = node.proc.make_folder("dead"), memory = node.proc.make_folder("memory");
  if (!enter_mount_namespace() || !server.open(dead)) return skip();
  mount_memory(memory, 1 << 20);
  uint32_t app = node.proc.add(Proc::mount(dead, "0:99") + Proc::mount(memory, "0:98"));
  uint32_t other = node.proc.add(Proc::mount("/", "8:1") + Proc::mount(dead, "0:99"));
  node.round({app, other});
  CHECK_TEXT(node.points(1), memory + " ");
  ck_assert_uint_eq(node.filesystems->of(1)[0].size.capacity_bytes, 1 << 20);
  CHECK_TEXT(node.points(2), "/ ");
  FilesystemCounts counts = node.filesystems->counts();
  ck_assert_uint_eq(counts.timeouts, 1);
  ck_assert_uint_eq(counts.stuck, 1);
  // The others of the round have ended by now, or will.
  for (int i = 0; i < 20; i++)
    CHECK_OK(node.loop.turn(10));
  ck_assert_uint_eq(node.filesystems->counts().helpers_ended, 1);
  server.end();
  node.let_helpers_end();
  umount2(dead.c_str(), MNT_DETACH);
  umount2(memory.c_str(), MNT_DETACH);
}
END_TEST

START_TEST(many_dead_servers) {
  constexpr size_t kServers = Filesystems::kEndedMax + 1;
  FilesystemPace pace = kQuick;
  pace.stuck_ns_min = pace.stuck_ns_max = 60 * kNsPerSecond;
  Node node(pace);
  CapturedLog log;
  StuckMount servers[kServers];
  if (!enter_mount_namespace()) return skip();
  uint32_t alive = node.proc.add(Proc::mount("/", "8:1"));
  std::vector<uint32_t> pids = {alive};
  std::vector<std::string> points;
  for (size_t i = 0; i < kServers; i++) {
    points.push_back(node.proc.make_folder("dead" + std::to_string(i)));
    if (!servers[i].open(points[i])) return skip();
    pids.push_back(node.proc.add(Proc::mount(points[i], "0:" + std::to_string(90 + i))));
  }
  pids.push_back(alive);
  node.round(pids);
  FilesystemCounts counts = node.filesystems->counts();
  ck_assert_uint_eq(counts.timeouts, Filesystems::kEndedMax);
  ck_assert_uint_eq(counts.helpers_ended, Filesystems::kEndedMax);
  ck_assert_uint_eq(counts.unread, 2);  // the fifth, and who comes after it
  CHECK_TEXT(node.points(1), "/ ");
  CHECK_TEXT(node.points(kServers + 2), "");
  std::string said = log.text();
  // Nobody is left to ask: what was known is known no more, and it is said once.
  for (int i = 0; i < 2; i++)
    node.round({alive});
  CHECK_TEXT(node.points(1), "");
  ck_assert_uint_eq(node.filesystems->counts().unread, 4);
  CHECK_TEXT(log.text(), said);
  CHECK_TEXT(said.substr(said.rfind("{\"level\"")),
             "{\"level\":\"warn\",\"msg\":\"file systems are not read\",\"error\":\"4 helper "
             "processes hang in file systems that do not answer\"}\n");
  servers[0].end();
  node.turn_until([&] { return node.filesystems->counts().helpers_ended == 3; });
  node.round({alive});
  CHECK_TEXT(node.points(1), "/ ");
  // It ends although three are still held.
  node.filesystems.reset();
  for (size_t i = 0; i < kServers; i++) {
    servers[i].end();
    umount2(points[i].c_str(), MNT_DETACH);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("filesystems", of_ourselves, what_is_shown, rounds, many_owners,
           a_helper_that_does_not_answer, longer_and_longer, what_lies_below,
           a_helper_that_is_killed, ends_at_any_time, a_dead_server, many_dead_servers)
