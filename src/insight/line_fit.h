// A straight line through few points that single wild ones do not bend. Pure.
#ifndef KUBEPULSE_INSIGHT_LINE_FIT_H
#define KUBEPULSE_INSIGHT_LINE_FIT_H

#include <cstddef>

namespace kubepulse {

struct Point {
  float x, y;
};

struct LineFit {
  double slope = 0;
  double level = 0;        // at x = 0
  double spread = 0;       // standard deviation of the points around the line
  double slope_error = 0;  // standard errors
  double level_error = 0;
  // Of the pairs of points that were looked at, how many rise, less how many fall: 1 where each
  // does (Kendall's tau).
  double rising = 0;
};

constexpr size_t kFitPointsMax = 36;

// Theil's slope: the median of the slopes of pairs; of pairs at least half of the points apart,
// which carry nearly all that there is to know. A tenth of the points may be anything. `points` are
// `count`, 3 to kFitPointsMax, in the order of x, which differ. `spread_min` is what the points are
// uncertain by at least. Some 0.5 us for 31 points.
LineFit fit_line(const Point* points, size_t count, double spread_min);

// The chance that a normal value is below `z` standard deviations.
double normal_below(double z);

}  // namespace kubepulse

#endif
