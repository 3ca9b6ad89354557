// What kernel programs count of containers and units, run queues and system calls, held against the
// kernel's own numbers of each task; and which of all that a profile takes.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/loads.h"

namespace kubepulse::live {

namespace {

constexpr const char* kWaits = "kubepulse_cpu_runqueue_latency_seconds";
constexpr const char* kOverflow = "kubepulse_overflow_total";
constexpr const char* kSwitches = "kubepulse_cpu_context_switches_total";

// The sum lies where the buckets say.
void check_buckets(const Page& page, const Labels& labels) {
  double low = 0, high = 0, last_count = 0, last_bound = 0;
  for (const Sample& sample : page.samples()) {
    if (sample.name != std::string(kWaits) + "_bucket" || !sample.has_all(labels)) continue;
    double bound = strtod(sample.label("le")->c_str(), nullptr);
    ck_assert(bound > last_bound && sample.value >= last_count);
    double count = sample.value - last_count;
    low += count * last_bound;
    if (count > 0) high += count * bound;
    last_bound = bound;
    last_count = sample.value;
  }
  double sum = page.value(std::string(kWaits) + "_sum", labels);
  ck_assert_msg(low <= sum && sum <= high, "a sum of %g s, of the buckets %g to %g", sum, low,
                high);
}

struct Crowd {
  static constexpr size_t kBurners = 3, kSleepers = 2, kBrief = 60;
  static constexpr size_t kAll = kBurners + kSleepers + kBrief;
  size_t count;
  pid_t pids[kAll];
};

// Forks; the child does its work and ends. Nobody takes its status, so that its numbers stay.
void add_to(Crowd& crowd, const std::function<void()>& work) {
  pid_t pid = fork();
  ck_assert(pid >= 0);
  if (pid == 0) {
    work();
    _exit(0);
  }
  crowd.pids[crowd.count++] = pid;
}

int run_crowd(Crowd& crowd) {
  pin_to_one_cpu();
  stop_here();
  uint64_t until_ns = monotonic_ns() + 400 * kNsPerMs;
  for (size_t at = 0; at < Crowd::kBurners; at++)
    add_to(crowd, [&] {
      while (monotonic_ns() < until_ns) {
      }
    });
  for (size_t at = 0; at < Crowd::kSleepers; at++)
    add_to(crowd, [&] {
      while (monotonic_ns() < until_ns)
        sleep_ms(3);
    });
  for (size_t at = 0; at < Crowd::kBrief; at++) {
    add_to(crowd, [] {});
    sleep_ms(2);
  }
  for (size_t at = 0; at < crowd.count; at++) {
    siginfo_t ended;
    if (waitid(P_PID, static_cast<id_t>(crowd.pids[at]), &ended, WEXITED | WNOWAIT) != 0) return 1;
  }
  stop_here();
  return 0;
}

// Burners, sleepers and brief processes on one CPU. When all have ended or are stopped, the counts
// are the sums of what the kernel tells of each of them, exactly.
START_TEST(run_queue) {
  Cgroup unit = make_unit("run-queue");
  Labels labels = container_labels(unit.owner, "");
  Labels voluntary = with(labels, "kind", "voluntary"),
         preempted = with(labels, "kind", "preempted");
  const Daemon& daemon = shared_daemon();
  Crowd* crowd = share<Crowd>();
  Child leader = Child::in(unit, [&] { return run_crowd(*crowd); });
  await_stop(leader.pid());
  // What the leader did before it came here is not the unit's.
  auto read = [&] {
    std::vector<pid_t> pids(crowd->pids, crowd->pids + crowd->count);
    pids.push_back(leader.pid());
    TaskNumbers now = task_numbers(pids);
    return std::vector<double>{now.waited_s, now.voluntary, now.preempted, now.runs};
  };
  Look first = look(daemon, read);
  go_on(leader.pid());
  await_stop(leader.pid());
  ck_assert_uint_eq(crowd->count, Crowd::kAll);
  Look last = look(daemon, read);
  double waited = last.numbers[0] - first.numbers[0];
  double left = last.numbers[1] - first.numbers[1], pushed = last.numbers[2] - first.numbers[2];
  auto value = [&](const std::string& name, const Labels& of) {
    return first.page.value(name, of);
  };
  std::string sum = std::string(kWaits) + "_sum", count = std::string(kWaits) + "_count";
  ck_assert_double_eq(last.page.value(kOverflow, {{"table", "context_switches"}}), 0);
  check_sample(last.page, kSwitches, voluntary, value(kSwitches, voluntary) + left);
  check_sample(last.page, kSwitches, preempted, value(kSwitches, preempted) + pushed);
  check_sample(last.page, count, labels, value(count, labels) + last.numbers[3] - first.numbers[3]);
  check_sample(last.page, sum, labels, value(sum, labels) + waited);
  check_buckets(last.page, labels);
  // Each brief one left once at least, and of three burners two wait at any time.
  ck_assert(left >= Crowd::kBrief && pushed > 0 && waited > 0.4);
  go_on(leader.pid());
  leader.finish();
}
END_TEST

constexpr int kParents = 1000, kOpened = 30, kNotThere = 20, kRead = 50, kNotOpen = 7;

int call_known_times() {
  stop_here();
  for (int times = 0; times < kParents; times++)
    syscall(SYS_getppid);
  int zero = -1;
  for (int times = 0; times < kOpened; times++) {
    if (zero >= 0) syscall(SYS_close, zero);
    zero = static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/dev/zero", O_RDONLY));
  }
  for (int times = 0; times < kNotThere; times++)
    syscall(SYS_openat, AT_FDCWD, "/dev/not-there", O_RDONLY);
  char bytes[16];
  for (int times = 0; times < kRead; times++)
    if (syscall(SYS_read, zero, bytes, sizeof bytes) != sizeof bytes) return 1;
  for (int times = 0; times < kNotOpen; times++)
    syscall(SYS_read, -1, bytes, sizeof bytes);
  stop_here();
  return 0;
}

START_TEST(syscalls) {
  Cgroup unit = make_unit("syscalls");
  Daemon daemon =
      Daemon::start({{"--profile=comprehensive", "--syscalls=getppid,openat,read,write"}});
  Child caller = Child::in(unit, call_known_times);
  await_stop(caller.pid());
  Page before = fresh_page(daemon);
  go_on(caller.pid());
  await_stop(caller.pid());
  Page page = fresh_page(daemon);
  Labels labels = container_labels(unit.owner, "");
  // Runs that the kernel skipped, which Linux 7 does: so many may be missing, of all the machine.
  Labels skipping = {{"table", "syscalls_skipped"}};
  double skipped = page.value(kOverflow, skipping) - before.value(kOverflow, skipping);
  struct Known {
    const char* name;
    int calls, errors;
  };
  for (const Known& known :
       {Known{"getppid", kParents, 0}, Known{"openat", kOpened + kNotThere, kNotThere},
        Known{"read", kRead + kNotOpen, kNotOpen}, Known{"write", 0, 0}}) {
    Labels of = with(labels, "syscall", known.name);
    auto grown = [&](const std::string& name) {
      return page.value(name, of) - before.value(name, of);
    };
    auto check = [&](const std::string& name, int want) {
      double is = grown(name);
      ck_assert_msg(want - skipped <= is && is <= want, "%s of %s: %g, not %d", name.c_str(),
                    known.name, is, want);
    };
    check("kubepulse_syscalls_total", known.calls);
    check("kubepulse_syscall_errors_total", known.errors);
    check("kubepulse_syscall_latency_seconds_count", known.calls);
    double latency = grown("kubepulse_syscall_latency_seconds_sum");
    ck_assert(known.calls == 0 ? latency == 0 : latency > 0 && latency < 1);
  }
  check_absent(page, "kubepulse_syscalls_total", with(labels, "syscall", "close"));
  go_on(caller.pid());
  caller.finish();
  daemon.stop();
}
END_TEST

bool is_any(const Page& page, const std::string& prefix) {
  for (const Sample& sample : page.samples())
    if (sample.name.compare(0, prefix.size(), prefix) == 0) return true;
  return false;
}

bool is_attached(const Page& page, const std::string& program) {
  return page.value("kubepulse_bpf_program_attached", {{"program", program}}) > 0;
}

const Words kOfStandard = {"kubepulse_pressure_", "kubepulse_network_interface_",
                           "kubepulse_filesystem_", "kubepulse_memory_major_page_faults_"};
const Words kOfMinimal = {"kubepulse_cpu_", "kubepulse_memory_oom_", "kubepulse_disk_",
                          "kubepulse_dns_"};

// A daemon of that profile, with work to tell of.
Page page_of_profile(const Words& flags) {
  Cgroup unit = make_counted_unit("profile");
  Daemon daemon = Daemon::start({flags});
  enter(unit);
  Connection connection = make_connection(unit, unit);
  connection.close();
  leave_cgroup();
  fresh_page(daemon);
  Page page = fresh_page(daemon);
  daemon.stop();
  ck_assert_double_eq(page.value("kubepulse_tcp_connections_total", unit.owner.labels()), 2);
  return page;
}

START_TEST(profile_minimal) {
  Page page = page_of_profile({"--profile=minimal"});
  for (const std::string& prefix : kOfStandard)
    ck_assert_msg(!is_any(page, prefix), "%s", prefix.c_str());
  ck_assert(!is_any(page, "kubepulse_syscall"));
  ck_assert(is_any(page, "kubepulse_cpu_runqueue_latency_seconds_count"));
  ck_assert(is_attached(page, "sched") && !is_attached(page, "syscalls"));
  ck_assert(!is_attached(page, "drops"));
}
END_TEST

START_TEST(profile_standard) {
  Page page = page_of_profile({});
  // A bare machine has no interface, and whose process 1 we may not see has no file system.
  ck_assert(is_any(page, "kubepulse_network_interface_") || is_any(page, "kubepulse_filesystem_"));
  ck_assert(!is_any(page, "kubepulse_syscall"));
  ck_assert(is_attached(page, "drops") && !is_attached(page, "syscalls"));
}
END_TEST

START_TEST(profile_comprehensive) {
  Page page = page_of_profile({"--profile=comprehensive"});
  ck_assert(is_any(page, "kubepulse_syscalls_total"));
  ck_assert(is_attached(page, "sched") && is_attached(page, "syscalls"));
}
END_TEST

START_TEST(profile_of_tcp_alone) {
  Page page = page_of_profile({"--profile=custom", "--collect=tcp"});
  for (const Words& prefixes : {kOfStandard, kOfMinimal})
    for (const std::string& prefix : prefixes)
      ck_assert_msg(!is_any(page, prefix), "%s", prefix.c_str());
  ck_assert(!is_any(page, "kubepulse_syscall") && !is_any(page, "kubepulse_memory_"));
  for (const char* program : {"sched", "syscalls", "dns", "drops"})
    ck_assert_msg(!is_attached(page, program), "%s is attached", program);
}
END_TEST

}  // namespace

Case container_programs_case() {
  return {"container-programs",
          true,
          {run_queue, syscalls, profile_minimal, profile_standard, profile_comprehensive,
           profile_of_tcp_alone}};
}

}  // namespace kubepulse::live
