// When what fills up will be full: from the last minutes of a history, and how far they can be
// trusted. Pure.
//
// The chance that it is full within the horizon is the product of two:
//
// - that the line goes so far, by how the samples spread around it. The line is Theil's, through as
//   many of the newest samples as still agree with each other; a rise that slows down or speeds up
//   goes on doing so.
// - that it goes on at all. Most rises end: a program has loaded what it needs, a cache has its
//   size, a burst is over. Of those the end is taken to be anywhere between where the rise began
//   and the limit, so that one that has come x of the way, and is still rising, is one without an
//   end with probability p / (p + (1 - p) (1 - x)), by Bayes, where p was the share of such rises
//   to begin with. Below the highest peak that it came down from by itself nothing is new.
//
// Where it goes up and down, the line through its peaks is looked at likewise.
#ifndef KUBEPULSE_INSIGHT_FORECAST_H
#define KUBEPULSE_INSIGHT_FORECAST_H

#include <cstddef>
#include <optional>

#include "insight/level_history.h"

namespace kubepulse {

struct Forecast {
  double probability = 0;  // to be full within the horizon
  double confidence = 0;   // how much of what the window could tell it has told, 0 to 1
  // From the newest sample on, were it to go on: the estimate, and two standard errors about it.
  // The upper end is infinite where it may never be.
  double seconds = 0, seconds_low = 0, seconds_high = 0;
  double bytes_per_second = 0;
  double span_seconds = 0;  // of what it rests on
  size_t samples = 0;
};

// How far ahead one looks: no farther than the window goes back.
constexpr double kForecastHorizonSeconds = 300;

// Absent where it does not rise, has no limit, or no way that is worth telling.
std::optional<Forecast> forecast_full(const LevelHistory& history,
                                      double horizon_seconds = kForecastHorizonSeconds);

}  // namespace kubepulse

#endif
