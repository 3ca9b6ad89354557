// Waits on run queues and context switches as the kernel programs count them.
//   sched hold                   loads them, prints "loaded FLAVOUR", and ends with its input
//   sched exact FOLDER           whether their counts are the kernel's own, for tasks of every kind
//   sched crowd FOLDER COUNT     whether what more cgroups than there is room for lose is told
// FOLDER is a cgroup, of v2 or of v1, that is made here and removed again. Prints the counts of
// both sides, and ends with 1 where a single one differs. A word more, FLAVOUR, leaves out the
// better ones.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "collect/cgroup_probe.h"
#include "collect/sched_probe.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kBurnNs = 700 * kNsPerMs;
constexpr int kShortLived = 300;
constexpr int kPokes = 50;
constexpr int kTriesMax = 400;

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "%s: %s\n", what.c_str(), strerror(errno));
  exit(1);
}

// What the kernel and we have counted.
struct Totals {
  uint64_t voluntary = 0, preempted = 0, waited_ns = 0, waits = 0;

  bool operator==(const Totals& other) const {
    return voluntary == other.voluntary && preempted == other.preempted &&
           waited_ns == other.waited_ns && waits == other.waits;
  }
  Totals operator-(const Totals& other) const {
    return {voluntary - other.voluntary, preempted - other.preempted, waited_ns - other.waited_ns,
            waits - other.waits};
  }
};

unsigned long long switches(const Totals& totals) {
  return totals.voluntary + totals.preempted;
}

void print(const char* who, const Totals& totals) {
  printf("%s: voluntary %llu, preempted %llu, waits %llu, waited %llu ns\n", who,
         static_cast<unsigned long long>(totals.voluntary),
         static_cast<unsigned long long>(totals.preempted),
         static_cast<unsigned long long>(totals.waits),
         static_cast<unsigned long long>(totals.waited_ns));
}

std::string of_proc(pid_t pid, const char* file) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/" + file, 1 << 16);
  if (!text.ok()) fail(text.status().message());
  return text.value();
}

uint64_t field(const std::string& status, const char* name) {
  size_t at = status.find(std::string("\n") + name + ":");
  if (at == status.npos) fail(std::string("no ") + name);
  return strtoull(status.c_str() + at + strlen(name) + 2, nullptr, 10);
}

// Of tasks that sleep or have ended; a zombie has its counts until it is reaped.
Totals of_kernel(const std::vector<pid_t>& pids) {
  Totals sum;
  for (pid_t pid : pids) {
    unsigned long long ran_ns, waited_ns, runs;
    if (sscanf(of_proc(pid, "schedstat").c_str(), "%llu %llu %llu", &ran_ns, &waited_ns, &runs) !=
        3)
      fail("schedstat");
    std::string status = of_proc(pid, "status");
    sum.voluntary += field(status, "voluntary_ctxt_switches");
    sum.preempted += field(status, "nonvoluntary_ctxt_switches");
    sum.waited_ns += waited_ns;
    sum.waits += runs;
  }
  return sum;
}

std::map<uint64_t, Totals> all_of_ours(SchedProbe& probe) {
  std::map<uint64_t, Totals> all;
  Status status = probe.each([&](uint64_t id, const sched_counts& counts) {
    Totals totals{counts.voluntary, counts.preempted, counts.waited_ns, 0};
    for (uint64_t waits : counts.waits)
      totals.waits += waits;
    if (!all.emplace(id, totals).second) fail("a cgroup comes twice");
  });
  if (!status.ok()) fail(status.message());
  return all;
}

Totals of_ours(SchedProbe& probe, uint64_t cgroup) {
  return all_of_ours(probe)[cgroup];
}

void pin(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) fail("sched_setaffinity");
}

void burn(uint64_t ns) {
  for (uint64_t until = monotonic_ns() + ns; monotonic_ns() < until;)
    continue;
}

void sleep_ns(uint64_t ns) {
  timespec time{static_cast<time_t>(ns / kNsPerSecond), static_cast<long>(ns % kNsPerSecond)};
  nanosleep(&time, nullptr);
}

template <typename Act>
pid_t make(Act&& act) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid != 0) return pid;
  act();
  _exit(0);
}

int g_cpus = 1;

