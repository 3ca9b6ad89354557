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

// Told of every unit wherever there are CPU times, of v1 or v2; cpu.stat is there without its
// controller, too.
constexpr const char* kLook = "kubepulse_cpu_usage_seconds_total";

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

// As many as the daemon looks at; an emulated machine would take minutes.
size_t units_of_crowd() {
  return getenv("CK_TIMEOUT_MULTIPLIER") == nullptr ? 4096 : 512;
}

// What is beyond the budget of series is counted for namespace="other"; nothing is refused.
START_TEST(thousands) {
  Daemon daemon = Daemon::start();
  std::vector<Cgroup> units;
  for (size_t at = 0; at < units_of_crowd(); at++)
    units.push_back(make_counted_unit("many-" + std::to_string(at)));
  std::vector<HttpAnswer> answers;
  double slowest_s = 0;
  for (int times = 0; times < 3; times++) {
    sleep_ms(1050);
    uint64_t start_ns = monotonic_ns();
    Result<HttpAnswer> answer = http_get(daemon.address(), "/metrics");
    slowest_s = std::max(slowest_s, seconds_since(start_ns));
    if (answer.ok()) answers.push_back(std::move(answer.value()));
  }
  // Before anything can fail: they would stand in the way of all tests.
  for (const Cgroup& unit : units)
    remove_cgroup(unit);
  ck_assert_uint_eq(answers.size(), 3);
  ck_assert_msg(slowest_s < kPromptSeconds, "a page took %g s", slowest_s);
  for (const HttpAnswer& answer : answers) {
    Result<Page> page = Page::parse(answer.body);
    CHECK_OK(page.ok() ? Status() : page.status());
    double resident = resident_bytes(page.value());
    ck_assert_msg(resident < kResidentBytesMax, "%g bytes", resident);
    double told = page.value().value("kubepulse_overflow_total", {{"table", "series"}});
    size_t shown = 0;
    for (const Sample& sample : page.value().samples())
      if (sample.name == kLook && sample.label("pod")->compare(0, 5, "many-") == 0) shown++;
    ck_assert_msg(shown == units.size() || (shown > 1000 && told > 0), "%zu of %zu are shown",
                  shown, units.size());
  }
  Page page = fresh_page(daemon);
  check_absent(page, "kubepulse_memory_usage_bytes", units[1].owner.labels());
  daemon.stop();
}
END_TEST

}  // namespace

Case container_crowd_case() {
  return {"container-crowd", false, {going_while_read, thousands}, true};
}

}  // namespace kubepulse::live
