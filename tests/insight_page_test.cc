#include "sniff/insight_page.h"

#include "tests/told_insights.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string refusal(const std::string& text) {
  InsightPageReader reader;
  reader.feed(text);
  Status status = reader.finish();
  return status.ok() ? "accepted" : status.message();
}

std::string insight(const std::string& id, const std::string& more = "") {
  return R"({"id":")" + id + R"(","state":"active","type":"t","severity":"warning")" + more + "}";
}

START_TEST(all_members) {
  Insight made = made_oom(InsightType::pod_not_ready);
  made.object = "o";
  made.reason = "refused";
  made.peer_ns = "data";
  made.peer = "db";
  made.cause = 0xfe;
  made.prediction = Prediction{0.8333333, 0.9, 200, 150.25, INFINITY};
  std::string text;
  append_insight(text, made, "raised", kWallOffsetNs);
  std::string answer = answer_of({made});
  for (size_t step : {size_t{1}, size_t{7}, answer.size()}) {
    InsightPage page = read_page(answer, step);
    ck_assert_uint_eq(page.tick_ns, kWallOffsetNs + 1020 * kNsPerSecond);
    ck_assert_uint_eq(page.interval_ns, 10 * kNsPerSecond);
    ck_assert_uint_eq(page.insights.size(), 1);
    ck_assert_uint_eq(page.lost, 0);
    const ToldInsight& told = page.insights[0];
    ck_assert(page.find(made.id) == &told && page.find(1) == nullptr);
    ck_assert(told.critical && told.kubernetes && told.cause == 0xfe);
    CHECK_TEXT(told.type + "|" + told.ns + "|" + told.pod + "|" + told.container + "|" +
                   told.owner_kind + "|" + told.owner + "|" + told.object,
               "pod_not_ready|shop|web-5d4f8c7b9-x2x4z|app|deployment|web|o");
    ck_assert_uint_eq(told.since_ns, kWallOffsetNs + 1000 * kNsPerSecond);
    CHECK_TEXT(told.summary.substr(0, 24), "is not ready in 3 min 20");
    ck_assert_uint_eq(told.evidence.size(), 4);
    CHECK_TEXT(told.evidence[3].name + " " + told.evidence[3].unit, "growth bytes_per_second");
    ck_assert(told.evidence[3].value == 163840);
    ck_assert_uint_gt(told.actions.size(), 0);
    CHECK_TEXT(told.actions[0].command.substr(0, 22), "kubectl --namespace=sh");
    ck_assert(!told.actions[0].what.empty() && !told.actions[0].effect.empty());
    CHECK_TEXT(told.actions[0].risk, "none");
    // As the daemon itself would have written it.
    CHECK_TEXT(told.json_head + "\"raised\"" + told.json_tail, text);
  }
}
END_TEST

// What a later daemon adds is handed on, whatever it is; and one line it remains.
START_TEST(members_of_the_future) {
  std::string more =
      ",\"x\":{\"evidence\":[{\"name\":1}],\"state\":[]},\n\t\"y\" :\r[[{}],\"\x7F"
      "\xC2\x9B\xC2\xA0\"],\"owner\":[{\"kind\":2}],\"evidence\":[[1],2,{\"value\":"
      "null,\"name\":\"n\",\"deep\":{\"name\":\"m\"}}]";
  std::string answer = answer_with({insight("a", more)});
  for (size_t step : {size_t{1}, size_t{3}, answer.size()}) {
    InsightPage page = read_page(answer, step);
    ck_assert_uint_eq(page.insights.size(), 1);
    const ToldInsight& told = page.insights[0];
    CHECK_TEXT(told.json_head, R"({"id":"a","state":)");
    CHECK_TEXT(told.json_tail,
               ",\"type\":\"t\",\"severity\":\"warning\",\"x\":{\"evidence\":[{\"name\":1}],"
               "\"state\":[]},  \"y\" : [[{}],\"\\u007f\\u009b\xC2\xA0\"],\"owner\":[{\"kind\":2}],"
               "\"evidence\":[[1],2,{\"value\":null,\"name\":\"n\",\"deep\":{\"name\":\"m\"}}]}");
    ck_assert(told.owner_kind.empty() && told.owner.empty());
    ck_assert_uint_eq(told.evidence.size(), 1);
    CHECK_TEXT(told.evidence[0].name, "n");
    ck_assert(std::isnan(told.evidence[0].value));
  }
}
END_TEST

