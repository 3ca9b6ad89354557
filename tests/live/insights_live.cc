// What insights foresee, of processes that really run out of memory.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <optional>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/insights.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/loads.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kLimit = 64 * kMiB;
// Half as long would be too short to be told from a start-up or a burst, of which most end; see
// src/insight/forecast.h.
constexpr double kLeakSeconds = 160;
// A prediction is as of a sample, of which there is one in 8 s, and the kernel's figures are too.
constexpr double kErrorSecondsMax = 5;

Labels labels_of(const Owner& owner, const char* type) {
  return {{"namespace", owner.name_space}, {"pod", owner.pod}, {"type", type}};
}

double kills(const Cgroup& cgroup) {
  const char* file = is_legacy(Controller::kMemory) ? "/memory.oom_control" : "/memory.events";
  return number_in(files_of(cgroup, Controller::kMemory) + file, "oom_kill").value_or(0);
}

// By the clock, however slow the machine. Locked: not even swap helps.
[[noreturn]] void leak() {
  constexpr size_t kBytes = 2 * kLimit, kPage = 4096;
  auto* taken = static_cast<char*>(
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (taken == MAP_FAILED) _exit(1);
  madvise(taken, kBytes, MADV_NOHUGEPAGE);
  mlock2(taken, kBytes, MLOCK_ONFAULT);
  uint64_t begun_ns = monotonic_ns();
  for (size_t at = 0; at < kBytes; sleep_ms(100)) {
    auto due = static_cast<size_t>(kLimit / kLeakSeconds * seconds_since(begun_ns));
    for (; at < std::min(due, kBytes); at += kPage)
      taken[at] = 1;
  }
  _exit(2);
}

// Its metrics, which another tick may have written.
void check_prediction(const Page& page, const Owner& owner) {
  Labels labels = labels_of(owner, "oom_predicted");
  ck_assert_double_eq(page.value("kubepulse_insight_active", labels), 1);
  Labels oom = labels_of(owner, "oom");
  double probability = page.value("kubepulse_prediction_probability", oom);
  ck_assert_msg(probability > 0.5 && probability <= 1, "%g", probability);
  ck_assert(page.has("kubepulse_prediction_confidence", oom));
  double seconds = page.value("kubepulse_prediction_time_to_event_seconds", oom);
  ck_assert_msg(seconds > 0 && seconds < kLeakSeconds / 2, "%g", seconds);
}

struct Told {
  uint64_t at_ns;
  double seconds_low, seconds_high;
};

// When it was seen first.
std::optional<Told> prediction(const Insights& all, const Owner& owner) {
  const JsonFields* insight = find(all, owner, "oom_predicted");
  if (insight == nullptr || insight->count("prediction") == 0) return std::nullopt;
  JsonFields told = parse_nested_json_object(insight->at("prediction")).value();
  const std::string& high = told["seconds_high"];
  return Told{monotonic_ns(), strtod(told["seconds_low"].c_str(), nullptr),
              high == "null" ? INFINITY : strtod(high.c_str(), nullptr)};
}

// Told after 100 s, so that it takes place beside the leak.
void check_throttled(const Insights& all, const Owner& owner, int percent) {
  const JsonFields* throttled = find(all, owner, "cpu_throttled");
  ck_assert(throttled != nullptr);
  char limit[80];
  snprintf(limit, sizeof limit, R"({"name":"cpu_limit","value":%g,"unit":"count"})",
           percent / 100.0);
  const std::string& evidence = throttled->at("evidence");
  ck_assert_msg(evidence.find(limit) != evidence.npos, "%s", evidence.c_str());
}

START_TEST(leak_is_predicted) {
  Cgroup leaking = make_counted_unit("leaking"), quiet = make_counted_unit("quiet");
  if (files_of(leaking, Controller::kMemory).empty())
    SKIP_TEST("leak_is_predicted", "no cgroup limits memory");
  ck_assert(limit_memory(leaking, kLimit) && limit_memory(quiet, kLimit));
  Child neighbour = Child::in(quiet, [] {
    take_memory(kLimit * 3 / 4);
    stop_here();
    return 0;
  });
  await_stop(neighbour.pid());
  constexpr int kPercent = 2;
  Cgroup slow = make_counted_unit("slow");
  if (!limit_cpu(slow, kPercent)) SKIP_TEST("leak_is_predicted", "no cgroup limits CPU time");
  Child burner = burn_in(slow);
  Daemon daemon =
      Daemon::start({{"--insight-interval=2s", "--profile=custom", "--collect=cpu,memory,oom"}});
  uint64_t begun_ns = monotonic_ns();
  Child leaker = Child::in(leaking, []() -> int { leak(); });
  std::optional<Told> told;
  while (kills(leaking) == 0) {
    Insights all = insights(daemon);
    ck_assert(find(all, quiet.owner) == nullptr);
    if (!told && (told = prediction(all, leaking.owner))) {
      check_prediction(daemon.scrape(), leaking.owner);
      ck_assert_msg(kills(leaking) == 0, "it was told too late");
    }
    sleep_ms(200);
    ck_assert_msg(seconds_since(begun_ns) < 2 * kLeakSeconds, "nobody was killed");
  }
  uint64_t killed_ns = monotonic_ns();
  ck_assert_int_eq(leaker.wait(), 128 + SIGKILL);
  ck_assert_msg(told.has_value(), "it was not foreseen");
  double lead = static_cast<double>(killed_ns - told->at_ns) / kNsPerSecond;
  printf("NOTE leak_is_predicted: killed after %.1f s, foreseen %.1f s before, as %.1f to %.1f s\n",
         seconds_since(begun_ns), lead, told->seconds_low, told->seconds_high);
  ck_assert(lead >= told->seconds_low - kErrorSecondsMax &&
            lead <= told->seconds_high + kErrorSecondsMax);

  await_page(daemon, 10, "a kill", [&](const Page& page) {
    return page.has("kubepulse_insight_active", labels_of(leaking.owner, "oom_killed"));
  });
  Insights all = insights(daemon);
  const JsonFields* killed = find(all, leaking.owner, "oom_killed");
  ck_assert(killed != nullptr);
  CHECK_TEXT(killed->at("severity"), "critical");
  const std::string& evidence = killed->at("evidence");
  ck_assert_msg(evidence.find(R"({"name":"oom_kills","value":1,"unit":"count"})") != evidence.npos,
                "%s", evidence.c_str());
  ck_assert(find(all, quiet.owner) == nullptr);
  ck_assert(!is_on(daemon.scrape(), with(quiet.owner.labels(), "severity", "critical")) &&
            !is_on(daemon.scrape(), with(quiet.owner.labels(), "severity", "warning")));
  kill_and_wait(neighbour);
  check_throttled(all, slow.owner, kPercent);
  kill_and_wait(burner);
}
END_TEST

}  // namespace

Case insights_case() {
  return {"insights", false, {leak_is_predicted}, false, 2 * kLeakSeconds + 60};
}

}  // namespace kubepulse::live
