#include "insight/level_history.h"

#include <algorithm>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond;
constexpr uint64_t kPage = LevelHistory::kPageBytes;

// Every ten seconds, of a limit of 1,000 pages.
class Filled {
 public:
  Filled& then(uint32_t level, int times = 1) {
    for (int i = 0; i < times; i++, now_ns_ += 10 * kSecond)
      ck_assert(history.add(now_ns_, level * kPage, 1000 * kPage));
    return *this;
  }
  Filled& line(uint32_t from, uint32_t to, uint32_t step) {
    for (uint32_t level = from; from < to ? level <= to : level >= to;
         level = from < to ? level + step : level - step)
      then(level);
    return *this;
  }
  void wait(uint64_t seconds) { now_ns_ += seconds * kSecond; }

  LevelHistory history;

 private:
  uint64_t now_ns_ = 1000 * kSecond;
};

START_TEST(window_slides) {
  Filled filled;
  ck_assert_uint_eq(filled.history.size(), 0);
  for (uint32_t i = 1; i <= 100; i++) {
    filled.then(i);
    ck_assert_uint_eq(filled.history.size(), std::min(i, 31U));
    ck_assert_uint_eq(filled.history.newest().used, i);
    ck_assert_uint_eq(filled.history[0].used, i < 31 ? 1 : i - 30);
  }
  const LevelHistory& history = filled.history;
  ck_assert_uint_eq(history.newest().at_ms - history[0].at_ms, 300000);
  ck_assert_uint_eq(history.newest().limit, 1000);
}
END_TEST

START_TEST(units) {
  LevelHistory history;
  ck_assert(history.add(kSecond, 5 * kPage + 4095, UINT64_MAX, 3 * kPage));
  ck_assert_uint_eq(history.newest().used, 5);
  ck_assert_uint_eq(history.newest().limit, kNoLevelLimit);
  ck_assert_uint_eq(LevelHistory::firm(history.newest()), 2);
  // Beyond 16 TiB it is cut, and still below no limit at all.
  ck_assert(history.add(20 * kSecond, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX));
  ck_assert_uint_eq(history.newest().used, kNoLevelLimit - 1);
  ck_assert_uint_eq(history.newest().limit, kNoLevelLimit - 1);
  ck_assert_uint_eq(LevelHistory::firm(history.newest()), 0);
}
END_TEST

