#include "sniff/sniff_text.h"

#include "tests/told_insights.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(raised) {
  Insight insight = made_oom(InsightType::oom_predicted);
  insight.prediction = Prediction{0.83, 0.9, 200, 150, 300};
  ToldInsight cause = told(made_insight(InsightType::memory_leak));
  std::string text;
  append_raised(text, told(insight), &cause, false);
  CHECK_TEXT(text,
             "CRITICAL oom_predicted  shop/web-5d4f8c7b9-x2x4z app (deployment web)\n"
             "  memory reaches its limit in 3 min 20 s (2 min 30 s to 5 min), 83 % likely\n"
             "  seen:  working set 480 MiB, memory limit 512 MiB, highest 480 MiB, growth 160 "
             "KiB/s\n"
             "  cause: memory_leak  shop/web-5d4f8c7b9-x2x4z app\n"
             "  do:    Raise the memory limit to what was seen and some more\n"
             "           kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=memory=1024Mi\n"
             "         risk medium: Makes all its pods anew, one after the other\n"
             "  do:    Restart it before the kernel does, if it leaks\n"
             "           kubectl --namespace=shop rollout restart deployment/web\n"
             "         risk medium: Makes all its pods anew, one after the other\n\n");
}
END_TEST

START_TEST(little_is_known) {
  ToldInsight insight;
  insight.type = "new_type";
  insight.summary = "something";
  insight.evidence = {{"a_b", "parsecs", 3}, {"c", "bytes", NAN}, {"d", "share", 0.5}};
  insight.actions = {{"look", "", "none", "nothing"}};
  std::string text;
  append_raised(text, insight, nullptr, false);
  append_resolved(text, insight, 5, false);
  CHECK_TEXT(text,
             "WARNING new_type  node\n  something\n  seen:  a b 3, d 50 %\n  do:    look\n"
             "         risk none: nothing\n\nRESOLVED new_type  node\n");
}
END_TEST

START_TEST(colors) {
  ToldInsight insight = told(made_insight(InsightType::dns_failing));
  std::string text;
  append_raised(text, insight, nullptr, true);
  CHECK_TEXT(text.substr(0, text.find(" (")),
             "\033[1;33mWARNING\033[0m dns_failing  \033[1mshop/web-5d4f8c7b9-x2x4z app\033[0m");
  text.clear();
  append_resolved(text, insight, kWallOffsetNs + 1320 * kNsPerSecond, true);
  CHECK_TEXT(text,
             "\033[32mRESOLVED\033[0m dns_failing  \033[1mshop/web-5d4f8c7b9-x2x4z app\033[0m, "
             "after 5 min 20 s\n");
  text.clear();
  append_resolved(text, insight, 0, false);
  CHECK_TEXT(text, "RESOLVED dns_failing  shop/web-5d4f8c7b9-x2x4z app, after 0 s\n");
}
END_TEST

void check_lines(const std::string& text, size_t lines) {
  size_t found = 0;
  for (size_t at = 0; at < text.size(); at++) {
    auto byte = static_cast<unsigned char>(text[at]);
    ck_assert(byte == '\n' || (byte >= ' ' && byte != 0x7F));
    bool is_high = byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    ck_assert(!is_high);
    found += byte == '\n';
  }
  ck_assert_uint_eq(found, lines);
}

// No name moves the cursor, or begins a line; neither one that a daemon was given nor what a
// hostile one tells.
START_TEST(any_bytes) {
  std::string bytes = "\xC2\x9B";
  for (int i = 0; i < 256; i++)
    bytes += static_cast<char>(i);
  for (size_t i = 0; i < kInsightTypes; i++) {
    Insight insight = made_oom(static_cast<InsightType>(i));
    insight.ns = insight.pod = insight.container = insight.owner = bytes;
    insight.peer_ns = insight.peer = insight.object = insight.reason = bytes;
    ToldInsight read = told(insight);
    size_t lines = 4 + 2 * read.actions.size();
    for (const ToldInsight::Action& action : read.actions)
      lines += action.command.empty() ? 0 : 1;
    std::string text;
    append_raised(text, read, nullptr, false);
    check_lines(text, lines);
  }
  ToldInsight hostile;
  hostile.type = hostile.summary = hostile.owner_kind = hostile.object = bytes;
  hostile.evidence = {{bytes, bytes, 1}};
  hostile.actions = {{bytes, bytes, bytes, bytes}};
  std::string text;
  append_raised(text, hostile, &hostile, false);
  append_resolved(text, hostile, 1, false);
  check_lines(text, 9);
}
END_TEST

START_TEST(counts) {
  std::string text;
  append_counts(text, {2, 3, 1}, 4, 330 * kNsPerSecond);
  CHECK_TEXT(text, "5 insights in 5 min 30 s: 2 critical, 3 warning; 1 resolved, 4 active\n");
  text.clear();
  append_counts(text, {0, 1}, 1, 0);
  CHECK_TEXT(text, "1 insight: 0 critical, 1 warning\n");
  text.clear();
  append_counts(text, {0, 0, 0, 7}, 0, 0);
  CHECK_TEXT(text, "0 insights: 0 critical, 0 warning; 7 not shown, for want of room or sense\n");
}
END_TEST

}  // namespace

CHECK_MAIN("sniff_text", raised, little_is_known, colors, any_bytes, counts)
