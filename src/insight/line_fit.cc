#include "insight/line_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "insight/median.h"

namespace kubepulse {

namespace {

// Of normal values the median distance from the middle is this part of their standard deviation.
constexpr double kNormalMedian = 0.6745;
// Theil's line is this much less certain than that of least squares, where errors are normal:
// its efficiency is 0.91 (Sen, 1968).
constexpr double kTheilError = 1.05;

// Of the distances from half of the points on, of many points, only some are looked at: neighbours
// tell nearly the same.
constexpr size_t distance_step(size_t count) {
  return 1 + count / 12;
}

constexpr size_t pairs_of(size_t count) {
  size_t pairs = 0;
  for (size_t distance = count / 2; distance < count; distance += distance_step(count))
    pairs += count - distance;
  return pairs;
}

constexpr size_t most_values() {
  size_t most = kFitPointsMax;  // as many as there are points, too
  for (size_t count = 3; count <= kFitPointsMax; count++)
    most = pairs_of(count) > most ? pairs_of(count) : most;
  return most;
}

}  // namespace

LineFit fit_line(const Point* points, size_t count, double spread_min) {
  std::array<float, most_values()> values;
  size_t pairs = 0;
  int rising = 0;
  for (size_t distance = count / 2; distance < count; distance += distance_step(count)) {
    for (size_t i = 0; i + distance < count; i++) {
      const Point &before = points[i], &behind = points[i + distance];
      float slope = (behind.y - before.y) / (behind.x - before.x);
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
  fit.level_error =
      std::sqrt(fit.spread * fit.spread / n + fit.slope_error * fit.slope_error * mean * mean);
  return fit;
}

double normal_below(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

}  // namespace kubepulse
