// Insights as they are told, written by the daemon's own writer and read as any answer.
#ifndef KUBEPULSE_TESTS_TOLD_INSIGHTS_H
#define KUBEPULSE_TESTS_TOLD_INSIGHTS_H

#include <string>
#include <vector>

#include "insight/insight_json.h"
#include "sniff/insight_page.h"
#include "tests/check.h"
#include "tests/made_insight.h"

// 2026-01-02T03:04:05Z, when the monotonic clock stands at 0.
constexpr uint64_t kWallOffsetNs = 1767323045 * kubepulse::kNsPerSecond;

inline std::string answer_with(const std::vector<std::string>& insights) {
  std::string text =
      "{\"version\":1,\"node\":\"box\",\"time\":\"2026-01-02T03:21:05.000000Z\","
      "\"interval_seconds\":10,\"insights\":[";
  for (const std::string& each : insights)
    text += (text.back() == '[' ? "" : ",") + each;
  return text + "]}\n";
}

inline std::string answer_of(const std::vector<kubepulse::Insight>& insights) {
  std::vector<std::string> texts;
  for (const kubepulse::Insight& each : insights)
    kubepulse::append_insight(texts.emplace_back(), each, "active", kWallOffsetNs);
  return answer_with(texts);
}

inline kubepulse::InsightPage read_page(const std::string& text, size_t step = 1 << 20) {
  kubepulse::InsightPageReader reader;
  for (size_t at = 0; at < text.size(); at += step)
    reader.feed(std::string_view(text).substr(at, step));
  CHECK_OK(reader.finish());
  return reader.take();
}

inline kubepulse::ToldInsight told(const kubepulse::Insight& insight) {
  kubepulse::InsightPage page = read_page(answer_of({insight}));
  ck_assert_uint_eq(page.insights.size(), 1);
  return page.insights[0];
}

#endif
