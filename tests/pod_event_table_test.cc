#include "identity/pod_event_table.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond;

std::string next(PodEventTable& table, uint64_t now_ns) {
  auto question = table.next(now_ns);
  return question ? question->ns + "/" + question->uid : "-";
}

PodEvent event(const std::string& reason) {
  PodEvent made;
  made.reason.assign(reason);
  return made;
}

START_TEST(one_after_the_other) {
  PodEventTable table;
  ck_assert(!table.has_question());
  CHECK_TEXT(next(table, 0), "-");
  table.want("shop", "a", kSecond);
  table.want("bank", "b", kSecond);
  table.want("shop", "a", kSecond);
  for (const char* none : {"", "x"})
    table.want(none, none[0] == 'x' ? "" : "x", kSecond);
  ck_assert_uint_eq(table.size(), 2);
  CHECK_TEXT(next(table, kSecond), "shop/a");
  CHECK_TEXT(next(table, kSecond), "bank/b");
  ck_assert(!table.has_question());
  ck_assert(table.find("a") == nullptr && table.find("c") == nullptr);

  PodEvent made = event("FailedMount");
  table.answered("a", &made);
  table.answered("nobody", &made);
  CHECK_TEXT(table.find("a")->reason.view(), "FailedMount");
  ck_assert(table.find("b") == nullptr);
  table.answered("a", nullptr);
  ck_assert(table.find("a") == nullptr);
  ck_assert_uint_eq(table.overflow(), 0);
}
END_TEST

START_TEST(not_too_often) {
  PodEventTable table;
  uint64_t now = 5 * kSecond;
  table.want("shop", "a", now);
  CHECK_TEXT(next(table, now), "shop/a");
  // Answered or not.
  table.want("shop", "a", now + PodEventTable::kAskedAgainNs - 1);
  ck_assert(!table.has_question());
  table.want("shop", "a", now + PodEventTable::kAskedAgainNs);
  table.want("shop", "a", now + PodEventTable::kAskedAgainNs);
  CHECK_TEXT(next(table, now + PodEventTable::kAskedAgainNs), "shop/a");
  CHECK_TEXT(next(table, now + PodEventTable::kAskedAgainNs), "-");
}
END_TEST

START_TEST(what_nobody_wants) {
  PodEventTable table;
  PodEvent made = event("BackOff");
  table.want("shop", "a", kSecond);
  table.want("shop", "b", kSecond);
  CHECK_TEXT(next(table, kSecond), "shop/a");
  table.answered("a", &made);
  table.want("shop", "a", 2 * kSecond);
  table.expire(kSecond + PodEventTable::kKeptNs - 1);
  ck_assert_uint_eq(table.size(), 2);
  // One that nobody has come to ask for goes, too, and leaves no question behind.
  table.expire(kSecond + PodEventTable::kKeptNs);
  ck_assert_uint_eq(table.size(), 1);
  ck_assert(!table.has_question() && table.find("a") != nullptr);
  table.expire(2 * kSecond + PodEventTable::kKeptNs);
  ck_assert_uint_eq(table.size(), 0);
  ck_assert(table.find("a") == nullptr);
}
END_TEST

START_TEST(bounds) {
  PodEventTable table;
  for (unsigned i = 0; i < PodEventTable::kQueueMax + 3; i++)
    table.want("shop", "uid-" + std::to_string(i), kSecond);
  ck_assert_uint_eq(table.overflow(), 3);
  ck_assert_uint_eq(table.size(), PodEventTable::kQueueMax);
  CHECK_TEXT(next(table, kSecond), "shop/uid-0");
  table.want("shop", "uid-64", kSecond);
  ck_assert_uint_eq(table.overflow(), 3);
  // All pods that there is room for.
  PodEventTable full;
  for (unsigned i = 0; i < PodEventTable::kPodsMax + 2; i++) {
    full.want("shop", "uid-" + std::to_string(i), kSecond);
    full.next(kSecond);
  }
  ck_assert_uint_eq(full.size(), PodEventTable::kPodsMax);
  ck_assert_uint_eq(full.overflow(), 2);
  full.want("shop", "uid-0", 60 * kSecond);
  CHECK_TEXT(next(full, 60 * kSecond), "shop/uid-0");
  ck_assert_uint_eq(full.overflow(), 2);
}
END_TEST

}  // namespace

CHECK_MAIN("pod_event_table", one_after_the_other, not_too_often, what_nobody_wants, bounds)
