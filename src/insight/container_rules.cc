#include "insight/container_rules.h"

#include <algorithm>

#include "insight/forecast.h"
#include "insight/line_fit.h"
#include "insight/slot_points.h"
#include "insight/thresholds.h"

namespace kubepulse {

namespace {

// Two in three: twice as likely as not.
constexpr double kOomProbabilityMin = 0.65;
constexpr double kOomProbabilityHeldMin = 0.3;
// Who is paged has to get there.
constexpr double kOomCriticalSeconds = 300;
// Another tick's wait would be much of what is left.
constexpr double kOomUrgentSeconds = 60;
// While it is held: so far below its highest, as a share of the limit, it is over; so much has it
// to rise within the window to go on, and more than half of the way is to lie behind it.
constexpr uint32_t kOomFallenShare = 20;
constexpr uint32_t kOomRisenShare = 100;

// Three hours, half of what is kept: caches and pools have their sizes by then, and what is done
// every hour or two has been done.
constexpr size_t kLeakSlotsMin = 18;
constexpr size_t kLeakParts = 4;
// Of the pairs of floors, ten minutes or hours apart, those that rise less those that fall.
constexpr double kLeakRisingMin = 0.8;
// Of what it had, and of the limit: less is fragmentation, or nobody's worry.
constexpr double kLeakGrownMin = 0.1;
constexpr double kLeakGrownOfLimitMin = 0.05;
// Pages, 16 MiB, or 7.5 % of a small limit: less in hours is nobody's worry, however little it
// had.
constexpr double kLeakGrownPagesMin = 4096;
constexpr double kLeakGrownOfSmallLimitMin = 0.075;
// Each quarter is to grow half as fast as the whole at least, and as any quarter before it: else it
// levels off, or it was a step or two.
constexpr double kLeakPaceMin = 0.5;

// The kubelet's back-off makes it five in the first five minutes, and one in each later five.
constexpr uint64_t kCrashRestartsMin = 3;

// Of the time that it wanted to run. A quarter is where Kubernetes' own alert
// (CPUThrottlingHigh) begins.
constexpr double kThrottledMin = 0.25;
// Of one CPU: less nobody feels.
constexpr double kThrottledOfCpuMin = 0.02;
constexpr double kThrottledCritical = 0.75;
constexpr double kCpuSecondsSeenMin = 100;  // a shorter while is start-up

Finding finding(InsightType type, const ContainerFacts& facts) {
  Finding found{type};
  found.subject = facts.subject;
  return found;
}

double bytes(double pages) {
  return pages * LevelHistory::kPageBytes;
}

void show_memory(Finding& found, const LevelHistory* memory) {
  if (memory == nullptr || memory->size() == 0) return;
  const LevelSample& now = memory->newest();
  found.evidence.add("working_set", bytes(now.used), Unit::bytes);
  if (now.limit != kNoLevelLimit) found.evidence.add("memory_limit", bytes(now.limit), Unit::bytes);
  uint32_t highest = 0;
  for (size_t i = 0; i < memory->slots(); i++)
    highest = std::max(highest, memory->slot(i).highest);
  found.evidence.add("highest", bytes(highest), Unit::bytes);
}

bool backs_off(const ContainerFacts& facts) {
  return facts.state == ContainerState::waiting && facts.waiting_reason == "CrashLoopBackOff";
}

// It neither came down nor came to rest since: a stair of a leak looks like that, or a gap.
bool may_go_on(const LevelHistory& memory) {
  uint32_t limit = memory.newest().limit, now = LevelHistory::firm(memory.newest()), highest = 0;
  if (limit == kNoLevelLimit) return false;
  for (size_t i = 0; i < memory.size(); i++)
    highest = std::max(highest, LevelHistory::firm(memory[i]));
  uint32_t floor = LevelHistory::firm(memory.floor());
  bool is_far = now < limit && now - floor < limit - now;
  if (is_far || highest - now > limit / kOomFallenShare) return false;
  bool short_window = memory.size() < LevelHistory::kSamplesMax / 4;
  return short_window || now > LevelHistory::firm(memory[0]) + limit / kOomRisenShare;
}

struct Leak {
  LineFit fit;  // pages and seconds
  double span_seconds;
};

// The line through the lowest of every ten minutes; the first ones are start-up.
std::optional<Leak> leak_of(const LevelHistory& memory) {
  SlotPoints floors = slot_points(memory, &LevelHistory::Slot::lowest,
                                  memory.slots() < LevelHistory::kSlotsMax ? 1 : 0);
  const Point* points = floors.points.data();
  if (floors.count < kLeakSlotsMin) return std::nullopt;
  Leak leak{fit_line(points, floors.count, 1), floors.span_seconds()};
  if (leak.fit.slope <= 0 || leak.fit.rising < kLeakRisingMin) return std::nullopt;
  double fastest = leak.fit.slope;
  for (size_t part = 0; part < kLeakParts; part++) {
    size_t first = part * floors.count / kLeakParts, end = (part + 1) * floors.count / kLeakParts;
    double slope = fit_line(points + first, end - first, 1).slope;
    if (slope < kLeakPaceMin * fastest) return std::nullopt;
    fastest = std::max(fastest, slope);
  }
  return leak;
}

// What a collector leaves over each time grows as well, and not only what it has not got to yet.
bool floors_rise(const LevelHistory& memory, const LineFit& fit) {
  if (memory.peaks() < 2) return true;
  const LevelHistory::Peak &first = memory.peak(0), &last = memory.peak(memory.peaks() - 1);
  double seconds = (last.at_ms - first.at_ms) / 1000.0;
  return last.floor > first.floor && last.floor - first.floor >= kLeakPaceMin * fit.slope * seconds;
}

}  // namespace

std::optional<Finding> oom_predicted(const ContainerFacts& facts, bool held) {
  if (facts.memory == nullptr || facts.memory->size() == 0) return std::nullopt;
  std::optional<Forecast> forecast = forecast_full(*facts.memory);
  double enough = held ? kOomProbabilityHeldMin : kOomProbabilityMin;
  if ((!forecast || forecast->probability < enough) && !(held && may_go_on(*facts.memory)))
    return std::nullopt;
  Finding found = finding(InsightType::oom_predicted, facts);
  show_memory(found, facts.memory);
  if (!forecast) return found;
  found.evidence.add("growth", forecast->bytes_per_second, Unit::bytes_per_second);
  found.evidence.add("span", forecast->span_seconds, Unit::seconds);
  found.prediction = Prediction{forecast->probability, forecast->confidence, forecast->seconds,
                                forecast->seconds_low, forecast->seconds_high};
  if (forecast->seconds < kOomCriticalSeconds) found.severity = Severity::critical;
  found.urgent = forecast->seconds < kOomUrgentSeconds;
  return found;
}

std::optional<Finding> oom_killed(const ContainerFacts& facts, bool) {
  uint64_t kills = facts.counters == nullptr ? 0 : (*facts.counters)[kOomKills];
  uint64_t restarts = facts.counters == nullptr ? 0 : (*facts.counters)[kRestarts];
  // What the kernel counted may have gone with the container; on cgroup v1 it always has.
  bool is_told = facts.last_reason == "OOMKilled" && (restarts > 0 || backs_off(facts));
  if (kills == 0 && !is_told) return std::nullopt;
  Finding found = finding(InsightType::oom_killed, facts);
  found.severity = Severity::critical;
  if (kills > 0) found.evidence.add("oom_kills", static_cast<double>(kills), Unit::count);
  if (restarts > 0) found.evidence.add("restarts", static_cast<double>(restarts), Unit::count);
  show_memory(found, facts.memory);
  return found;
}

std::optional<Finding> memory_leak(const ContainerFacts& facts, bool held) {
  if (facts.memory == nullptr || facts.memory->size() == 0) return std::nullopt;
  const LevelHistory& memory = *facts.memory;
  std::optional<Leak> leak = leak_of(memory);
  if (!leak || !floors_rise(memory, leak->fit)) return std::nullopt;
  double grown = leak->fit.slope * leak->span_seconds;
  double before = leak->fit.level - grown;
  uint32_t limit = memory.newest().limit;
  double least = kLeakGrownPagesMin;
  if (limit != kNoLevelLimit)
    least =
        std::max(std::min(least, kLeakGrownOfSmallLimitMin * limit), kLeakGrownOfLimitMin * limit);
  least = std::max(least, kLeakGrownMin * before);
  if (grown < threshold(least, held)) return std::nullopt;
  Finding found = finding(InsightType::memory_leak, facts);
  show_memory(found, &memory);
  found.evidence.add("growth", bytes(leak->fit.slope), Unit::bytes_per_second);
  found.evidence.add("grown", bytes(grown), Unit::bytes);
  found.evidence.add("span", leak->span_seconds, Unit::seconds);
  return found;
}

std::optional<Finding> crash_loop(const ContainerFacts& facts, bool held) {
  uint64_t restarts = facts.counters == nullptr ? 0 : (*facts.counters)[kRestarts];
  if (!backs_off(facts) && restarts < (held ? 1 : kCrashRestartsMin)) return std::nullopt;
  Finding found = finding(InsightType::crash_loop, facts);
  found.severity = Severity::critical;
  found.reason = facts.last_reason;
  if (restarts > 0) found.evidence.add("restarts", static_cast<double>(restarts), Unit::count);
  if (facts.last_exit_code) found.evidence.add("exit_code", *facts.last_exit_code, Unit::count);
  return found;
}

std::optional<Finding> cpu_throttled(const ContainerFacts& facts, bool held) {
  if (facts.counters == nullptr || facts.counters->seconds() < kCpuSecondsSeenMin)
    return std::nullopt;
  double seconds = facts.counters->seconds();
  auto throttled = static_cast<double>((*facts.counters)[kCpuThrottledMs]) / 1000;
  auto used = static_cast<double>((*facts.counters)[kCpuUsageMs]) / 1000;
  double share = share_of(throttled, throttled + used);
  if (share < threshold(kThrottledMin, held) ||
      throttled < threshold(kThrottledOfCpuMin, held) * seconds)
    return std::nullopt;
  Finding found = finding(InsightType::cpu_throttled, facts);
  if (share >= kThrottledCritical) found.severity = Severity::critical;
  found.evidence.add("throttled", share, Unit::share);
  found.evidence.add("cpus_used", used / seconds, Unit::count);
  if (facts.cpu_limit > 0) found.evidence.add("cpu_limit", facts.cpu_limit, Unit::count);
  return found;
}

}  // namespace kubepulse
