#include "insight/forecast.h"

#include <cmath>

#include "tests/check.h"
#include "tests/memory_levels.h"

using namespace kubepulse;  // NOLINT

namespace {

double probability(const MemoryLevels& levels) {
  std::optional<Forecast> forecast = forecast_full(levels.history);
  return forecast ? forecast->probability : 0;
}

START_TEST(nothing_to_say) {
  ck_assert(!forecast_full(LevelHistory()));
  ck_assert(!forecast_full(MemoryLevels().then(500, 100).history));
  ck_assert(!forecast_full(MemoryLevels().then(999, 100).history));
  ck_assert(!forecast_full(MemoryLevels().then(900, 40).line(300, 20).history));
  // Too few, however steep.
  ck_assert(!forecast_full(MemoryLevels().then(500).line(900, 4).history));
  MemoryLevels unlimited;
  unlimited.limit_bytes = UINT64_MAX;
  ck_assert(!forecast_full(unlimited.then(500, 40).line(900, 30).history));
  // Full already, and no limit at all, are no division by zero.
  MemoryLevels none;
  none.limit_bytes = 0;
  none.then(0, 40).then(10, 40);
  forecast_full(none.history);
  MemoryLevels over;
  over.then(500, 40).line(1200, 30);
  ck_assert_double_ge(probability(over), 0.99);
}
END_TEST

START_TEST(a_leak_by_the_book) {
  // A page a second from 300 on: at 900 it has a hundred seconds.
  MemoryLevels levels;
  levels.then(300, 60).line(900, 60);
  std::optional<Forecast> forecast = forecast_full(levels.history);
  ck_assert(forecast);
  ck_assert_double_eq_tol(forecast->seconds, 100, 1);
  ck_assert_double_le(forecast->seconds_low, 100);
  ck_assert_double_ge(forecast->seconds_high, 100);
  ck_assert_double_ge(forecast->seconds_low, 90);
  ck_assert_double_le(forecast->seconds_high, 110);
  ck_assert_double_eq_tol(forecast->bytes_per_second, 4096, 10);
  ck_assert_double_ge(forecast->confidence, 0.99);
  ck_assert_double_eq_tol(forecast->span_seconds, 300, 1);
  ck_assert_uint_eq(forecast->samples, 31);
  // 600 of 700 pages on its way, of rises of which 0.3 have no end.
  ck_assert_double_eq_tol(forecast->probability, 0.3 / (0.3 + 0.7 / 7), 0.01);
}
END_TEST

START_TEST(likelier_as_it_goes_on) {
  double before = 0;
  for (int samples = 20; samples <= 70; samples += 5) {
    MemoryLevels levels;
    levels.then(300, 60).line(300 + samples * 10, samples);
    double now = probability(levels);
    ck_assert_double_ge(now, before);
    before = now;
  }
  ck_assert_double_ge(before, 0.99);
}
END_TEST

START_TEST(not_within_the_horizon) {
  MemoryLevels levels;
  levels.then(100, 60).line(800, 700);
  ck_assert_double_eq(probability(levels), 0);
  ck_assert(forecast_full(levels.history, 1e5));
}
END_TEST

START_TEST(what_levels_off) {
  MemoryLevels levels;
  levels.then(100);
  for (int i = 1; i <= 60; i++) {
    levels.then(900 - 800 * std::exp(-i / 12.0));
    ck_assert_double_lt(probability(levels), 0.5);
  }
}
END_TEST

START_TEST(what_speeds_up) {
  MemoryLevels levels;
  levels.then(300, 60);
  for (int i = 1; i <= 36; i++)
    levels.then(300 + std::exp(i / 6.0));
  std::optional<Forecast> forecast = forecast_full(levels.history);
  ck_assert(forecast);
  // e^(t/60) + 300 is 1000 at t = 393; now it is 360. A straight line would have said 50.
  ck_assert_double_eq_tol(forecast->seconds, 33, 12);
}
END_TEST

START_TEST(start_up_is_trusted_less) {
  MemoryLevels start, later;
  start.then(300).line(850, 55);
  later.then(300, 60).line(850, 55);
  ck_assert_double_lt(probability(start), 0.5);
  ck_assert_double_gt(probability(later), 0.6);
  // But not once it was killed.
  MemoryLevels killed;
  killed.then(300).line(850, 55);
  killed.history.restart(true);
  killed.then(300).line(850, 55);
  ck_assert_double_gt(probability(killed), 0.7);
}
END_TEST

START_TEST(below_a_peak_nothing_is_new) {
  MemoryLevels levels;
  levels.then(300, 40).line(920, 30).then(300, 40).line(900, 55);
  ck_assert_double_lt(probability(levels), 0.2);
  levels.line(980, 8);
  ck_assert_double_gt(probability(levels), 0.5);
}
END_TEST

START_TEST(peaks_that_rise) {
  MemoryLevels levels;
  levels.then(300);
  for (int i = 0; i < 9; i++)
    levels.line(700 + i * 30, 8).then(400);
  std::optional<Forecast> forecast = forecast_full(levels.history);
  ck_assert(forecast);
  // A peak every 90 s, 30 pages more each time; the last one was 940.
  ck_assert_double_eq_tol(forecast->seconds, 170, 20);
  ck_assert_double_gt(forecast->probability, 0.65);
  ck_assert_uint_eq(forecast->samples, LevelHistory::kPeaksMax);
}
END_TEST

START_TEST(what_is_given_back_does_not_count) {
  LevelHistory history;
  for (uint64_t i = 1; i <= 100; i++) {
    uint64_t cache = i < 60 ? 0 : (i - 60) * 15;
    history.add(i * 10 * kNsPerSecond, (300 + cache) * 4096, 1000 * 4096, cache * 4096);
    ck_assert(!forecast_full(history));
  }
}
END_TEST

}  // namespace

CHECK_MAIN("forecast", nothing_to_say, a_leak_by_the_book, likelier_as_it_goes_on,
           not_within_the_horizon, what_levels_off, what_speeds_up, start_up_is_trusted_less,
           below_a_peak_nothing_is_new, peaks_that_rise, what_is_given_back_does_not_count)
