#include "insight/insight_series.h"

#include <cmath>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Urgent, so that it is reported at its first look.
Finding found(InsightType type, std::string_view pod, std::string_view container) {
  Finding finding{type};
  finding.urgent = true;
  finding.subject.ns = "shop";
  finding.subject.pod = pod;
  finding.subject.container = container;
  return finding;
}

ActiveInsights series_of(std::initializer_list<Finding> findings) {
  InsightTable table;
  table.begin(1000 * kNsPerSecond);
  for (const Finding& finding : findings)
    table.take(finding);
  table.end({}, 1, true);
  return insight_series(table);
}

START_TEST(nothing) {
  ActiveInsights all = series_of({});
  ck_assert_uint_eq(all.active.size(), 0);
  ck_assert_uint_eq(all.predictions.size(), 0);
}
END_TEST

// Two containers of a pod are one series of each severity.
START_TEST(active) {
  Finding critical = found(InsightType::cpu_throttled, "b", "three");
  critical.severity = Severity::critical;
  ActiveInsights all = series_of({found(InsightType::cpu_throttled, "b", "one"),
                                  found(InsightType::cpu_throttled, "b", "two"), critical,
                                  found(InsightType::oom_killed, "a\"", "")});
  ck_assert_uint_eq(all.active.size(), 3);
  CHECK_TEXT(all.active[0].pod + "," + all.active[0].kind,
             R"(namespace="shop",pod="a\"",type="oom_killed",severity="warning")");
  CHECK_TEXT(all.active[1].pod + "," + all.active[1].kind,
             R"(namespace="shop",pod="b",type="cpu_throttled",severity="critical")");
  CHECK_TEXT(all.active[2].pod + "," + all.active[2].kind,
             R"(namespace="shop",pod="b",type="cpu_throttled",severity="warning")");
}
END_TEST

START_TEST(predictions) {
  Finding one = found(InsightType::oom_predicted, "a", "one");
  one.prediction = Prediction{0.5, 0.25, 100, 50, 200};
  Finding two = found(InsightType::oom_predicted, "a", "two");
  two.prediction = Prediction{0.8333333333, 1, 61.5, 50, 200};
  Finding never = found(InsightType::filesystem_filling, "a", "");
  never.prediction = Prediction{0.1, 0.1, INFINITY, 1000, INFINITY};
  ActiveInsights all = series_of({one, two, never});
  ck_assert_uint_eq(all.predictions.size(), 2);
  CHECK_TEXT(all.predictions[0].pod + "," + all.predictions[0].kind,
             R"(namespace="shop",pod="a",type="filesystem")");
  ck_assert(!all.predictions[0].time_to_event_ns);
  CHECK_TEXT(all.predictions[1].pod + "," + all.predictions[1].kind,
             R"(namespace="shop",pod="a",type="oom")");
  ck_assert_uint_eq(all.predictions[1].probability, 833333333);
  ck_assert_uint_eq(all.predictions[1].confidence, kNsPerSecond);
  ck_assert_uint_eq(*all.predictions[1].time_to_event_ns, 61500 * kNsPerMs);
}
END_TEST

}  // namespace

CHECK_MAIN("insight_series", nothing, active, predictions)
