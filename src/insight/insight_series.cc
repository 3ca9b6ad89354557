#include "insight/insight_series.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace kubepulse {

namespace {

// 100 years; what is farther away is never.
constexpr double kSecondsMax = 3e9;

std::string labels_of(const Insight& insight, const char* type) {
  std::string labels;
  append_label(labels, "namespace", insight.ns);
  labels += ',';
  append_label(labels, "pod", insight.pod);
  labels += ',';
  append_label(labels, "type", type);
  return labels;
}

uint64_t billionths(double share) {
  return static_cast<uint64_t>(std::llround(std::clamp(share, 0.0, 1.0) * 1e9));
}

ActiveInsights::Prediction series_of(const Insight& insight) {
  const Prediction& told = *insight.prediction;
  bool is_oom = insight.type == InsightType::oom_predicted;
  ActiveInsights::Prediction series{labels_of(insight, is_oom ? "oom" : "filesystem"),
                                    billionths(told.probability),
                                    billionths(told.confidence),
                                    {}};
  if (told.seconds < kSecondsMax)
    series.time_to_event_ns = static_cast<uint64_t>(std::max(told.seconds, 0.0) * kNsPerSecond);
  return series;
}

template <typename Series, typename Before>
void sort_once(std::vector<Series>& all, Before before) {
  std::sort(all.begin(), all.end(), before);
  auto same = [](const Series& one, const Series& other) { return one.labels == other.labels; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
}

}  // namespace

ActiveInsights insight_series(const InsightTable& table) {
  ActiveInsights all;
  table.each([&all](const Insight& insight) {
    std::string labels = labels_of(insight, insight_type_name(insight.type));
    labels += ',';
    append_label(labels, "severity", severity_name(insight.severity));
    all.active.push_back({std::move(labels)});
    if (insight.prediction) all.predictions.push_back(series_of(insight));
  });
  sort_once(all.active, [](const ActiveInsights::Active& one, const ActiveInsights::Active& other) {
    return one.labels < other.labels;
  });
  using Told = ActiveInsights::Prediction;
  sort_once(all.predictions, [](const Told& one, const Told& other) {
    if (one.labels != other.labels) return one.labels < other.labels;
    return one.probability > other.probability;
  });
  return all;
}

}  // namespace kubepulse
