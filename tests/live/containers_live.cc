// What the kernel counts of containers and units: each figure held against the kernel's own files.
// Where the controllers are in cgroup v1 those are asked, and where a controller is nowhere there
// is nothing to be told.
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/loads.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"

namespace kubepulse::live {

namespace {

constexpr const char* kUsage = "kubepulse_cpu_usage_seconds_total";
constexpr const char* kThrottled = "kubepulse_cpu_throttled_seconds_total";
constexpr const char* kOomKills = "kubepulse_memory_oom_kills_total";
constexpr uint64_t kMiB = 1 << 20;

bool has(const Cgroup& cgroup, Controller controller) {
  return !files_of(cgroup, controller).empty();
}

Labels labels_of(const Cgroup& unit) {
  return container_labels(unit.owner, "");
}

// What is absent counts as none, for comparing.
double or_none(std::optional<double> value) {
  return value.value_or(-1);
}

START_TEST(cpu_usage) {
  Cgroup unit = make_counted_unit("cpu-usage");
  if (!has(unit, Controller::kCpuacct)) SKIP_TEST("cpu_usage", "no cgroup counts CPU time");
  const Daemon& daemon = shared_daemon();
  auto read = [&] { return std::vector<double>{or_none(cpu_seconds(unit))}; };
  Child burner = burn_in(unit);
  double last = 0;
  for (int times = 0; times < 2; times++) {
    Bracket seen = bracket(daemon, read);
    ck_assert(seen.before[0] > last);
    last = seen.before[0];
    check_between(seen.page, kUsage, labels_of(unit), seen.before[0], seen.after[0]);
  }
  kill_and_wait(burner);
  Look still = look(daemon, read);
  ck_assert(still.numbers[0] > 0.1);
  check_sample(still.page, kUsage, labels_of(unit), still.numbers[0]);
  remove_cgroup(unit);
  check_sample(fresh_page(daemon), kUsage, labels_of(unit), still.numbers[0]);
}
END_TEST

// 20 % of a CPU.
START_TEST(cpu_throttled) {
  Cgroup unit = make_counted_unit("cpu-throttled");
  if (!has(unit, Controller::kCpu)) SKIP_TEST("cpu_throttled", "no cgroup limits CPU time");
  ck_assert(limit_cpu(unit, 20));
  const Daemon& daemon = shared_daemon();
  auto read = [&] {
    return std::vector<double>{or_none(throttled_seconds(unit)), or_none(cpu_seconds(unit))};
  };
  Child burner = burn_in(unit);
  Bracket seen = bracket(daemon, read);
  check_between(seen.page, kThrottled, labels_of(unit), seen.before[0], seen.after[0]);
  kill_and_wait(burner);
  Look still = look(daemon, read);
  // The burner wanted some 1.05 s, and had a fifth.
  ck_assert_msg(still.numbers[0] > 0.3, "throttled for %g s only", still.numbers[0]);
  check_sample(still.page, kThrottled, labels_of(unit), still.numbers[0]);
  if (has(unit, Controller::kCpuacct))
    check_sample(still.page, kUsage, labels_of(unit), still.numbers[1]);
}
END_TEST

// Each of its pages comes from the disk, if the scratch folder is on one.
bool read_cold(const std::string& path, size_t bytes) {
  Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file || fsync(file.get()) != 0) return false;
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED || madvise(mapped, bytes, MADV_RANDOM) != 0) return false;
  volatile char sum = 0;
  for (size_t at = 0; at < bytes; at += 4096)
    sum = static_cast<char>(sum + static_cast<const char*>(mapped)[at]);
  return munmap(mapped, bytes) == 0;
}

bool is_on_disk(const std::string& path) {
  struct statfs about {};
  return statfs(path.c_str(), &about) == 0 && about.f_type != TMPFS_MAGIC &&
         about.f_type != RAMFS_MAGIC;
}

