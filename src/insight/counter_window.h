// What counters have grown by in the last five minutes. Pure; time is a parameter, of a monotonic
// clock.
#ifndef KUBEPULSE_INSIGHT_COUNTER_WINDOW_H
#define KUBEPULSE_INSIGHT_COUNTER_WINDOW_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace kubepulse {

// Of N counters, which are looked at together. 32 N bytes and some: 0.5 KiB for 16.
template <size_t N>
class CounterWindow {
 public:
  static constexpr size_t kSlots = 6;
  static constexpr uint64_t kSlotNs = 50 * kNsPerSecond;
  using Totals = std::array<uint64_t, N>;

  // Totals as they stand. One that has fallen has begun anew, from 0. The first look adds nothing,
  // nor does one after a longer pause than the window, or after the clock went back.
  void add(uint64_t now_ns, const Totals& totals) {
    bool goes_on = looked_ && now_ns >= now_ns_ && now_ns - now_ns_ <= kSlots * kSlotNs;
    if (!goes_on) {
      *this = CounterWindow();
      looked_ = true;
      begun_ns_ = slot_ns_ = now_ns;
    }
    for (; now_ns - slot_ns_ >= kSlotNs; slot_ns_ += kSlotNs) {
      slot_ = (slot_ + 1) % kSlots;
      slots_[slot_] = {};
    }
    for (size_t i = 0; i < N && goes_on; i++) {
      uint64_t more = totals[i] - (totals[i] < totals_[i] ? 0 : totals_[i]);
      uint32_t& sum = slots_[slot_][i];
      sum = more > kMost - sum ? kMost : static_cast<uint32_t>(sum + more);
    }
    totals_ = totals;
    now_ns_ = now_ns;
  }

  // That counter stands at `total` already, whatever it was before: it has not grown to there.
  void set(size_t counter, uint64_t total) { totals_[counter] = total; }

  uint64_t operator[](size_t counter) const {
    uint64_t sum = 0;
    for (const auto& slot : slots_)
      sum += slot[counter];
    return sum;
  }

  // How long it took, at most the window.
  double seconds() const {
    uint64_t first_ns = slot_ns_ - begun_ns_ > (kSlots - 1) * kSlotNs
                            ? slot_ns_ - (kSlots - 1) * kSlotNs
                            : begun_ns_;
    return static_cast<double>(now_ns_ - first_ns) / kNsPerSecond;
  }

 private:
  static constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();

  std::array<std::array<uint32_t, N>, kSlots> slots_{};
  Totals totals_{};
  uint64_t now_ns_ = 0;
  uint64_t begun_ns_ = 0;
  uint64_t slot_ns_ = 0;  // when the slot of now began
  size_t slot_ = 0;
  bool looked_ = false;
};

}  // namespace kubepulse

#endif
