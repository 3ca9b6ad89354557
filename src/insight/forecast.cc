#include "insight/forecast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "insight/line_fit.h"

namespace kubepulse {

namespace {

// Shares of rises that do not end by themselves, before anything is known of this one. Nobody has
// counted them: the histories of tests/histories are foreseen best with these. With each a third
// less a kill is foreseen half as early (60 s, not 120 s); with each half as large again a quarter
// of what is told is told in vain.
//
// The first rise of a container is usually its start-up.
constexpr double kEndlessAtStart = 0.15;
constexpr double kEndlessLater = 0.3;
// It has left the range that it kept to so far; one peak is no range.
constexpr double kEndlessBeyondPeaks = 0.5;
constexpr size_t kRangePeaksMin = 2;
// What has not gone on for two minutes yet is as likely a burst, which is over by then.
constexpr double kYoungSeconds = 120;
constexpr double kEndlessYoung = 0.5;  // of the shares above
constexpr double kBegunShare = 0.15;   // of the rise: from there on it has begun
constexpr double kEndlessBelowPeak = 0.1;
// What was killed for want of memory does it again, unless somebody has changed something; but it
// starts up again, too.
constexpr double kEndlessOnceKilled = 0.45;
// Peaks that rise one after the other.
constexpr double kEndlessPeaks = 0.5;

// What is less likely is not worked out: nobody reports it, or goes on to.
constexpr double kProbabilityTold = 0.25;

// A rise of less than this share of the limit may be anything.
constexpr double kRiseShareMin = 0.04;
// Six samples: fewer have no spread to speak of, and a burst is over by then.
constexpr size_t kSamplesMin = 6;
// A window is made longer as long as its line agrees with those of the shorter ones (Lepski).
constexpr size_t kWindows[] = {6, 10, 18, 31};
constexpr double kAgreeErrors = 2;
// Where the line through all of them leaves no more than the noise over, nothing else is tried.
constexpr double kStraightSpreads = 1.2;
constexpr double kSlopeErrorsMin = 3;  // a rise by accident: once in 700
// Allocators take and give back memory in pieces: no level is surer than this share of the limit.
constexpr double kSpreadShareMin = 0.002;
// Halves of fewer points do not tell a bend from noise.
constexpr size_t kBendSamplesMin = 10;
constexpr size_t kBendSamples = 16;
constexpr double kBendErrors = 2;
// Growth beyond e^5 times the pace of now is no forecast any more.
constexpr double kBendMax = 5;
constexpr size_t kPeaksMin = 4;
constexpr double kWindowSeconds = 300;

double endless(double share, double way) {
  return share / (share + (1 - share) * (1 - way));
}

// The rise of now: points in seconds before the newest sample and pages, oldest first.
struct Rise {
  std::array<Point, LevelHistory::kSamplesMax> points;
  size_t count = 0;
  double spread_min = 0;
};

Rise rise_of(const LevelHistory& history, double limit) {
  Rise rise;
  uint32_t now_ms = history.newest().at_ms;
  uint32_t age_ms = now_ms - history.floor().at_ms;
  for (size_t i = 0; i < history.size(); i++) {
    const LevelSample& sample = history[i];
    uint32_t before_ms = now_ms - sample.at_ms;
    if (before_ms > age_ms) continue;
    rise.points[rise.count++] = {static_cast<float>(before_ms) / -1000,
                                 static_cast<float>(LevelHistory::firm(sample))};
  }
  // A step has the noise of two samples, and of normal ones half are within 0.67 deviations.
  rise.spread_min = std::max(kSpreadShareMin * limit, history.noise() / 0.6745 / std::sqrt(2.0));
  return rise;
}

struct Line {
  LineFit fit;
  size_t samples;
  bool is_straight;  // all of the rise, but for its noise
};

// Through as many of the newest points as agree.
Line newest_line(const Rise& rise) {
  LineFit whole = fit_line(rise.points.data(), rise.count, rise.spread_min);
  if (whole.spread <= kStraightSpreads * rise.spread_min) return {whole, rise.count, true};
  double low = -std::numeric_limits<double>::infinity(), high = -low;
  Line best{};
  for (size_t window : kWindows) {
    size_t count = std::min(window, rise.count);
    LineFit fit = fit_line(&rise.points[rise.count - count], count, rise.spread_min);
    low = std::max(low, fit.slope - kAgreeErrors * fit.slope_error);
    high = std::min(high, fit.slope + kAgreeErrors * fit.slope_error);
    if (low > high && best.samples > 0) break;
    best = {fit, count, false};
    if (count == rise.count) break;
  }
  return best;
}

// The pace of the newest points changes by the factor e^bend a second; 0 where that is not sure.
double bend_of(const Rise& rise, size_t count) {
  count = std::min(count, rise.count);
  if (count < kBendSamplesMin) return 0;
  size_t half = count / 2;
  const Point *older = &rise.points[rise.count - count], *newer = &rise.points[rise.count - half];
  LineFit before = fit_line(older, half, rise.spread_min);
  LineFit now = fit_line(newer, half, rise.spread_min);
  double error = std::hypot(before.slope_error, now.slope_error);
  if (before.slope <= 0 || std::fabs(now.slope - before.slope) < kBendErrors * error) return 0;
  double distance = newer[half / 2].x - older[half / 2].x;
  double ratio = std::clamp(now.slope / before.slope, 0.01, 100.0);
  return std::log(ratio) / distance;
}

// How far `pace` goes in `seconds`.
double way_of(double pace, double bend, double seconds) {
  if (bend == 0) return pace * seconds;
  return pace * std::expm1(std::min(bend * seconds, kBendMax)) / bend;
}

double seconds_for(double way, double pace, double bend) {
  if (way <= 0) return 0;
  if (pace <= 0) return std::numeric_limits<double>::infinity();
  if (bend == 0) return way / pace;
  double bent = 1 + bend * way / pace;
  if (bent <= 0) return std::numeric_limits<double>::infinity();  // it levels off before
  return std::log(bent) / bend;
}

// Share of the points' variance that the line explains.
double explained(const LineFit& fit, double span) {
  double line = fit.slope * span;
  line *= line / 12;
  return line / (line + fit.spread * fit.spread);
}

double chance_of(const LineFit& fit, double bend, double limit, double horizon) {
  double reached = fit.level + way_of(fit.slope, bend, horizon);
  double error = std::hypot(std::hypot(fit.level_error, fit.spread), horizon * fit.slope_error);
  return normal_below((reached - limit) / error);
}

void tell_times(Forecast& forecast, const LineFit& fit, double bend, double limit) {
  double way = limit - fit.level, error = 2 * std::hypot(fit.level_error, fit.spread);
  forecast.seconds = seconds_for(way, fit.slope, bend);
  forecast.seconds_low =
      seconds_for(way - error, fit.slope + 2 * fit.slope_error, std::max(bend, 0.0));
  forecast.seconds_high =
      seconds_for(way + error, fit.slope - 2 * fit.slope_error, std::min(bend, 0.0));
  forecast.bytes_per_second = fit.slope * LevelHistory::kPageBytes;
}

// Of the last minute: what goes up and down fast has come as far as its crests.
uint32_t highest_lately(const LevelHistory& history) {
  uint32_t highest = 0;
  for (size_t i = history.size() - std::min(history.size(), kSamplesMin); i < history.size(); i++)
    highest = std::max(highest, LevelHistory::firm(history[i]));
  return highest;
}

bool is_young(const LevelHistory& history) {
  double floor = LevelHistory::firm(history.floor());
  double begun = floor + kBegunShare * (LevelHistory::firm(history.newest()) - floor);
  uint32_t now_ms = history.newest().at_ms;
  for (size_t i = history.size(); i-- > 0;)
    if (LevelHistory::firm(history[i]) <= begun)
      return now_ms - history[i].at_ms < kYoungSeconds * 1000;
  return false;
}

// It has never come down, and was on its way when it started up.
bool is_start(const LevelHistory& history) {
  double floor = LevelHistory::firm(history.floor());
  return history.start_level() - floor >=
         kBegunShare * (LevelHistory::firm(history.newest()) - floor);
}

// That this rise goes on to the limit.
double endless_rise(const LevelHistory& history, double limit) {
  double level = highest_lately(history), peak = history.highest_peak();
  double from = LevelHistory::firm(history.floor()), share = kEndlessLater;
  if (level >= limit) return 1;
  if (history.was_killed()) {
    share = kEndlessOnceKilled;
  } else if (level <= peak) {
    return kEndlessBelowPeak;
  } else if (peak > from) {
    if (history.peaks() >= kRangePeaksMin) share = kEndlessBeyondPeaks;
    from = peak;
  } else if (is_start(history)) {
    share = kEndlessAtStart;
  }
  if (is_young(history)) share *= kEndlessYoung;
  double way = std::clamp((level - from) / (limit - from), 0.0, 1.0);
  return endless(share, way);
}

std::optional<Forecast> by_rise(const LevelHistory& history, double limit, double horizon) {
  double level = LevelHistory::firm(history.newest());
  double floor = LevelHistory::firm(history.floor());
  if (level - floor < kRiseShareMin * limit) return std::nullopt;
  double goes_on = endless_rise(history, limit);
  if (goes_on < kProbabilityTold) return std::nullopt;
  Rise rise = rise_of(history, limit);
  if (rise.count < kSamplesMin) return std::nullopt;
  Line line = newest_line(rise);
  if (line.fit.slope < kSlopeErrorsMin * line.fit.slope_error) return std::nullopt;

  // A crest bends only at last, a long warm-up so little that it takes the whole window to see.
  // What is straight may slow down yet; that it speeds up would be how it began.
  double bend =
      std::min(bend_of(rise, rise.count), line.is_straight ? 0 : bend_of(rise, kBendSamples));
  Forecast forecast;
  forecast.samples = line.samples;
  forecast.span_seconds = -rise.points[rise.count - line.samples].x;
  forecast.confidence = explained(line.fit, forecast.span_seconds) *
                        std::min(1.0, forecast.span_seconds / kWindowSeconds);
  // The line's pace is that of its middle.
  double since_middle = bend * forecast.span_seconds / 2;
  line.fit.slope *= std::exp(std::clamp(since_middle, -kBendMax / 2, kBendMax / 2));
  forecast.probability = goes_on * chance_of(line.fit, bend, limit, horizon);
  tell_times(forecast, line.fit, bend, limit);
  return forecast;
}

std::optional<Forecast> by_peaks(const LevelHistory& history, double limit, double horizon) {
  size_t count = history.peaks();
  if (count < kPeaksMin) return std::nullopt;
  double first = history.peak(0).level, last = history.peak(count - 1).level;
  if (last - first < kRiseShareMin * limit || first >= limit) return std::nullopt;
  double goes_on = endless(kEndlessPeaks, std::min(1.0, (last - first) / (limit - first)));
  std::array<Point, LevelHistory::kPeaksMax> points;
  uint32_t now_ms = history.newest().at_ms;
  for (size_t i = 0; i < count; i++)
    points[i] = {static_cast<float>(now_ms - history.peak(i).at_ms) / -1000,
                 static_cast<float>(history.peak(i).level)};
  LineFit fit = fit_line(points.data(), count, kSpreadShareMin * limit);
  if (fit.slope < kSlopeErrorsMin * fit.slope_error) return std::nullopt;
  // Where no new peak has come for long, the line does not go on.
  double span = points[count - 1].x - points[0].x;
  double period = span / static_cast<double>(count - 1);
  if (-points[count - 1].x > 2 * period) return std::nullopt;

  Forecast forecast;
  forecast.samples = count;
  forecast.span_seconds = span;
  forecast.probability = goes_on * chance_of(fit, 0, limit, horizon);
  forecast.confidence =
      explained(fit, span) * std::min(1.0, static_cast<double>(count) / LevelHistory::kPeaksMax);
  tell_times(forecast, fit, 0, limit);
  return forecast;
}

}  // namespace

std::optional<Forecast> forecast_full(const LevelHistory& history, double horizon_seconds) {
  if (history.size() == 0) return std::nullopt;
  double limit = history.newest().limit;
  if (limit == 0 || limit == kNoLevelLimit) return std::nullopt;
  std::optional<Forecast> rise = by_rise(history, limit, horizon_seconds);
  std::optional<Forecast> peaks = by_peaks(history, limit, horizon_seconds);
  if (peaks && (!rise || peaks->probability > rise->probability)) rise = peaks;
  if (!rise || rise->probability < kProbabilityTold) return std::nullopt;
  return rise;
}

}  // namespace kubepulse
