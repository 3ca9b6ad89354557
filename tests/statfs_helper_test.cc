#include "collect/statfs_helper.h"

#include <dirent.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "tests/check.h"
#include "tests/file_systems.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

std::unique_ptr<StatfsHelper> new_helper(const std::string& proc_root = "/proc") {
  auto started = StatfsHelper::start(proc_root);
  CHECK_OK(started.ok() ? Status() : started.status());
  return std::move(started.value());
}

StatfsAnswer next_answer(StatfsHelper& helper) {
  StatfsAnswer answer;
  for (int i = 0; i < 3000; i++) {
    StatfsHelper::Got got = helper.take(answer);
    if (got == StatfsHelper::Got::answer) return answer;
    ck_assert(got == StatfsHelper::Got::nothing);
    usleep(1000);
  }
  ck_abort_msg("no answer");
}

uint32_t self() {
  return static_cast<uint32_t>(getpid());
}

Mount mount_of(const std::string& path) {
  Mount mount;
  mount.point = path;
  mount.id = std::stoull(mount_id(path));
  return mount;
}

pid_t pid_of(const StatfsHelper& helper) {
  std::string text = read_file("/proc/self/fdinfo/" + std::to_string(helper.pidfd()), 4096).value();
  int pid = 0;
  ck_assert_int_eq(sscanf(text.c_str() + text.find("Pid:"), "Pid: %d", &pid), 1);
  return pid;
}

bool ends(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  return poll(&end, 1, 3000) == 1;
}

START_TEST(as_df) {
  auto helper = new_helper();
  struct statvfs want {};
  ck_assert_int_eq(statvfs("/proc/self/root", &want), 0);
  ck_assert(helper->ask(7, self(), mount_of("/")));
  StatfsAnswer answer = next_answer(*helper);
  ck_assert_uint_eq(answer.number, 7);
  ck_assert_int_eq(answer.error, 0);
  ck_assert_uint_eq(answer.size.capacity_bytes, uint64_t{want.f_blocks} * want.f_frsize);
  ck_assert_uint_ge(answer.size.capacity_bytes, answer.size.usage_bytes);
}
END_TEST

START_TEST(memory_of_known_size) {
  Folder folder;
  if (!enter_mount_namespace()) return;
  std::string point = folder.make_folder("memory");
  mount_memory(point, 4 << 20);
  folder.write("memory/file", std::string(1 << 20, 'x'));
  auto helper = new_helper();
  ck_assert(helper->ask(1, self(), mount_of(point)));
  StatfsAnswer answer = next_answer(*helper);
  ck_assert_int_eq(answer.error, 0);
  ck_assert_uint_eq(answer.size.capacity_bytes, 4 << 20);
  ck_assert_uint_eq(answer.size.usage_bytes, 1 << 20);
  ck_assert_uint_eq(answer.size.available_bytes, 3 << 20);
  ck_assert_int_eq(umount(point.c_str()), 0);
}
END_TEST

START_TEST(refusals) {
  Folder folder;
  auto helper = new_helper();
  Mount file = mount_of(folder.write("file", ""));
  ck_assert(helper->ask(1, self(), file));
  ck_assert_int_eq(next_answer(*helper).error, ENOTDIR);
  Mount gone = mount_of(folder.make_folder("folder"));
  rmdir(gone.point.c_str());
  ck_assert(helper->ask(2, self(), gone));
  ck_assert_int_eq(next_answer(*helper).error, ENOENT);
  Mount other = mount_of("/proc");
  other.point = "/";
  ck_assert(helper->ask(3, self(), other));
  ck_assert_int_eq(next_answer(*helper).error, ESTALE);
  ck_assert(helper->ask(4, 0, other));  // no such process
  ck_assert_int_eq(next_answer(*helper).error, ENOENT);
  other.point = std::string(kLabelBytesMax + 1, '/');
  ck_assert(!helper->ask(5, self(), other));
}
END_TEST

START_TEST(many_in_order) {
  auto helper = new_helper();
  Mount root = mount_of("/");
  for (uint64_t number = 1; number <= 32; number++)
    ck_assert(helper->ask(number, self(), root));
  for (uint64_t number = 1; number <= 32; number++)
    ck_assert_uint_eq(next_answer(*helper).number, number);
  StatfsAnswer answer;
  ck_assert(helper->take(answer) == StatfsHelper::Got::nothing);
}
END_TEST

START_TEST(keeps_nothing) {
  Fd other(open("/", O_RDONLY));  // without O_CLOEXEC
  auto helper = new_helper();
  ck_assert(helper->ask(1, self(), mount_of("/")));
  next_answer(*helper);
  std::string proc = "/proc/" + std::to_string(pid_of(*helper));
  DIR* folder = opendir((proc + "/fd").c_str());
  ck_assert(folder != nullptr);
  size_t descriptors = 0;
  while (const dirent* entry = readdir(folder))
    descriptors += entry->d_name[0] != '.';
  closedir(folder);
  ck_assert_uint_eq(descriptors, 1);
  std::string status = read_file(proc + "/status", 8192).value();
  ck_assert(status.find("Name:\tkubepulse-df\n") != status.npos);
  ck_assert(status.find("NoNewPrivs:\t1\n") != status.npos);
  unsigned long long capabilities = 0;
  sscanf(status.c_str() + status.find("CapEff:"), "CapEff: %llx", &capabilities);
  if ((capabilities >> 19 & 1) != 0)  // CAP_SYS_PTRACE; without it all are kept
    ck_assert_uint_eq(capabilities & ~(1ULL << 19 | 1ULL << 1 | 1ULL << 2), 0);
}
END_TEST

START_TEST(ends_by_itself) {
  auto helper = new_helper();
  ck_assert(!helper->reap());
  helper->dismiss();
  ck_assert(ends(helper->pidfd()));
  ck_assert(helper->reap() && helper->reap());
}
END_TEST

START_TEST(killed) {
  auto helper = new_helper();
  helper->kill();
  ck_assert(ends(helper->pidfd()));
  StatfsAnswer answer;
  ck_assert(helper->take(answer) == StatfsHelper::Got::end);
  ck_assert(!helper->ask(1, self(), mount_of("/")));
  ck_assert(helper->reap());
}
END_TEST

START_TEST(dies_with_its_parent) {
  int ends_of_pipe[2];
  ck_assert_int_eq(pipe2(ends_of_pipe, O_CLOEXEC), 0);
  pid_t parent = fork();
  if (parent == 0) {
    auto helper = new_helper();
    ck_assert(helper->ask(1, self(), mount_of("/")));
    next_answer(*helper);
    pid_t pid = pid_of(*helper);
    (void)!write(ends_of_pipe[1], &pid, sizeof pid);
    pause();
  }
  pid_t pid = 0;
  ck_assert_int_eq(read(ends_of_pipe[0], &pid, sizeof pid), sizeof pid);
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  ck_assert(bool(pidfd));
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  ck_assert(ends(pidfd.get()));
}
END_TEST

}  // namespace

CHECK_MAIN("statfs_helper", as_df, memory_of_known_size, refusals, many_in_order, keeps_nothing,
           ends_by_itself, killed, dies_with_its_parent)
