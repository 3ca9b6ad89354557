// The syscall probe alone, without the daemon.
//   syscalls hold NAMES       tracks them until its standard input ends; "ready" on standard output
//   syscalls exact FOLDER     a folder of cgroup v2, which is made and removed here
// BROKEN=PROGRAM,... in the environment has the kernel refuse those, so that the next flavour
// serves. `exact` makes calls whose number, failures and durations are known in a cgroup of its
// own, holds what was counted against them, and prints each difference; exit status 1: there is
// one.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "collect/syscall_probe.h"
#include "identity/cgroup_tree.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kNapNs = 20 * kNsPerMs;

// Of `exact`, removed at any end.
std::string g_folder;
pid_t g_child = -1;

void clean_up() {
  if (g_child > 0) kill(g_child, SIGKILL);
  if (g_child > 0) waitpid(g_child, nullptr, 0);
  if (!g_folder.empty()) rmdir(g_folder.c_str());
}

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "%s\n", what.c_str());
  clean_up();
  exit(1);
}

std::unique_ptr<SyscallProbe> open_probe(const char* names, SyscallProbeConfig& config) {
  Result<SyscallList> list = parse_syscalls(names);
  if (!list.ok()) fail(list.status().message());
  config.syscalls = list.value().syscalls;
  config.legacy_subsys = -1;
  LoadSettings settings;
  settings.host = Host::look("", "");
  const char* broken = getenv("BROKEN");
  std::string_view rest = broken != nullptr ? broken : "";
  while (!rest.empty())
    settings.broken.emplace_back(next_piece(rest, ','));
  auto probe = SyscallProbe::open(config, settings);
  if (!probe.ok()) fail(probe.status().message());
  const Attached& attached = probe.value()->outcome().front();
  if (attached.flavour.empty()) fail(attached.refused_text());
  fprintf(stderr, "flavour %s\n", attached.flavour.c_str());
  return std::move(probe.value());
}

int hold(const char* names) {
  SyscallProbeConfig config;
  auto probe = open_probe(names, config);
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0)
    continue;
  return 0;
}

// What the calls of one kind should come to; times are the caller's own.
struct Expected {
  uint64_t calls, errors, untimed, least_ns, most_ns;
};

// By what syscall; shared with the child, which fills it in.
struct Shared {
  std::atomic<int> step;
  size_t used;
  struct {
    const char* name;
    Expected expected;
  } rows[32];

  Expected& of(const char* name) {
    for (size_t i = 0; i < used; i++)
      if (strcmp(rows[i].name, name) == 0) return rows[i].expected;
    rows[used].name = name;
    return rows[used++].expected;
  }
};
Shared* g_shared;

// `times` calls, timed from outside.
template <typename Call>
void expect(const char* name, uint64_t times, uint64_t errors, uint64_t least_ns, Call&& call) {
  uint64_t begun_ns = monotonic_ns();
  for (uint64_t i = 0; i < times; i++)
    call();
  Expected& row = g_shared->of(name);
  row.calls += times;
  row.errors += errors;
  row.least_ns += least_ns;
  row.most_ns += monotonic_ns() - begun_ns;
}

// Calls that take part in what another expect() times.
void expect_more(const char* name, uint64_t calls, uint64_t errors = 0, uint64_t untimed = 0) {
  Expected& row = g_shared->of(name);
  row.calls += calls;
  row.errors += errors;
  row.untimed += untimed;
  row.most_ns = UINT64_MAX / 2;
}

void wait_for(int step) {
  while (g_shared->step < step)  // without a syscall
    continue;
}

void nothing(int) {}

int g_pipe[2];
void write_to_pipe(int) {
  syscall(SYS_write, g_pipe[1], "x", 1);
}

// Asks for SIGUSR1, which comes once we sleep.
void on_signal(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(SIGUSR1, &action, nullptr);
  g_shared->step++;
}

// In a new task that ends at once, whatever it dies of. Its wait is another call of ours.
template <typename Work>
void in_new_task(Work&& work) {
  expect_more("clone", 1);
  expect_more("exit_group", 1, 0, 1);
  expect_more("wait4", 1);
  long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    work();
    syscall(SYS_exit_group, 0);
  }
  syscall(SYS_wait4, child, nullptr, 0, nullptr);
}

void refuse_getppid() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program{4, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

void make_plain_calls() {
  expect("getppid", 10000, 0, 0, [] { syscall(SYS_getppid); });
  expect("read", 1000, 1000, 0, [] { syscall(SYS_read, -1, nullptr, 0); });
  int zero = static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDONLY));
  expect_more("openat", 1);
  char page[4096];
  expect("read", 3000, 0, 0, [&] { syscall(SYS_read, zero, page, sizeof page); });
  expect("close", 1, 0, 0, [&] { syscall(SYS_close, zero); });
  expect("openat", 500, 500, 0, [] { syscall(SYS_openat, AT_FDCWD, "/nonexistent", O_RDONLY); });
  expect("close", 700, 700, 0, [] { syscall(SYS_close, -1); });
  timespec nap{0, kNapNs};
  expect("nanosleep", 10, 0, 10 * kNapNs, [&] { syscall(SYS_nanosleep, &nap, nullptr); });
  expect("execve", 5, 5, 0, [] { syscall(SYS_execve, "/nonexistent", nullptr, nullptr); });
  // A number of no call.
  syscall(-1);
  syscall(SYSCALL_NUMBERS + 1000);
}

