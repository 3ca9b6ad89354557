// How rules tell more from less.
#ifndef KUBEPULSE_INSIGHT_THRESHOLDS_H
#define KUBEPULSE_INSIGHT_THRESHOLDS_H

#include <cstdint>

namespace kubepulse {

// What was enough once holds down to half of it.
constexpr double threshold(double enough, bool held) {
  return held ? enough / 2 : enough;
}

constexpr double share_of(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

}  // namespace kubepulse

#endif