// With and without a limit, with pages of a file that nobody uses.
START_TEST(memory) {
  Cgroup unit = make_counted_unit("memory"), limited = make_counted_unit("memory-limited");
  if (!has(unit, Controller::kMemory)) SKIP_TEST("memory", "no cgroup counts memory");
  ck_assert(limit_memory(limited, 64 * kMiB));
  const Daemon& daemon = shared_daemon();
  std::string file = scratch_path("pages");
  std::vector<Child> children;
  for (const Cgroup& cgroup : {unit, limited})
    children.push_back(Child::in(cgroup, [&] {
      take_memory(24 * kMiB);
      std::string own = file + std::to_string(getpid());
      bool written = write_file(own, std::string(4 * kMiB, 'x')) && read_cold(own, 1 * kMiB);
      stop_here();
      return written ? 0 : 1;
    }));
  for (const Child& child : children)
    await_stop(child.pid());
  Look still = look(daemon, [&] {
    std::vector<double> numbers;
    for (const Cgroup& cgroup : {unit, limited}) {
      numbers.push_back(or_none(memory_bytes(cgroup)));
      numbers.push_back(or_none(working_set_bytes(cgroup)));
      numbers.push_back(or_none(major_faults(cgroup)));
    }
    return numbers;
  });
  size_t at = 0;
  for (const Cgroup& cgroup : {unit, limited}) {
    ck_assert(still.numbers[at] >= 24 * kMiB);
    Labels labels = labels_of(cgroup);
    check_sample(still.page, "kubepulse_memory_usage_bytes", labels, still.numbers[at++]);
    check_sample(still.page, "kubepulse_memory_working_set_bytes", labels, still.numbers[at++]);
    ck_assert(still.numbers[at] > 0 || !is_on_disk(file + std::to_string(children[0].pid())));
    check_sample(still.page, "kubepulse_memory_major_page_faults_total", labels,
                 still.numbers[at++]);
  }
  check_absent(still.page, "kubepulse_memory_limit_bytes", labels_of(unit));
  check_sample(still.page, "kubepulse_memory_limit_bytes", labels_of(limited), 64 * kMiB);
  for (Child& child : children) {
    go_on(child.pid());
    child.finish();
  }
  // Gauges are of now.
  remove_cgroup(unit);
  check_absent(fresh_page(daemon), "kubepulse_memory_usage_bytes", labels_of(unit));
}
END_TEST

void be_killed_in(const Cgroup& unit) {
  ck_assert(limit_memory(unit, 8 * kMiB));
  Child greedy = Child::in(unit, [] {
    take_memory(32 * kMiB);
    return 0;
  });
  ck_assert_int_eq(greedy.wait(), 128 + SIGKILL);
}

// Told though the cgroup is gone, and for good. In v1 only what is there can be looked at.
START_TEST(oom_kill) {
  Cgroup unit = make_counted_unit("oom");
  if (!has(unit, Controller::kMemory)) SKIP_TEST("oom_kill", "no cgroup limits memory");
  const Daemon& daemon = shared_daemon();
  for (double kills = 1; kills <= 2; kills++) {
    unit = make_counted_unit("oom");
    be_killed_in(unit);
    if (is_legacy(Controller::kMemory)) fresh_page(daemon);
    // A runtime takes longer. The kernel tells of a file's changes every 10 ms at most, and the
    // limit was hit before (CGROUP_FILE_NOTIFY_MIN_INTV of kernel/cgroup/cgroup.c).
    sleep_ms(100);
    remove_cgroup(unit);
    expect(daemon, {{kOomKills, labels_of(unit), kills}});
    for (int times = 0; times < 2; times++)
      check_sample(fresh_page(daemon), kOomKills, labels_of(unit), kills);
  }
}
END_TEST