void make_interrupted_calls() {
  timespec nap{10, 0};
  on_signal(nothing, 0);
  // EINTR to us, ERESTART_RESTARTBLOCK to the tracepoint.
  expect("nanosleep", 1, 0, 0, [&] { syscall(SYS_nanosleep, &nap, nullptr); });
  expect_more("rt_sigreturn", 1, 0, 1);
  int fd = epoll_create1(0);
  on_signal(nothing, SA_RESTART);
  epoll_event event;
  expect("epoll_pwait", 1, 1, 0, [&] { syscall(SYS_epoll_pwait, fd, &event, 1, -1, nullptr, 8); });
  expect_more("rt_sigreturn", 1, 0, 1);
  if (pipe(g_pipe) != 0) return;
  on_signal(write_to_pipe, SA_RESTART);
  char byte;
  expect("read", 1, 0, 0, [&] { syscall(SYS_read, g_pipe[0], &byte, 1); });
  expect_more("read", 1);  // begun anew
  expect_more("write", 1);
  expect_more("rt_sigreturn", 1, 0, 1);
}

void make_calls_of_new_tasks() {
  in_new_task([] {});
  in_new_task([] {
    refuse_getppid();
    for (int i = 0; i < 3; i++)
      syscall(SYS_getppid);
  });
  expect_more("getppid", 3, 3, 3);
  // exit_group is the new program's.
  const char* const arguments[] = {"syscalls", "nothing", nullptr};
  in_new_task([&] { syscall(SYS_execve, "/proc/self/exe", arguments, nullptr); });
  expect_more("execve", 1);
#if defined(__x86_64__)
  // close has 3, which is read's number in a 32-bit program. Where the kernel serves none, this
  // dies.
  in_new_task([] {
    for (int i = 0; i < 7; i++) {
      long value = 3;
      asm volatile("int $0x80" : "+a"(value) : "b"(-1), "c"(0), "d"(0) : "memory");
    }
  });
  bool served = access("/proc/sys/abi/vsyscall32", F_OK) == 0;
  if (!served) g_shared->of("exit_group").calls--, g_shared->of("exit_group").untimed--;
#endif
}

[[noreturn]] void run_child(int before) {
  char byte;
  g_shared->step = 1;
  // Begun before the probe.
  syscall(SYS_read, before, &byte, 1);
  expect_more("read", 1, 0, 1);
  wait_for(2);
  make_plain_calls();
  make_interrupted_calls();
  make_calls_of_new_tasks();
  expect_more("exit_group", 1, 0, 1);
  syscall(SYS_exit_group, 0);
  abort();
}

// Until the child has come to `step` and sleeps after it.
void wait_for_sleep(int step) {
  std::string path = "/proc/" + std::to_string(g_child) + "/stat";
  for (int tries = 0; tries < 10000; tries++, usleep(1000)) {
    Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[64];
    ssize_t size = read(file.get(), text, sizeof text);
    std::string_view stat(text, size > 0 ? static_cast<size_t>(size) : 0);
    if (g_shared->step >= step && stat.find(") S ") != std::string_view::npos) return;
  }
  fail("the child does not get on");
}

int compare(SyscallProbe& probe, const SyscallProbeConfig& config, uint64_t cgroup) {
  int wrong = 0;
  std::map<std::string, syscall_counts> counted;
  Status status = probe.each([&](uint64_t whose, size_t syscall, const syscall_counts& counts) {
    if (whose == cgroup) counted[std::string(config.syscalls[syscall].name)] = counts;
  });
  if (!status.ok()) fail(status.message());
  uint64_t calls = 0, errors = 0;
  for (size_t i = 0; i < g_shared->used; i++) {
    const char* name = g_shared->rows[i].name;
    const Expected& want = g_shared->rows[i].expected;
    syscall_counts got = counted[name];
    counted.erase(name);
    calls += calls_of(got);
    errors += got.errors;
    if (calls_of(got) == want.calls && got.errors == want.errors && got.untimed == want.untimed &&
        got.sum_ns >= want.least_ns && got.sum_ns <= want.most_ns)
      continue;
    wrong++;
    printf(
        "%s: calls %llu, want %lu; errors %llu, want %lu; untimed %llu, want %lu; %llu ns, "
        "want %lu to %lu\n",
        name, static_cast<unsigned long long>(calls_of(got)), want.calls, got.errors, want.errors,
        got.untimed, want.untimed, got.sum_ns, want.least_ns, want.most_ns);
  }
  for (const auto& [name, counts] : counted) {
    wrong++;
    printf("%s: calls %llu, want none\n", name.c_str(),
           static_cast<unsigned long long>(calls_of(counts)));
  }
  printf("%lu calls, %lu errors of %zu kinds: %d wrong\n", calls, errors, g_shared->used, wrong);
  return wrong;
}

