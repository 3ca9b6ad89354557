#include "insight/insight_json.h"

#include <cmath>

#include "base/json_reader.h"
#include "tests/check.h"
#include "tests/made_insight.h"

using namespace kubepulse;  // NOLINT

namespace {

// 2026-01-02T03:04:05Z, when the monotonic clock stands at 0.
constexpr uint64_t kWallOffsetNs = 1767323045 * kNsPerSecond;

std::string written(const Insight& insight) {
  std::string out;
  append_insight(out, insight, "raised", kWallOffsetNs);
  return out;
}

// One whole document, by the strict reader.
void check_valid(std::string_view text) {
  JsonReader json;
  json.feed(text);
  json.finish();
  for (;;) {
    JsonToken token = json.next();
    if (token == JsonToken::end) return;
    ck_assert_msg(token != JsonToken::error, "%s in %s", json.status().message().c_str(),
                  std::string(text).c_str());
  }
}

START_TEST(all_members) {
  Insight insight = made_oom(InsightType::connect_failing);
  insight.object = "o";
  insight.reason = "refused";
  insight.peer_ns = "data";
  insight.peer = "db";
  insight.cause = 0xfe;
  insight.prediction = Prediction{0.8333333, 0.9, 200, 150.25, INFINITY};
  std::string text = written(insight);
  check_valid(text);
  size_t actions = text.find(",\"actions\":");
  ck_assert(actions != text.npos);
  CHECK_TEXT(
      text.substr(0, actions),
      "{\"id\":\"0123456789abcdef\",\"state\":\"raised\",\"type\":\"connect_failing\",\"severity\":"
      "\"critical\",\"origin\":\"kernel\",\"namespace\":\"shop\",\"pod\":\"web-5d4f8c7b9-x2x4z\","
      "\"container\":\"app\",\"owner\":{\"kind\":\"deployment\",\"name\":\"web\"},\"object\":\"o\","
      "\"reason\":\"refused\",\"peer\":{\"namespace\":\"data\",\"name\":\"db\"},"
      "\"since\":\"2026-01-02T03:20:45.000000Z\","
      "\"summary\":\"connects fail in 3 min 20 s (2 min 30 s to never, perhaps), 83 % likely, "
      "to data/db: refused\","
      "\"evidence\":[{\"name\":\"working_set\",\"value\":503316480,\"unit\":\"bytes\"},"
      "{\"name\":\"memory_limit\",\"value\":536870912,\"unit\":\"bytes\"},"
      "{\"name\":\"highest\",\"value\":503316480,\"unit\":\"bytes\"},"
      "{\"name\":\"growth\",\"value\":163840,\"unit\":\"bytes_per_second\"}],"
      "\"prediction\":{\"probability\":0.833333,\"confidence\":0.9,\"seconds\":200,"
      "\"seconds_low\":150.25,\"seconds_high\":null},\"cause\":\"00000000000000fe\"");
}
END_TEST

START_TEST(what_is_not_known_is_left_out) {
  Insight insight;
  insight.type = InsightType::systemic;
  CHECK_TEXT(written(insight),
             "{\"id\":\"0000000000000000\",\"state\":\"raised\",\"type\":\"systemic\",\"severity\":"
             "\"warning\",\"origin\":\"kernel\",\"namespace\":\"\",\"pod\":\"\","
             "\"since\":\"2026-01-02T03:04:05.000000Z\",\"summary\":\"many pods have the same "
             "trouble\",\"evidence\":[],\"actions\":[{\"what\":\"Look at what these pods share: a "
             "node, an image, a dependency\",\"risk\":\"none\",\"effect\":\"Tells nothing by "
             "itself\"}]}");
}
END_TEST

// The clocks have come apart since: the machine slept, or somebody has set the time.
START_TEST(since_stays) {
  InsightTable table;
  Finding found{InsightType::oom_killed};
  for (uint64_t tick = 1; tick < 3; tick++) {
    table.begin(tick * 10 * kNsPerSecond, kWallOffsetNs + tick * 3600 * kNsPerSecond);
    table.take(found);
    table.end({}, 3);
    std::string text;
    append_insights(text, table, "box", {tick * 10 * kNsPerSecond, kNsPerSecond},
                    tick * kWallOffsetNs / 3);
    ck_assert_msg(text.find("\"since\":\"2026-01-02T04:04:05.000000Z\"") != text.npos, "%s",
                  text.c_str());
  }
}
END_TEST

START_TEST(any_bytes) {
  std::string bytes;
  for (int i = 0; i < 256; i++)
    bytes += static_cast<char>(i);
  for (size_t i = 0; i < kInsightTypes; i++) {
    Insight insight = made_oom(static_cast<InsightType>(i));
    insight.ns = insight.pod = insight.container = insight.owner = insight.object = bytes;
    insight.reason = insight.peer_ns = insight.peer = bytes;
    std::string text = written(insight);
    check_valid(text);
    for (char byte : text)
      ck_assert(static_cast<unsigned char>(byte) >= ' ');
  }
}
END_TEST

START_TEST(a_page) {
  InsightTable table;
  std::string text;
  append_insights(text, table, "no\"de", {0, 10 * kNsPerSecond}, kWallOffsetNs);
  CHECK_TEXT(text,
             "{\"version\":1,\"node\":\"no\\\"de\",\"time\":null,\"interval_seconds\":10,"
             "\"insights\":[]}\n");
  text.clear();
  append_insights(text, table, "box", {1, 2500 * kNsPerMs}, kWallOffsetNs);
  CHECK_TEXT(text,
             "{\"version\":1,\"node\":\"box\",\"time\":\"2026-01-02T03:04:05.000000Z\","
             "\"interval_seconds\":2.5,\"insights\":[]}\n");
  Finding warning{InsightType::dns_failing}, older{InsightType::oom_killed},
      newer{InsightType::oom_killed};
  warning.subject.pod = "a";
  older.subject.pod = "b";
  newer.subject.pod = "c";
  older.severity = newer.severity = Severity::critical;
  table.begin(kNsPerSecond);
  table.take(warning);
  table.take(older);
  table.end({}, 3);
  table.begin(2 * kNsPerSecond);
  table.take(newer);
  table.take(older);
  table.take(warning);
  table.end({}, 3);
  text.clear();
  append_insights(text, table, "box", {2 * kNsPerSecond, kNsPerSecond}, kWallOffsetNs);
  check_valid(text);
  size_t a = text.find("\"pod\":\"a\""), b = text.find("\"pod\":\"b\""),
         c = text.find("\"pod\":\"c\"");
  ck_assert(b < c && c < a && a != text.npos);
  ck_assert(text.find("\"state\":\"active\"") != text.npos);
  ck_assert_uint_eq(text.find('\n'), text.size() - 1);
}
END_TEST

}  // namespace

CHECK_MAIN("insight_json", all_members, what_is_not_known_is_left_out, since_stays, any_bytes,
           a_page)