// Tasks that wait: for each other, for the clock, for signals; are preempted, moved between CPUs,
// yield, and end while they could go on.
std::vector<pid_t> make_tasks() {
  std::vector<pid_t> pids;
  pids.reserve(kShortLived + 20);
  for (int i = 0; i < 3; i++)
    pids.push_back(make([] {
      pin(0);
      burn(kBurnNs);
    }));
  for (int i = 0; i < 2; i++)
    pids.push_back(make([] { burn(kBurnNs); }));
  for (int i = 0; i < 4; i++)
    pids.push_back(make([i] {
      for (int j = 0; j < 500; j++)
        sleep_ns(static_cast<uint64_t>(i) * 100000 + 1000);
    }));
  pids.push_back(make([] {
    for (int j = 0; j < 2000; j++)
      pin(j % g_cpus);
  }));
  pids.push_back(make([] {
    for (int j = 0; j < 5000; j++)
      sched_yield();
  }));
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) fail("pipe");
  for (int side = 0; side < 2; side++)
    pids.push_back(make([&] {
      char byte = 0;
      for (int j = 0; j < 20000; j++) {
        if (side == 0 && (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)) return;
        if (side == 1 && (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)) return;
      }
    }));
  // A signal is pending when it wants to sleep: the kernel calls that switch voluntary.
  pids.push_back(make([] {
    signal(SIGUSR1, [](int) {});
    for (int j = 0; j < 200; j++) {
      pid_t self = getpid();
      kill(self, SIGUSR1);
      sleep_ns(10000);
    }
  }));
  pids.push_back(make([] {
    burn(kBurnNs / 2);
    kill(getpid(), SIGKILL);
  }));
  for (int i = 0; i < kShortLived; i++)
    pids.push_back(make([i] {
      if (i % 3 == 0) burn(100000);
    }));
  return pids;
}

// The first task of the cgroup, from before our start: answers pokes, then makes the others and
// waits until they have ended, but does not reap them.
[[noreturn]] void lead(int in, int out) {
  char byte;
  while (read(in, &byte, 1) == 1) {
    if (byte == 'g') {
      std::vector<pid_t> pids = make_tasks();
      for (pid_t pid : pids) {
        siginfo_t info;
        if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0) fail("waitid");
      }
      size_t bytes = pids.size() * sizeof(pid_t);
      if (write(out, pids.data(), bytes) != static_cast<ssize_t>(bytes)) fail("write");
    } else if (write(out, &byte, 1) != 1) {
      fail("write");
    }
  }
  _exit(0);
}

// A zombie is seen before it leaves the CPU for the last time: so until nothing changes any more.
Totals settled(const std::vector<pid_t>& pids) {
  Totals last = of_kernel(pids);
  for (int same = 0, tries = 0; same < 3 && tries < kTriesMax; tries++) {
    sleep_ns(30 * kNsPerMs);
    Totals now = of_kernel(pids);
    same = now == last ? same + 1 : 0;
    last = now;
  }
  return last;
}

std::unique_ptr<SchedProbe> open_probe(const std::string& controller, const std::string& flavour) {
  Host host = Host::look("", "");
  LoadSettings settings{host, "", {}};
  for (const Flavour& each : SchedProbe::signals().front().flavours) {
    if (flavour.empty() || flavour == each.name) break;
    for (const char* program : each.programs)
      settings.broken.emplace_back(program);
  }
  int subsys = LegacyHierarchy::find(controller, "/proc", host.btf).subsys;
  auto probe = SchedProbe::open(subsys, settings);
  if (!probe.ok()) fail(probe.status().message());
  const Attached& attached = probe.value()->outcome().front();
  if (!attached.refused.empty()) printf("refused: %s\n", attached.refused_text().c_str());
  if (attached.flavour.empty()) exit(1);
  printf("loaded %s\n", attached.flavour.c_str());
  fflush(stdout);
  return std::move(probe.value());
}

// Of cgroup v1; empty: it is of v2.
std::string controller_of(const std::string& folder) {
  for (const char* name : {"pids", "memory", "cpuset"})
    if (folder.find(std::string("/") + name + "/") != folder.npos) return name;
  return "";
}

// A cgroup that is made for a test, and what is to be known of it.
class Cgroup {
 public:
  explicit Cgroup(std::string folder) : folder_(std::move(folder)) {
    struct stat made;
    if (mkdir(folder_.c_str(), 0755) != 0 || stat(folder_.c_str(), &made) != 0) fail(folder_);
    id_ = made.st_ino | (controller_of(folder_).empty() ? 0 : CGROUP_LEGACY_BIT);
  }

  const std::string& folder() const { return folder_; }
  uint64_t id() const { return id_; }
  void take(pid_t task) const {
    std::string procs = folder_ + "/cgroup.procs", pid = std::to_string(task);
    Fd file(open(procs.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), pid.data(), pid.size()) < 0) fail(procs);
  }
  // Once its tasks are reaped.
  void remove() const {
    if (rmdir(folder_.c_str()) != 0) fail(folder_);
  }

 private:
  std::string folder_;
  uint64_t id_ = 0;
};

// A child that is in a cgroup before anything is loaded, and does as it is told.
class Child {
 public:
  using Act = void (*)(int in, int out);