// Direct, so that it is neither held back nor read ahead.
int read_and_write(const std::string& disk, uint64_t read_bytes, uint64_t written_bytes) {
  constexpr size_t kPage = 4096;
  void* page = aligned_alloc(kPage, kPage);
  Fd file(open(disk.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  if (!file || page == nullptr) return 1;
  for (uint64_t at = 0; at < read_bytes; at += kPage)
    if (pread(file.get(), page, kPage, static_cast<off_t>(at)) != kPage) return 2;
  for (uint64_t at = 0; at < written_bytes; at += kPage)
    if (pwrite(file.get(), page, kPage, static_cast<off_t>(at)) != kPage) return 3;
  return 0;
}

START_TEST(disk) {
  Cgroup unit = make_counted_unit("disk");
  if (!has(unit, Controller::kDisk)) SKIP_TEST("disk", "no cgroup counts block I/O");
  LoopDevice device;
  std::string why_not;
  if (!make_loop_device(8 * kMiB, device, why_not)) SKIP_TEST("disk", why_not);
  const Daemon& daemon = shared_daemon();
  Labels labels = with(labels_of(unit), "device", device.name);
  DiskNumbers all;
  for (int times = 1; times <= 2; times++) {
    Child reader = Child::in(unit, [&] { return read_and_write(device.path, 3 * kMiB, 1 * kMiB); });
    reader.finish();
    Look still = look(daemon, [&] {
      DiskNumbers now = disk_numbers(unit, device.numbers).value_or(DiskNumbers{});
      return std::vector<double>{now.read_bytes, now.written_bytes, now.reads, now.writes};
    });
    // In v1 only where a limit was set, on the kernels that this was seen on: nothing is told then.
    if (is_legacy(Controller::kDisk) && !disk_numbers(unit, device.numbers)) {
      check_absent(still.page, "kubepulse_disk_read_bytes_total", labels);
      continue;
    }
    if (!is_legacy(Controller::kDisk)) {
      ck_assert_double_eq(still.numbers[0], double(times * 3 * kMiB));
      ck_assert_double_eq(still.numbers[1], double(times * 1 * kMiB));
      ck_assert_double_eq(still.numbers[2], times * 3 * 256);
    }
    check_sample(still.page, "kubepulse_disk_read_bytes_total", labels, still.numbers[0]);
    check_sample(still.page, "kubepulse_disk_written_bytes_total", labels, still.numbers[1]);
    check_sample(still.page, "kubepulse_disk_reads_total", labels, still.numbers[2]);
    check_sample(still.page, "kubepulse_disk_writes_total", labels, still.numbers[3]);
  }
}
END_TEST

// Two want one CPU. Where there is no cgroup v2, or no PSI, nothing is told.
START_TEST(pressure) {
  Cgroup unit = make_counted_unit("pressure");
  const Daemon& daemon = shared_daemon();
  std::vector<Child> burners;
  for (int times = 0; times < 2; times++)
    burners.push_back(Child::in(unit, []() -> int {
      pin_to_one_cpu();
      burn();
    }));
  sleep_ms(700);
  for (Child& burner : burners)
    kill_and_wait(burner);
  const char* const kResources[] = {"cpu", "memory", "io"};
  Look still = look(daemon, [&] {
    std::vector<double> numbers;
    for (const char* resource : kResources)
      for (const char* kind : {"some", "full"})
        numbers.push_back(or_none(pressure_seconds(unit, resource, kind)));
    return numbers;
  });
  size_t at = 0;
  for (const char* resource : kResources)
    for (const char* name :
         {"kubepulse_pressure_waiting_seconds_total", "kubepulse_pressure_stalled_seconds_total"}) {
      Labels labels = with(labels_of(unit), "resource", resource);
      double number = still.numbers[at++];
      if (number < 0)
        check_absent(still.page, name, labels);
      else
        check_sample(still.page, name, labels, number);
    }
  bool told = still.numbers[0] >= 0;
  ck_assert_msg(!told || still.numbers[0] > 0.1, "waited for %g s only", still.numbers[0]);
  if (!told) printf("NOTE pressure: the kernel tells none of cgroups\n");
}
END_TEST

double burn_for_ms(const Cgroup& cgroup, unsigned ms) {
  Child burner = burn_in(cgroup);
  sleep_ms(ms);
  kill_and_wait(burner);
  return or_none(cpu_seconds(cgroup));
}

// A pod of two containers, of which one dies twice: its series go on, in whichever cgroup it is.
START_TEST(restarts) {
  LivePod pod({"kernel-counts", "web-0"});
  Cgroup web = pod.container("web"), side = pod.container("side"), sandbox = pod.sandbox();
  for (const Cgroup& cgroup : {web, side, sandbox})
    count_in(cgroup);
  bool counted = has(web, Controller::kCpuacct);
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod}));
  Daemon daemon = start_beside(kubelet);
  NeverFalls rising(pod.owner().labels());
  Labels web_labels = container_labels(pod.owner(), "web"),
         side_labels = container_labels(pod.owner(), "side"),
         rest_labels = container_labels(pod.owner(), "");
  double sum = 0;
  burn_for_ms(side, 200);
  burn_for_ms(sandbox, 100);
  for (int restart = 0; restart <= 2; restart++) {
    if (restart > 0) {
      web = pod.restart("web");
      count_in(web);
      kubelet.list(pod_list({pod}));
      await_polls(daemon, "ok", polls(daemon.scrape(), "ok") + 2);
      rising.look(daemon.scrape());
    }
    burn_for_ms(web, 150);
    Look still = look(daemon, [&] {
      return std::vector<double>{or_none(cpu_seconds(web)), or_none(cpu_seconds(side))};
    });
    rising.look(still.page);
    if (counted) {
      sum += still.numbers[0];
      check_sample(still.page, kUsage, web_labels, sum);
      check_sample(still.page, kUsage, side_labels, still.numbers[1]);
    }
    check_sample(still.page, "kubepulse_container_restarts_total", web_labels, restart);
    check_sample(still.page, "kubepulse_container_restarts_total", side_labels, 0);
    check_absent(still.page, "kubepulse_container_restarts_total", rest_labels);
    remove_cgroup(web);
    Page page = fresh_page(daemon);
    rising.look(page);
    if (counted) check_sample(page, kUsage, web_labels, sum);
  }
  // Of no container, which is certain when nobody has named it for 15 s.
  if (counted) {
    await_page(daemon, 20, "sandbox", [&](const Page& page) {
      rising.look(page);
      return page.has(kUsage, rest_labels);
    });
    check_sample(fresh_page(daemon), kUsage, rest_labels, or_none(cpu_seconds(sandbox)));
  }
  daemon.stop();
}
END_TEST

}  // namespace

Case containers_case() {
  return {
      "containers", true, {cpu_usage, cpu_throttled, memory, oom_kill, disk, pressure, restarts}};
}

}  // namespace kubepulse::live
