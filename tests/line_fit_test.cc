#include "insight/line_fit.h"

#include <cmath>
#include <random>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::vector<Point> line(size_t count, float slope, float level) {
  std::vector<Point> points;
  for (size_t i = 0; i < count; i++) {
    float x = (static_cast<float>(i) - static_cast<float>(count - 1)) * 10;
    points.push_back({x, level + slope * x});
  }
  return points;
}

LineFit fit(const std::vector<Point>& points, double spread_min = 0.001) {
  return fit_line(points.data(), points.size(), spread_min);
}

START_TEST(a_line_is_found) {
  for (size_t count = 3; count <= kFitPointsMax; count++) {
    LineFit found = fit(line(count, 2, 100));
    ck_assert_double_eq_tol(found.slope, 2, 1e-4);
    ck_assert_double_eq_tol(found.level, 100, 1e-2);
    ck_assert_double_eq_tol(found.rising, 1, 1e-9);
    ck_assert_double_ge(found.spread, 0.001);
  }
  ck_assert_double_eq_tol(fit(line(31, -3, 5)).rising, -1, 1e-9);
  LineFit flat = fit(line(31, 0, 5));
  ck_assert_double_eq(flat.slope, 0);
  ck_assert_double_eq(flat.rising, 0);
}
END_TEST

// A tenth of them, wherever they are.
START_TEST(wild_points_do_not_bend_it) {
  for (size_t at = 0; at < 31; at++) {
    std::vector<Point> points = line(31, 2, 100);
    for (size_t i = 0; i < 3; i++)
      points[(at + i) % 31].y += 10000;
    LineFit found = fit(points);
    ck_assert_double_eq_tol(found.slope, 2, 0.01);
    ck_assert_double_eq_tol(found.level, 100, 2);
    ck_assert_double_le(found.spread, 1);
  }
}
END_TEST

// The errors are what they say: the true slope is within two of them 19 of 20 times.
START_TEST(errors_cover_the_truth) {
  std::mt19937 random(3);
  auto uniform = [&] { return static_cast<float>(random() / 4294967296.0); };
  for (size_t count : {8, 15, 31}) {
    int slopes = 0, levels = 0;
    double spread = 0;
    constexpr int kRounds = 2000;
    for (int round = 0; round < kRounds; round++) {
      std::vector<Point> points = line(count, 0.5, 50);
      for (Point& point : points) {
        float sum = -6;
        for (int i = 0; i < 12; i++)
          sum += uniform();
        point.y += 4 * sum;
      }
      LineFit found = fit(points);
      slopes += std::fabs(found.slope - 0.5) < 2 * found.slope_error;
      levels += std::fabs(found.level - 50) < 2 * found.level_error;
      spread += found.spread / kRounds;
    }
    // Of few points the median distance itself is uncertain.
    int enough = count < 10 ? kRounds * 80 / 100 : kRounds * 88 / 100;
    ck_assert_int_ge(slopes, enough);
    ck_assert_int_ge(levels, enough);
    ck_assert_double_eq_tol(spread, 4, 0.8);
  }
}
END_TEST

START_TEST(normal_distribution) {
  ck_assert_double_eq_tol(normal_below(0), 0.5, 1e-9);
  ck_assert_double_eq_tol(normal_below(1.959964), 0.975, 1e-6);
  ck_assert_double_eq_tol(normal_below(-1.959964), 0.025, 1e-6);
  ck_assert_double_eq_tol(normal_below(40), 1, 1e-9);
}
END_TEST

}  // namespace

CHECK_MAIN("line_fit", a_line_is_found, wild_points_do_not_bend_it, errors_cover_the_truth,
           normal_distribution)
