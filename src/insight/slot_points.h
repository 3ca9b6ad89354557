// The slots of a history as points for a line.
#ifndef KUBEPULSE_INSIGHT_SLOT_POINTS_H
#define KUBEPULSE_INSIGHT_SLOT_POINTS_H

#include <array>
#include <cstddef>

#include "insight/level_history.h"
#include "insight/line_fit.h"

namespace kubepulse {

// Seconds, 0 in the slot of now, and pages.
struct SlotPoints {
  std::array<Point, LevelHistory::kSlotsMax> points;
  size_t count = 0;

  double span_seconds() const { return points[count - 1].x - points[0].x; }
};

// The lowest or the highest of each slot that has samples, from the slot `first` on.
inline SlotPoints slot_points(const LevelHistory& history, uint32_t LevelHistory::Slot::*level,
                              size_t first) {
  static_assert(LevelHistory::kSlotsMax <= kFitPointsMax);
  SlotPoints out;
  for (size_t i = first; i < history.slots(); i++) {
    const LevelHistory::Slot& slot = history.slot(i);
    if (slot.empty()) continue;
    auto slots_ago = static_cast<float>(history.slots() - 1 - i);
    out.points[out.count++] = {-slots_ago * LevelHistory::kSlotSeconds,
                               static_cast<float>(slot.*level)};
  }
  return out;
}

}  // namespace kubepulse

#endif
