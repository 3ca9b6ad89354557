// Many cgroups, and cgroups that go while they are read. Alone: they fill the tables of any daemon.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/loads.h"

namespace kubepulse::live {

namespace {

constexpr double kResidentBytesMax = 64 << 20;

double resident_bytes(const Page& page) {
  return page.value("process_resident_memory_bytes");
}

// Units come and go, each with a process, as fast as it can be done; how often.
int come_and_go(const std::string& name, const uint64_t& stop) {
  for (int number = 0; __atomic_load_n(&stop, __ATOMIC_RELAXED) == 0; number++) {
    std::vector<Cgroup> units;
    for (int each = 0; each < 20; each++)
      units.push_back(
          make_counted_unit(name + std::to_string(number % 3) + "-" + std::to_string(each)));
    Child brief = Child::in(units[static_cast<size_t>(number) % units.size()], [] { return 0; });
    brief.finish();
    for (const Cgroup& unit : units)
      remove_cgroup(unit);
  }
  return 0;
}

START_TEST(going_while_read) {
  Daemon daemon = Daemon::start({{"--profile=comprehensive"}});
  Cgroup unit = make_unit("going");
  uint64_t* stop = share<uint64_t>();
  std::vector<Child> children;
  for (const char* name : {"going-a", "going-b"})
    children.push_back(Child::in(unit, [&, name] { return come_and_go(name, *stop); }));
  NeverFalls rising(Labels{{"namespace", "systemd"}});
  for (uint64_t start_ns = monotonic_ns(); seconds_since(start_ns) < 6; sleep_ms(20))
    rising.look(daemon.scrape());
  __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
  for (Child& child : children)
    child.finish();
  Page page = fresh_page(daemon);
  rising.look(page);
  // 120 names, and what the machine has.
  ck_assert(page.has("kubepulse_cpu_context_switches_total", {{"pod", "going.service"}}));
  ck_assert_msg(resident_bytes(page) < kResidentBytesMax, "%g bytes", resident_bytes(page));
  for (const Sample& sample : page.samples())
    if (sample.name == "kubepulse_memory_usage_bytes")
      ck_assert_msg(sample.label("pod")->compare(0, 6, "going-") != 0, "%s is gone",
                    sample.text().c_str());
  daemon.stop();
}
END_TEST

START_TEST(thousands) {
  constexpr size_t kUnits = 4096;
  Daemon daemon = Daemon::start();
  std::vector<Cgroup> units;
  for (size_t at = 0; at < kUnits; at++)
    units.push_back(make_counted_unit("many-" + std::to_string(at)));
  Child burner = burn_in(units[0]);
  double slowest_s = 0;
  size_t shown = 0;
  for (int times = 0; times < 3; times++) {
    sleep_ms(1050);
    uint64_t start_ns = monotonic_ns();
    Page page = daemon.scrape();
    slowest_s = std::max(slowest_s, seconds_since(start_ns));
    ck_assert_msg(resident_bytes(page) < kResidentBytesMax, "%g bytes", resident_bytes(page));
    shown = 0;
    for (const Sample& sample : page.samples())
      if (sample.name == "kubepulse_cpu_usage_seconds_total") shown++;
    if (getenv("KUBEPULSE_LIVE_VERBOSE") != nullptr)
      printf("thousands: %zu shown, %.1f MiB, %.3f s\n", shown,
             resident_bytes(page) / (1 << 20), seconds_since(start_ns));
  }
  ck_assert_msg(slowest_s < kPromptSeconds, "a page took %g s", slowest_s);
  kill_and_wait(burner);
  for (const Cgroup& unit : units)
    remove_cgroup(unit);
  Page page = fresh_page(daemon);
  check_absent(page, "kubepulse_memory_usage_bytes", units[1].owner.labels());
  // It goes on as before.
  ck_assert_int_eq(daemon.get("/healthz").status, 200);
  daemon.stop();
}
END_TEST

}  // namespace

Case container_crowd_case() {
  return {"container-crowd", false, {going_while_read, thousands}, true};
}

}  // namespace kubepulse::live