int check_naps(SyscallProbe& probe, const SyscallProbeConfig& config, uint64_t cgroup) {
  uint64_t short_naps = 0, naps = 0;
  (void)probe.each([&](uint64_t whose, size_t syscall, const syscall_counts& counts) {
    if (whose != cgroup || config.syscalls[syscall].name != "nanosleep") return;
    for (size_t i = 0; i < POWER_BUCKETS; i++) {
      naps += counts.buckets[i];
      if ((1000ULL << i) < kNapNs) short_naps += counts.buckets[i];
    }
  });
  // 10 of 20 ms, in the bucket of up to 32.8 ms or beyond, and one that was interrupted.
  if (naps == 11 && short_naps <= 1) return 0;
  printf("nanosleep: %lu in buckets, %lu of them below 20 ms\n", naps, short_naps);
  return 1;
}

// Calls that no other task on this machine makes, more kinds of them than there is room for.
int check_bound() {
  SyscallProbeConfig config;
  config.entries_max = 2;
  auto probe = open_probe("nfsservctl,lookup_dcookie,remap_file_pages", config);
  int numbers[] = {SYS_nfsservctl, SYS_lookup_dcookie, SYS_remap_file_pages};
  int times[] = {10, 20, 30};
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < times[i]; j++)
      syscall(numbers[i], 0, 0, 0, 0, 0);
  uint64_t entries = 0, calls = 0, errors = 0;
  (void)probe->each([&](uint64_t, size_t, const syscall_counts& counts) {
    entries++;
    calls += calls_of(counts);
    errors += counts.errors;
  });
  printf("2 entries: %lu used, %lu calls, %lu errors, %lu dropped\n", entries, calls, errors,
         probe->dropped());
  return entries == 2 && calls == 30 && errors == 30 && probe->dropped() == 30 ? 0 : 1;
}

void join(const std::string& folder, pid_t child) {
  FILE* file = fopen((folder + "/cgroup.procs").c_str(), "we");
  if (file == nullptr || fprintf(file, "%d\n", child) < 0 || fclose(file) != 0) fail(folder);
}

int exact(const std::string& folder) {
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_shared = new (memory) Shared{};
  Result<CgroupTree> tree = CgroupTree::open();
  if (!tree.ok()) fail(tree.status().message());
  if (mkdir(folder.c_str(), 0755) != 0) fail(folder + ": " + strerror(errno));
  g_folder = folder;
  uint64_t cgroup = tree.value().id_of_path(folder.substr(tree.value().mounts().unified.size()));
  int before[2];
  if (cgroup == 0 || pipe(before) != 0) fail(folder + ": has no id");
  g_child = fork();
  if (g_child == 0) run_child(before[0]);
  join(folder, g_child);
  wait_for_sleep(1);
  SyscallProbeConfig config;
  auto probe = open_probe(
      "getppid,read,write,openat,close,nanosleep,epoll_pwait,rt_sigreturn,clone,exit_group,execve,"
      "wait4",
      config);
  if (write(before[1], "x", 1) != 1) fail("pipe");
  g_shared->step = 2;
  for (int step = 3; step <= 5; step++) {
    wait_for_sleep(step);
    kill(g_child, SIGUSR1);
  }
  int status = 0;
  waitpid(g_child, &status, 0);
  g_child = -1;
  int wrong = status == 0 ? 0 : 1;
  wrong += compare(*probe, config, cgroup) + check_naps(*probe, config, cgroup);
  probe->forget(cgroup);
  (void)probe->each([&](uint64_t whose, size_t, const syscall_counts&) {
    if (whose == cgroup) wrong++;
  });
  printf("dropped %lu, skipped %lu\n", probe->dropped(), probe->skipped());
  // Where tasks are preempted within tracepoints, all is exact though some is skipped.
  wrong += probe->dropped() == 0 && (probe->skipped() == 0 || prefers_cgroup()) ? 0 : 1;
  clean_up();
  return wrong + check_bound() == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  std::string mode = count > 1 ? arguments[1] : "";
  if (mode == "nothing") syscall(SYS_exit_group, 0);
  if (mode == "hold" && count == 3) return hold(arguments[2]);
  if (mode == "exact" && count == 3) return exact(arguments[2]);
  return fprintf(stderr, "usage: syscalls hold NAMES, syscalls exact FOLDER\n"), 2;
}
