// How full something with an end has been lately: a container's memory, a filesystem. Pure; time
// is a parameter, of a monotonic clock.
//
// Three views of one series of samples, each as long as what is asked of it: five minutes of
// samples for a line, the last peaks for what a garbage collector or a burst does, and the highest
// and lowest of every ten minutes for a slow leak. 0.9 KiB, all told: 3.7 MiB for 4,096 containers.
#ifndef KUBEPULSE_INSIGHT_LEVEL_HISTORY_H
#define KUBEPULSE_INSIGHT_LEVEL_HISTORY_H

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace kubepulse {

constexpr uint32_t kNoLevelLimit = UINT32_MAX;

// Levels are in pages of 4 KiB, so that 16 TiB fit; more is cut.
struct LevelSample {
  uint32_t at_ms;        // modulo 2^32: only differences count
  uint32_t used;         // of memory the working set
  uint32_t limit;        // or kNoLevelLimit
  uint32_t reclaimable;  // of `used`, what the kernel takes back before the end; 0: not known
};
static_assert(sizeof(LevelSample) == 16);

class LevelHistory {
 public:
  static constexpr uint64_t kPageBytes = 4096;
  static constexpr size_t kSamplesMax = 31;  // 5 minutes at 10 s
  // Samples that come closer together than this are passed over: the window is to last 5 minutes
  // however often somebody looks.
  static constexpr uint64_t kSpacingNsMin = 8 * kNsPerSecond;
  // What lies behind a longer gap says nothing of how it goes on: the whole window would be one
  // line with nothing on it.
  static constexpr uint64_t kGapNsMax = 300 * kNsPerSecond;

  // Start-up: it has shown its direction by then.
  static constexpr uint64_t kStartNs = 300 * kNsPerSecond;

  static constexpr size_t kPeaksMax = 8;
  static constexpr uint64_t kPeakKeptNs = 21600 * kNsPerSecond;

  static constexpr uint64_t kKillKeptNs = 86400 * kNsPerSecond;

  static constexpr size_t kSlotsMax = 36;  // 6 hours
  static constexpr uint32_t kSlotSeconds = 600;
  static constexpr uint64_t kSlotNs = kSlotSeconds * kNsPerSecond;

  // Where the level turned down, by more than noise does.
  struct Peak {
    uint32_t at_ms;
    uint32_t level;
    uint32_t floor;  // the lowest since
  };
  // Of ten minutes. Without a sample in them `highest` is below `lowest`.
  struct Slot {
    uint32_t lowest = UINT32_MAX;
    uint32_t highest = 0;
    bool empty() const { return highest < lowest; }
  };

  // `limit_bytes` UINT64_MAX is none. A clock that goes back begins a new history; one that stands
  // still, or goes on less than kSpacingNsMin, adds nothing. False where nothing was added.
  bool add(uint64_t now_ns, uint64_t used_bytes, uint64_t limit_bytes,
           uint64_t reclaimable_bytes = 0);
  // It has begun anew, and what was before says nothing of it; but for `killed`: for want of room.
  void restart(bool killed);

  // The window, oldest first; without gaps.
  size_t size() const { return size_; }
  const LevelSample& operator[](size_t i) const {
    size_t at = first_ + i;
    return samples_[at < kSamplesMax ? at : at - kSamplesMax];
  }
  const LevelSample& newest() const { return (*this)[size_ - 1]; }  // where size() > 0
  uint64_t newest_ns() const { return newest_ns_; }

  // How far a step from sample to sample is from the usual one: the median of the window. 0.3 us.
  uint32_t noise() const;

  // The lowest level since the last peak, or since the beginning: from where it has risen.
  const LevelSample& floor() const { return floor_; }
  // The highest of its first kStartNs, while it has not come down from any peak since; else 0.
  uint32_t start_level() const { return is_start_ ? start_level_ : 0; }
  // Has been killed for want of room in the last day.
  bool was_killed() const { return killed_ns_ != 0; }

  // Of the last hours, oldest first.
  size_t peaks() const { return peak_count_; }
  const Peak& peak(size_t i) const { return peaks_[i]; }
  // The highest that it came down from by itself; 0: none.
  uint32_t highest_peak() const { return highest_peak_.level; }

  // Slots, oldest first; the last one is of now.
  size_t slots() const { return slot_count_; }
  const Slot& slot(size_t i) const { return slots_[(slot_first_ + i) % kSlotsMax]; }

  // Of the level that counts: what is not given back.
  static uint32_t firm(const LevelSample& sample) {
    return sample.used - (sample.reclaimable < sample.used ? sample.reclaimable : sample.used);
  }

 private:
  void begin_window() { size_ = first_ = 0; }
  void push(const LevelSample& sample);
  void turn(const LevelSample& sample);
  void end_rise();
  void forget_old_peaks(uint32_t now_ms);
  void fill_slot(uint64_t now_ns, uint32_t level);
  bool is_turn(uint32_t way, const LevelSample& sample) const;

  std::array<LevelSample, kSamplesMax> samples_;
  std::array<Peak, kPeaksMax> peaks_;
  std::array<Slot, kSlotsMax> slots_;
  LevelSample floor_{};
  LevelSample top_{};  // the highest of this rise, or the lowest of this fall
  Peak highest_peak_{};
  uint64_t newest_ns_ = 0;
  uint64_t killed_ns_ = 0;    // 0: it was not
  uint64_t slot_number_ = 0;  // of the last slot, since the clock's beginning
  uint64_t begun_ns_ = 0;
  uint32_t start_level_ = 0;
  uint8_t size_ = 0, first_ = 0;
  uint8_t peak_count_ = 0;
  uint8_t slot_count_ = 0, slot_first_ = 0;
  bool rising_ = true;
  bool is_start_ = true;  // no peak and no gap so far
};
static_assert(sizeof(LevelHistory) <= 1024);

}  // namespace kubepulse

#endif
