#include "insight/insight_text.h"

#include <cmath>

#include "tests/check.h"
#include "tests/made_insight.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string quantity(double value, Unit unit) {
  std::string out;
  append_quantity(out, value, unit);
  return out;
}

START_TEST(quantities) {
  CHECK_TEXT(quantity(0, Unit::bytes), "0 B");
  CHECK_TEXT(quantity(1023, Unit::bytes), "1023 B");
  CHECK_TEXT(quantity(1536, Unit::bytes), "1.5 KiB");
  CHECK_TEXT(quantity(480 << 20, Unit::bytes), "480 MiB");
  CHECK_TEXT(quantity(163840, Unit::bytes_per_second), "160 KiB/s");
  CHECK_TEXT(quantity(std::ldexp(1, 60), Unit::bytes), "1048576 TiB");
  CHECK_TEXT(quantity(0.834, Unit::share), "83 %");
  CHECK_TEXT(quantity(12, Unit::count), "12");
  CHECK_TEXT(quantity(0.25, Unit::count), "0.2");
  CHECK_TEXT(quantity(2.5, Unit::per_second), "2.5/s");
}
END_TEST

START_TEST(times) {
  CHECK_TEXT(quantity(0.2, Unit::seconds), "0 s");
  CHECK_TEXT(quantity(59.4, Unit::seconds), "59 s");
  CHECK_TEXT(quantity(59.6, Unit::seconds), "1 min");
  CHECK_TEXT(quantity(200, Unit::seconds), "3 min 20 s");
  CHECK_TEXT(quantity(3600, Unit::seconds), "1 h");
  CHECK_TEXT(quantity(3659, Unit::seconds), "1 h");
  CHECK_TEXT(quantity(5400, Unit::seconds), "1 h 30 min");
  CHECK_TEXT(quantity(86400 * 3 + 7200, Unit::seconds), "3 d 2 h");
  CHECK_TEXT(quantity(-5, Unit::seconds), "0 s");
  CHECK_TEXT(quantity(INFINITY, Unit::seconds), "never, perhaps");
  CHECK_TEXT(quantity(NAN, Unit::seconds), "never, perhaps");
}
END_TEST

START_TEST(summaries) {
  Insight insight = made_oom(InsightType::oom_predicted);
  insight.prediction = Prediction{0.83, 0.9, 200, 150, 300};
  std::string text;
  append_summary(text, insight);
  CHECK_TEXT(text, "memory reaches its limit in 3 min 20 s (2 min 30 s to 5 min), 83 % likely");
  insight = made_insight(InsightType::connect_failing);
  insight.peer_ns = "data";
  insight.peer = "d\nb";
  insight.reason = "refu\033sed";
  text.clear();
  append_summary(text, insight);
  CHECK_TEXT(text,
             "connects fail, to data/d\xEF\xBF\xBD"
             "b: refu\xEF\xBF\xBDsed");
  insight.peer_ns = "";
  insight.peer = "192.0.2.1";
  insight.reason = "\"quoted\" \\";
  text.clear();
  append_summary(text, insight);
  CHECK_TEXT(text, "connects fail, to 192.0.2.1: \"quoted\" \\");
  insight = made_insight(InsightType::node_pressure);
  insight.object = "memory";
  text.clear();
  append_summary(text, insight);
  CHECK_TEXT(text, "the node is not well: memory");
}
END_TEST

}  // namespace

CHECK_MAIN("insight_text", quantities, times, summaries)