START_TEST(no_insights) {
  InsightPage page = read_page(R"({"version":1,"time":null,"insights":[]})");
  ck_assert_uint_eq(page.tick_ns, 0);
  ck_assert_uint_eq(page.interval_ns, 10 * kNsPerSecond);
  page = read_page(R"({"interval_seconds":0,"version":1,"insights":{"insights":[{}]}})");
  ck_assert_uint_eq(page.interval_ns, 10 * kNsPerSecond);
  ck_assert(page.insights.empty() && page.lost == 0);
  ck_assert_uint_eq(read_page(R"({"version":1,"interval_seconds":2.5})").interval_ns,
                    2500 * kNsPerMs);
}
END_TEST

// What is no whole insight, or told twice, is left out, and counted.
START_TEST(lost) {
  InsightPage page =
      read_page(answer_with({insight("a"), insight("a"), insight("x"), insight("b", ",\"state\":5"),
                             "{}", "7", "[{}]", R"({"id":"c","type":"t","severity":"warning"})",
                             R"({"id":"c","type":"t","state":"active"})", insight("d")}));
  ck_assert_uint_eq(page.insights.size(), 2);
  ck_assert_uint_eq(page.lost, 7);  // but for an array of arrays
  CHECK_TEXT(page.insights[1].json_head, R"({"id":"d","state":)");
}
END_TEST

START_TEST(bounds) {
  std::vector<std::string> many;
  for (size_t i = 1; i <= InsightPageReader::kInsightsMax + 3; i++)
    many.push_back(insight(std::to_string(i)));
  InsightPage page = read_page(answer_with(many));
  ck_assert_uint_eq(page.insights.size(), InsightPageReader::kInsightsMax);
  ck_assert_uint_eq(page.lost, 3);
  std::string list;
  for (size_t i = 0; i < 20; i++)
    list += list.empty() ? "{}" : ",{}";
  std::string least = insight("a");
  std::string most = insight(
      "b",
      ",\"x\":\"" + std::string(InsightPageReader::kJsonBytesMax - least.size() - 7, 'x') + "\"");
  ck_assert_uint_eq(most.size(), InsightPageReader::kJsonBytesMax);
  std::string over = insight("c", most.substr(least.size() - 1, most.size() - least.size()) + " ");
  page = read_page(answer_with(
      {insight("a", ",\"evidence\":[" + list + "],\"actions\":[" + list + "]"), most, over}));
  ck_assert_uint_eq(page.insights.size(), 2);
  ck_assert_uint_eq(page.lost, 1);
  ck_assert_uint_eq(page.insights[0].evidence.size(), InsightPageReader::kListMax);
  ck_assert_uint_eq(page.insights[0].actions.size(), InsightPageReader::kListMax);
}
END_TEST

// A command that is not whole, or would not be what is seen, is none.
START_TEST(commands) {
  auto command = [](const std::string& text) {
    std::string action = ",\"actions\":[{\"command\":\"" + text + "\"}]";
    return read_page(answer_with({insight("a", action)})).insights[0].actions[0].command;
  };
  CHECK_TEXT(command("kubectl 'a \\\"b'"), "kubectl 'a \"b'");
  CHECK_TEXT(command("a\\nb"), "");
  CHECK_TEXT(command("a\\u009b2J"), "");
  ck_assert_uint_eq(command(std::string(InsightPageReader::kTextBytesMax, 'x')).size(),
                    InsightPageReader::kTextBytesMax);
  CHECK_TEXT(command(std::string(InsightPageReader::kTextBytesMax + 1, 'x')), "");
}
END_TEST

START_TEST(refused) {
  CHECK_TEXT(refusal("{\"version\":2}"),
             "it has not the version 1, which is the one that is known here");
  for (const char* text : {"{}", "[]", "5", "\"evidence\"", "null", "[{\"version\":1}]"})
    ck_assert_msg(refusal(text) != "accepted", "%s", text);
  ck_assert(refusal("") != "accepted" && refusal("# HELP a b\n") != "accepted");
  std::string answer = answer_with({insight("a")});
  ck_assert(refusal(answer.substr(0, answer.size() - 3)) != "accepted");
  ck_assert(refusal(answer + "x") != "accepted");
}
END_TEST

}  // namespace

CHECK_MAIN("insight_page", all_members, members_of_the_future, no_insights, lost, bounds, commands,
           refused)
