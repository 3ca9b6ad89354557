#include "sniff/changes.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kTick = 1767323045 * kNsPerSecond;
constexpr uint64_t kInterval = 10 * kNsPerSecond;

ToldInsight made(uint64_t id, bool critical = false, bool kubernetes = false) {
  ToldInsight insight;
  insight.id = id;
  insight.critical = critical;
  insight.kubernetes = kubernetes;
  return insight;
}

InsightPage page_of(std::vector<ToldInsight> insights) {
  InsightPage page;
  page.insights = std::move(insights);
  return page;
}

std::string changes(const InsightPage& before, const InsightPage& now,
                    Origins origins = Origins::all) {
  std::string text;
  for (const InsightChange& change : changes_between(before, now, origins)) {
    bool resolved = change.kind == InsightChange::Kind::resolved;
    text += resolved ? '-' : change.kind == InsightChange::Kind::worse ? '!' : '+';
    text += std::to_string(change.insight->id);
    ck_assert((resolved ? before : now).find(change.insight->id) == change.insight);
  }
  return text;
}

START_TEST(raised_and_resolved) {
  InsightPage none, some = page_of({made(3), made(1), made(2)});
  CHECK_TEXT(changes(none, some), "+3+1+2");
  CHECK_TEXT(changes(some, none), "-3-1-2");
  CHECK_TEXT(changes(some, some), "");
  CHECK_TEXT(changes(some, page_of({made(4), made(1)})), "-3-2+4");
}
END_TEST

START_TEST(severity) {
  InsightPage mild = page_of({made(1), made(2, true)});
  InsightPage grave = page_of({made(1, true), made(2, true)});
  CHECK_TEXT(changes(mild, grave), "!1");
  CHECK_TEXT(changes(grave, mild), "");
}
END_TEST

START_TEST(origins) {
  InsightPage none, some = page_of({made(1), made(2, false, true), made(3, true)});
  CHECK_TEXT(changes(none, some, Origins::kubernetes), "+2");
  CHECK_TEXT(changes(none, some, Origins::kernel), "+1+3");
  CHECK_TEXT(changes(some, none, Origins::kernel), "-1-3");
}
END_TEST

START_TEST(the_next_tick) {
  LookTimes times;
  constexpr uint64_t kGrace = LookTimes::kGraceNs;
  // Between two ticks: until the next one is due.
  ck_assert_uint_eq(times.wait_ns(kTick, kInterval, kTick + 3 * kNsPerSecond),
                    7 * kNsPerSecond + kGrace);
  ck_assert_uint_eq(times.wait_ns(kTick + 1000, kInterval, kTick + 9 * kNsPerSecond),
                    kNsPerSecond + 1000 + kGrace);
  ck_assert_uint_eq(times.ticks(), 1);
  // It is late.
  for (int i = 0; i < LookTimes::kEagerMax; i++)
    ck_assert_uint_eq(times.wait_ns(kTick, kInterval, kTick + kInterval + kGrace), kGrace);
  for (int i = 0; i < 3; i++)
    ck_assert_uint_eq(times.wait_ns(kTick, kInterval, kTick + kInterval + kGrace),
                      LookTimes::kPatientNs);
  // It has come, and the one after it is waited for anew.
  ck_assert_uint_eq(times.wait_ns(kTick + kInterval, kInterval, kTick + kInterval),
                    kInterval + kGrace);
  ck_assert_uint_eq(times.ticks(), 2);
  ck_assert_uint_eq(times.wait_ns(kTick + kInterval, kInterval, kTick + 3 * kInterval), kGrace);
}
END_TEST

// No tick yet, a daemon whose clock is behind or ahead, ours set back.
START_TEST(other_clocks) {
  for (uint64_t tick : {uint64_t{0}, kTick - 3600 * kNsPerSecond, kTick + 3600 * kNsPerSecond}) {
    LookTimes times;
    for (int i = 0; i < LookTimes::kEagerMax; i++)
      ck_assert_uint_eq(times.wait_ns(tick, kInterval, kTick), LookTimes::kGraceNs);
    ck_assert_uint_eq(times.wait_ns(tick, kInterval, kTick), LookTimes::kPatientNs);
    ck_assert_uint_eq(times.ticks(), tick == 0 ? 0 : 1);
  }
  LookTimes times;
  ck_assert_uint_le(times.wait_ns(kTick, kInterval, kTick - kNsPerSecond),
                    kInterval + LookTimes::kPatientNs + LookTimes::kGraceNs);
  times.wait_ns(kTick - 3600 * kNsPerSecond, kInterval, kTick - 3600 * kNsPerSecond);
  ck_assert_uint_eq(times.ticks(), 2);
}
END_TEST

std::string due(Batches& batches, const char* added, bool all = false) {
  for (; *added != '\0'; added++)
    batches.add(std::string(1, *added));
  std::string text;
  for (const std::string& batch : batches.due(all))
    text += "[" + batch + "]";
  return text;
}

START_TEST(batches) {
  Batches single(1);
  CHECK_TEXT(due(single, "abc"), "[a][b][c]");
  CHECK_TEXT(due(single, ""), "");
  Batches pairs(3);
  CHECK_TEXT(due(pairs, "ab"), "");
  CHECK_TEXT(due(pairs, ""), "[ab]");
  CHECK_TEXT(due(pairs, "abcd"), "[abc]");
  CHECK_TEXT(due(pairs, "efgh"), "[def]");  // what has waited is in it; the others may wait
  CHECK_TEXT(due(pairs, ""), "[gh]");
  CHECK_TEXT(due(pairs, "a"), "");
  CHECK_TEXT(due(pairs, "b"), "[ab]");
  CHECK_TEXT(due(pairs, "abcd", true), "[abc][d]");
  CHECK_TEXT(due(pairs, "", true), "");
}
END_TEST

}  // namespace

CHECK_MAIN("changes", raised_and_resolved, severity, origins, the_next_tick, other_clocks, batches)
