#include "insight/node_rules.h"

#include <algorithm>

#include "insight/forecast.h"
#include "insight/line_fit.h"
#include "insight/slot_points.h"
#include "insight/thresholds.h"

namespace kubepulse {

namespace {

// systemd-oomd kills where all tasks stalled on memory for 60 % of the time, for 30 s; a tenth is
// felt, and leaves time.
constexpr double kMemoryStalledMin = 0.1;
// Disks are to be busy; that nothing else could go on for so long is too much.
constexpr double kIoStalledMin = 0.4;
// A CPU that is used well has somebody waiting often.
constexpr double kCpuWaitingMin = 0.6;
constexpr double kSecondsSeenMin = 100;

// The kubelet evicts at 10 % of nodefs, 5 % of its inodes, and 100 MiB of memory, of which 3 % is
// what a node of 4 GiB has.
constexpr double kDiskUsedMax = 0.9;
constexpr double kInodesUsedMax = 0.95;
constexpr double kMemoryUsedMax = 0.97;
constexpr double kPidsUsedMax = 0.9;
constexpr double kHeldBelow = 0.02;  // it is over where it is so far below

constexpr double kFilesystemUsedMax = 0.95;
constexpr double kFilesystemCritical = 0.99;
constexpr double kFillingProbabilityMin = 0.6;
constexpr double kFillingRisingMin = 0.8;
constexpr size_t kFillingSlotsMin = 4;
constexpr double kFillingCriticalSeconds = 3600;

struct Row {
  const char* name;
  // Of the counters, or none.
  size_t counter;
  double share_min;
  // Of what there is so much of, or none.
  Room NodeFacts::*room;
  double used_max;
  // What Kubernetes says of it, or none.
  std::string_view NodeFacts::*said;
};
constexpr Row kRows[kNodeResources] = {
    {"memory", kMemoryStalledMs, kMemoryStalledMin, &NodeFacts::memory, kMemoryUsedMax,
     &NodeFacts::memory_pressure},
    {"io", kIoStalledMs, kIoStalledMin, nullptr, 0, nullptr},
    {"cpu", kCpuWaitingMs, kCpuWaitingMin, nullptr, 0, nullptr},
    {"disk", kNodeCounters, 0, &NodeFacts::disk, kDiskUsedMax, &NodeFacts::disk_pressure},
    {"inodes", kNodeCounters, 0, &NodeFacts::inodes, kInodesUsedMax, nullptr},
    {"pids", kNodeCounters, 0, &NodeFacts::pids, kPidsUsedMax, &NodeFacts::pid_pressure},
    {"kubelet", kNodeCounters, 0, nullptr, 0, &NodeFacts::not_ready},
};

double bytes(double pages) {
  return pages * LevelHistory::kPageBytes;
}

// Over hours, by the highest of every ten minutes. No farther ahead than it was seen back.
std::optional<Prediction> slow_filling(const LevelHistory& level) {
  SlotPoints tops = slot_points(level, &LevelHistory::Slot::highest, 0);
  if (tops.count < kFillingSlotsMin) return std::nullopt;
  LineFit fit = fit_line(tops.points.data(), tops.count, 1);
  double span = tops.span_seconds();
  if (fit.slope <= 2 * fit.slope_error || fit.rising < kFillingRisingMin) return std::nullopt;
  double left = std::max(0.0, level.newest().limit - fit.level), seconds = left / fit.slope;
  if (seconds > span) return std::nullopt;
  Prediction told;
  told.seconds = seconds;
  told.seconds_low = left / (fit.slope + 2 * fit.slope_error);
  told.seconds_high = left / (fit.slope - 2 * fit.slope_error);
  told.confidence =
      fit.rising * std::min(1.0, static_cast<double>(tops.count) / LevelHistory::kSlotsMax);
  // That what went on for `span` goes on for `seconds` more, were we to look at any moment of it.
  told.probability = span / (span + seconds);
  return told;
}

std::optional<Prediction> fast_filling(const LevelHistory& level, bool held) {
  std::optional<Forecast> forecast = forecast_full(level);
  if (!forecast || forecast->probability < threshold(kFillingProbabilityMin, held))
    return std::nullopt;
  return Prediction{forecast->probability, forecast->confidence, forecast->seconds,
                    forecast->seconds_low, forecast->seconds_high};
}

}  // namespace

const char* node_resource_name(NodeResource resource) {
  return kRows[static_cast<size_t>(resource)].name;
}

std::optional<Finding> node_pressure(const NodeFacts& facts, NodeResource resource, bool held) {
  const Row& row = kRows[static_cast<size_t>(resource)];
  double share = 0, used = 0;
  bool timed = row.counter < kNodeCounters && facts.counters != nullptr &&
               facts.counters->seconds() >= kSecondsSeenMin;
  if (timed)
    share = static_cast<double>((*facts.counters)[row.counter]) / 1000 / facts.counters->seconds();
  if (row.room != nullptr) {
    const Room& room = facts.*row.room;
    used = share_of(static_cast<double>(room.used), static_cast<double>(room.whole));
  }
  bool waits = timed && share >= threshold(row.share_min, held);
  bool is_full = row.room != nullptr && used >= row.used_max - (held ? kHeldBelow : 0);
  std::string_view said = row.said == nullptr ? "" : facts.*row.said;
  if (!waits && !is_full && said.empty()) return std::nullopt;
  Finding found{InsightType::node_pressure};
  found.subject = facts.subject;
  found.object = row.name;
  found.reason = said;
  if (is_full || !said.empty() || resource == NodeResource::memory)
    found.severity = Severity::critical;
  if (timed)
    found.evidence.add(resource == NodeResource::cpu ? "waiting" : "stalled", share, Unit::share);
  if (used > 0) found.evidence.add("used", used, Unit::share);
  return found;
}

namespace {

// A file that is written and removed again is none, however seldom it is looked at: twice.
bool is_full(const LevelHistory& level, bool held) {
  double used_min = kFilesystemUsedMax - (held ? kHeldBelow : 0);
  size_t samples = held ? 1 : 2;
  if (level.size() < samples) return false;
  for (size_t i = level.size() - samples; i < level.size(); i++)
    if (share_of(level[i].used, level[i].limit) < used_min) return false;
  return true;
}

}  // namespace

std::optional<Finding> filesystem_filling(const FilesystemFacts& facts, bool held) {
  if (facts.level == nullptr || facts.level->size() == 0) return std::nullopt;
  const LevelSample& now = facts.level->newest();
  if (now.limit == kNoLevelLimit || now.limit == 0) return std::nullopt;
  double used = share_of(now.used, now.limit);
  std::optional<Prediction> prediction = fast_filling(*facts.level, held);
  if (!prediction) prediction = slow_filling(*facts.level);
  if (!prediction && !is_full(*facts.level, held)) return std::nullopt;
  Finding found{InsightType::filesystem_filling};
  found.subject = facts.subject;
  found.object = facts.mountpoint;
  bool soon = prediction && prediction->seconds < kFillingCriticalSeconds;
  if (used >= kFilesystemCritical || soon) found.severity = Severity::critical;
  found.evidence.add("used", used, Unit::share);
  found.evidence.add("used_bytes", bytes(now.used), Unit::bytes);
  found.evidence.add("capacity", bytes(now.limit), Unit::bytes);
  found.prediction = prediction;
  return found;
}

}  // namespace kubepulse
