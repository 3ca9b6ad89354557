#include "publish/insight_metrics.h"

#include <string>

namespace kubepulse {

namespace {

using Prediction = ActiveInsights::Prediction;

std::string with_node(const std::string& labels, std::string_view node_label) {
  return labels + ',' + std::string(node_label);
}

void write_active(const DaemonFacts& facts, std::string_view node_label, Page& page) {
  for (const ActiveInsights::Active& each : facts.insights.active)
    page.sample(with_node(each.labels, node_label), uint64_t{1});
}

// Billionths are written as nanoseconds are: exactly.
template <uint64_t Prediction::*member>
void write_share(const DaemonFacts& facts, std::string_view node_label, Page& page) {
  for (const Prediction& each : facts.insights.predictions)
    page.sample_seconds(with_node(each.labels, node_label), each.*member);
}

void write_time(const DaemonFacts& facts, std::string_view node_label, Page& page) {
  for (const Prediction& each : facts.insights.predictions)
    if (each.time_to_event_ns)
      page.sample_seconds(with_node(each.labels, node_label), *each.time_to_event_ns);
}

}  // namespace

void add_insight_metrics(std::vector<MetricFamily>& all) {
  auto add = [&all](const char* name, const char* help, auto* write) {
    all.push_back({name, MetricKind::gauge, help, nullptr, nullptr, nullptr, nullptr, write});
  };
  add("kubepulse_insight_active", "1 while the insight holds; GET /insights tells the rest.",
      write_active);
  add("kubepulse_prediction_probability", "How likely the predicted event is.",
      write_share<&Prediction::probability>);
  add("kubepulse_prediction_confidence",
      "How much of what there is to see before it is predicted has been seen, 0 to 1.",
      write_share<&Prediction::confidence>);
  add("kubepulse_prediction_time_to_event_seconds", "When the predicted event is expected.",
      write_time);
}

}  // namespace kubepulse
