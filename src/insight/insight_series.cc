#include "insight/insight_series.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/clock.h"

namespace kubepulse {

namespace {

// 100 years; what is farther away is never.
constexpr double kSecondsMax = 3e9;

std::string pod_of(const Insight& insight) {
  std::string labels;
  append_label(labels, "namespace", insight.ns);
  labels += ',';
  append_label(labels, "pod", insight.pod);
  return labels;
}

std::string type_of(const char* type) {
  std::string label;
  append_label(label, "type", type);
  return label;
}

uint64_t billionths(double share) {
  return static_cast<uint64_t>(std::llround(std::clamp(share, 0.0, 1.0) * 1e9));
}

ActiveInsights::Prediction series_of(const Insight& insight) {
  const Prediction& told = *insight.prediction;
  bool is_oom = insight.type == InsightType::oom_predicted;
  ActiveInsights::Prediction series{pod_of(insight),
                                    type_of(is_oom ? "oom" : "filesystem"),
                                    billionths(told.probability),
                                    billionths(told.confidence),
                                    {}};
  if (told.seconds < kSecondsMax)
    series.time_to_event_ns = static_cast<uint64_t>(std::max(told.seconds, 0.0) * kNsPerSecond);
  return series;
}

// Of the same names the one that comes first stays.
template <typename Series, typename Before>
void sort_once(std::vector<Series>& all, Before before) {
  auto names = [](const Series& series) { return std::tie(series.pod, series.kind); };
  std::sort(all.begin(), all.end(), [&](const Series& one, const Series& other) {
    return names(one) != names(other) ? names(one) < names(other) : before(one, other);
  });
  auto same = [&](const Series& one, const Series& other) { return names(one) == names(other); };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
}

}  // namespace

ActiveInsights insight_series(const InsightTable& table) {
  ActiveInsights all;
  table.each([&all](const Insight& insight) {
    std::string kind = type_of(insight_type_name(insight.type));
    kind += ',';
    append_label(kind, "severity", severity_name(insight.severity));
    all.active.push_back({pod_of(insight), std::move(kind)});
    if (insight.prediction) all.predictions.push_back(series_of(insight));
  });
  using Active = ActiveInsights::Active;
  sort_once(all.active, [](const Active&, const Active&) { return false; });
  using Told = ActiveInsights::Prediction;
  sort_once(all.predictions,
            [](const Told& one, const Told& other) { return one.probability > other.probability; });
  return all;
}

}  // namespace kubepulse
