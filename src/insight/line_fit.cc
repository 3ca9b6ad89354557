#include "insight/line_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace kubepulse {

namespace {

// Of normal values the median distance from the middle is this part of their standard deviation.
constexpr double kNormalMedian = 0.6745;
// Theil's line is this much less certain than that of least squares, where errors are normal:
// its efficiency is 0.91 (Sen, 1968).
constexpr double kTheilError = 1.05;

// Pairs that are at least half of the points apart: n^2 / 8 of them.
constexpr size_t kPairsMax = (kFitPointsMax / 2 + 1) * (kFitPointsMax / 2 + 1) / 2 + kFitPointsMax;

float median(float* values, size_t count) {
  float* middle = values + count / 2;
  std::nth_element(values, middle, values + count);
  if (count % 2 == 1) return *middle;
  return (*middle + *std::max_element(values, middle)) / 2;
}

}  // namespace

LineFit fit_line(const Point* points, size_t count, double spread_min) {
  std::array<float, kPairsMax> values;
  size_t pairs = 0;
  int rising = 0;
  for (size_t i = 0; i + count / 2 < count; i++) {
    for (size_t j = i + count / 2; j < count; j++) {
      float slope = (points[j].y - points[i].y) / (points[j].x - points[i].x);
      rising += (slope > 0) - (slope < 0);
      values[pairs++] = slope;
    }
  }
  LineFit fit;
  fit.slope = median(values.data(), pairs);
  fit.rising = static_cast<double>(rising) / static_cast<double>(pairs);

  auto slope = static_cast<float>(fit.slope);
  for (size_t i = 0; i < count; i++)
    values[i] = points[i].y - slope * points[i].x;
  float level = median(values.data(), count);
  fit.level = level;
  double mean = 0;
  for (size_t i = 0; i < count; i++) {
    values[i] = std::fabs(points[i].y - slope * points[i].x - level);
    mean += points[i].x;
  }
  auto n = static_cast<double>(count);
  mean /= n;
  // Two of the points' freedoms are spent on the line.
  double spread = median(values.data(), count) / kNormalMedian * std::sqrt(n / (n - 2));
  fit.spread = std::max(spread, spread_min);

  double squares = 0;
  for (size_t i = 0; i < count; i++)
    squares += (points[i].x - mean) * (points[i].x - mean);
  fit.slope_error = kTheilError * fit.spread / std::sqrt(squares);
  fit.level_error = std::sqrt(fit.spread * fit.spread / n +
                              fit.slope_error * fit.slope_error * mean * mean);
  return fit;
}

double normal_below(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

}  // namespace kubepulse