START_TEST(clock_jumps) {
  LevelHistory history;
  ck_assert(history.add(100 * kSecond, kPage, 9 * kPage));
  ck_assert(!history.add(100 * kSecond, kPage, 9 * kPage));
  ck_assert(!history.add(108 * kSecond - 1, kPage, 9 * kPage));
  ck_assert(history.add(108 * kSecond, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 2);
  // Five minutes are no gap; more are.
  ck_assert(history.add(408 * kSecond, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 3);
  ck_assert(history.add(708 * kSecond + 1, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 1);
  ck_assert_uint_gt(history.slots(), 1);
  // Back: a new history.
  ck_assert(history.add(50 * kSecond, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 1);
  ck_assert_uint_eq(history.slots(), 1);
  ck_assert(history.add(60 * kSecond, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 2);
  // As far ahead as there is.
  ck_assert(history.add(UINT64_MAX, kPage, 9 * kPage));
  ck_assert_uint_eq(history.size(), 1);
}
END_TEST

// Milliseconds in 32 bits last 49 days.
START_TEST(weeks) {
  LevelHistory history;
  uint64_t day = 86400 * kSecond, now_ns = 49 * day;
  for (int i = 0; i < 10000; i++, now_ns += 10 * kSecond)
    ck_assert(history.add(now_ns, (i % 100 < 50 ? 300 : 600) * kPage, 1000 * kPage));
  ck_assert_uint_eq(history.newest().at_ms - history[0].at_ms, 300000);
  ck_assert_uint_eq(history.peaks(), LevelHistory::kPeaksMax);
  for (size_t i = 1; i < history.peaks(); i++)
    ck_assert_uint_eq(history.peak(i).at_ms - history.peak(i - 1).at_ms, 1000000);
}
END_TEST

START_TEST(peaks_and_floors) {
  Filled filled;
  filled.line(300, 600, 10);
  ck_assert_uint_eq(filled.history.peaks(), 0);
  ck_assert_uint_eq(filled.history.floor().used, 300);
  ck_assert_uint_gt(filled.history.start_level(), 500);
  filled.then(320);
  ck_assert_uint_eq(filled.history.peaks(), 1);
  ck_assert_uint_eq(filled.history.peak(0).level, 600);
  ck_assert_uint_eq(filled.history.floor().used, 320);
  ck_assert_uint_eq(filled.history.start_level(), 0);
  filled.line(330, 700, 10).then(400);
  ck_assert_uint_eq(filled.history.peaks(), 2);
  ck_assert_uint_eq(filled.history.peak(0).floor, 320);
  ck_assert_uint_eq(filled.history.peak(1).level, 700);
  ck_assert_uint_eq(filled.history.highest_peak(), 700);
  filled.line(410, 500, 10).then(400);
  ck_assert_uint_eq(filled.history.peaks(), 3);
  ck_assert_uint_eq(filled.history.highest_peak(), 700);
}
END_TEST

START_TEST(noise_is_no_peak) {
  Filled filled;
  uint32_t random = 1;
  for (int i = 0; i < 2000; i++) {
    random = random * 1664525 + 1013904223;
    filled.then(500 + (random >> 27));  // 0 to 31
    if (i < 30) continue;
    ck_assert_uint_ge(filled.history.noise(), 2);
    ck_assert_uint_le(filled.history.noise(), 20);
  }
  ck_assert_uint_eq(filled.history.peaks(), 0);
  // Nor is a steady rise noise.
  Filled rising;
  rising.line(100, 900, 20);
  ck_assert_uint_eq(rising.history.noise(), 0);
}
END_TEST

// Where little is left, little is a turn.
START_TEST(close_to_the_limit) {
  Filled filled;
  filled.line(900, 970, 5).then(952);
  ck_assert_uint_eq(filled.history.peaks(), 1);
  Filled far;
  far.line(500, 570, 5).then(552);
  ck_assert_uint_eq(far.history.peaks(), 0);
}
END_TEST

START_TEST(old_peaks_go) {
  Filled filled;
  filled.line(300, 600, 10).then(300, 2);
  ck_assert_uint_eq(filled.history.highest_peak(), 600);
  filled.then(300, 6 * 360 - 10);
  ck_assert_uint_eq(filled.history.highest_peak(), 600);
  filled.then(300, 20);
  ck_assert_uint_eq(filled.history.peaks(), 0);
  ck_assert_uint_eq(filled.history.highest_peak(), 0);
}
END_TEST

// More than are kept: the highest stays known.
START_TEST(many_peaks) {
  Filled filled;
  filled.line(300, 900, 10);
  for (int i = 0; i < 20; i++)
    filled.line(300, 600, 50);
  filled.then(300);
  ck_assert_uint_eq(filled.history.peaks(), LevelHistory::kPeaksMax);
  ck_assert_uint_eq(filled.history.peak(0).level, 600);
  ck_assert_uint_eq(filled.history.highest_peak(), 900);
}
END_TEST

START_TEST(restarts) {
  Filled filled;
  filled.line(300, 900, 10).then(300);
  ck_assert(!filled.history.was_killed());
  filled.history.restart(false);
  ck_assert_uint_eq(filled.history.size(), 0);
  ck_assert_uint_eq(filled.history.peaks(), 0);
  filled.then(100, 3);
  filled.history.restart(true);
  filled.history.restart(false);
  filled.then(100, 3);
  ck_assert_uint_eq(filled.history.size(), 3);
  ck_assert(filled.history.was_killed());
  filled.wait(23 * 3600);
  filled.then(100);
  ck_assert(filled.history.was_killed());
  filled.wait(3600);
  filled.then(100);
  ck_assert(!filled.history.was_killed());
}
END_TEST

START_TEST(slots) {
  Filled filled;  // from 1,000 s on, in the slot from 600 s to 1,200 s
  filled.then(500, 20).then(510).then(490).then(500, 10);
  ck_assert_uint_eq(filled.history.slots(), 2);
  ck_assert_uint_eq(filled.history.slot(0).lowest, 500);
  ck_assert_uint_eq(filled.history.slot(1).lowest, 490);
  ck_assert_uint_eq(filled.history.slot(1).highest, 510);
  filled.wait(1200);
  filled.then(700);
  ck_assert_uint_eq(filled.history.slots(), 4);
  ck_assert(filled.history.slot(2).empty());
  ck_assert(!filled.history.slot(3).empty());
  filled.then(600, 60 * 40);
  ck_assert_uint_eq(filled.history.slots(), LevelHistory::kSlotsMax);
  for (size_t i = 0; i < LevelHistory::kSlotsMax; i++)
    ck_assert_uint_eq(filled.history.slot(i).highest, 600);
  filled.wait(24 * 3600);
  filled.then(100);
  ck_assert_uint_eq(filled.history.slots(), 1);
}
END_TEST

}  // namespace

CHECK_MAIN("level_history", window_slides, units, clock_jumps, weeks, peaks_and_floors,
           noise_is_no_peak, close_to_the_limit, old_peaks_go, many_peaks, restarts, slots)