  Child(const Cgroup& cgroup, Act act) {
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) fail("pipe");
    pid_ = make([&] {
      close(in[1]);
      close(out[0]);
      act(in[0], out[1]);
    });
    close(in[0]);
    close(out[1]);
    in_ = Fd(in[1]);
    out_ = Fd(out[0]);
    cgroup.take(pid_);
  }

  pid_t pid() const { return pid_; }
  void tell(char what) {
    if (write(in_.get(), &what, 1) != 1) fail("write");
  }
  size_t hear(void* data, size_t size) {
    ssize_t heard = read(out_.get(), data, size);
    if (heard <= 0) fail("the child ended");
    return static_cast<size_t>(heard);
  }
  void poke() {
    char byte;
    for (int i = 0; i < kPokes; i++) {
      tell('p');
      hear(&byte, 1);
    }
  }
  // And what it has left behind.
  void end() {
    in_.reset();
    while (wait(nullptr) > 0)
      continue;
  }

 private:
  pid_t pid_ = 0;
  Fd in_, out_;
};

int exact(const std::string& folder, const std::string& flavour) {
  g_cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  // What is left of the tasks is ours to reap.
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl");
  Cgroup cgroup(folder);
  Child leader(cgroup, lead);
  auto probe = open_probe(controller_of(folder), flavour);
  leader.poke();
  Totals kernel_before = settled({leader.pid()});
  Totals ours_before = of_ours(*probe, cgroup.id());
  leader.tell('g');
  std::vector<pid_t> pids(4096);
  pids.resize(leader.hear(pids.data(), pids.size() * sizeof(pid_t)) / sizeof(pid_t));
  pids.push_back(leader.pid());
  Totals kernel = settled(pids) - kernel_before;
  Totals ours = of_ours(*probe, cgroup.id()) - ours_before;
  uint64_t dropped = probe->dropped();
  probe->forget(cgroup.id());
  bool forgotten = of_ours(*probe, cgroup.id()) == Totals{};
  leader.end();
  cgroup.remove();

  print("kernel", kernel);
  print("ours  ", ours);
  printf("before: kernel %llu waits, ours %llu; dropped %llu, forgotten %s\n",
         static_cast<unsigned long long>(kernel_before.waits),
         static_cast<unsigned long long>(ours_before.waits),
         static_cast<unsigned long long>(dropped), forgotten ? "yes" : "no");
  // What the leader did before our start is not ours, and of what came after one may be missing.
  bool starts = ours_before.waits <= kernel_before.waits && ours_before.waits + 1 >= kPokes;
  return kernel == ours && dropped == 0 && forgotten && starts ? 0 : 1;
}

int crowd(const std::string& folder, size_t count) {
  Cgroup parent(folder);
  std::vector<Cgroup> cgroups;
  for (size_t i = 0; i < count; i++)
    cgroups.emplace_back(folder + "/" + std::to_string(i));
  Child walker(cgroups.front(), [](int in, int out) {
    char byte;
    while (read(in, &byte, 1) == 1)
      if (write(out, &byte, 1) != 1) fail("write");
    _exit(0);
  });
  auto probe = open_probe("", "");
  walker.poke();
  Totals kernel_before = settled({walker.pid()});
  Totals ours_before = of_ours(*probe, cgroups.front().id());
  for (const Cgroup& cgroup : cgroups) {
    cgroup.take(walker.pid());
    char byte;
    walker.tell('p');
    walker.hear(&byte, 1);
  }
  Totals kernel = settled({walker.pid()}) - kernel_before;
  std::map<uint64_t, Totals> all = all_of_ours(*probe);
  Totals ours;
  unsigned long long told = 0, dropped = probe->dropped();
  for (const Cgroup& cgroup : cgroups) {
    auto found = all.find(cgroup.id());
    if (found == all.end()) continue;
    told++;
    ours.voluntary += found->second.voluntary;
    ours.preempted += found->second.preempted;
  }
  ours = ours - ours_before;
  walker.end();
  for (const Cgroup& cgroup : cgroups)
    cgroup.remove();
  parent.remove();
  printf("kernel: %llu switches; ours: %llu of %llu cgroups, dropped %llu\n", switches(kernel),
         switches(ours), told, dropped);
  return switches(kernel) == switches(ours) + dropped && told < count ? 0 : 1;
}

int hold(const std::string& controller, const std::string& flavour) {
  auto probe = open_probe(controller, flavour);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0)
    continue;
  printf("dropped %llu\n", static_cast<unsigned long long>(probe->dropped()));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::string command = count > 1 ? arguments[1] : "";
  std::string first = count > 2 ? arguments[2] : "", second = count > 3 ? arguments[3] : "";
  if (command == "hold") return hold(second, first);
  if (command == "exact" && !first.empty()) return exact(first, second);
  if (command == "crowd" && !second.empty())
    return crowd(first, static_cast<size_t>(atoi(second.c_str())));
  return 2;
}
