#include "insight/level_history.h"

#include <algorithm>
#include <cstdlib>

#include "insight/median.h"

namespace kubepulse {

namespace {

// Below this share of the limit a fall is no turn: what allocators and caches do all the time.
constexpr uint32_t kTurnShare = 20;
// But close to the limit half of what is left is one, down to this share.
constexpr uint32_t kTurnShareMin = 100;
// A fall of so many times the noise is none of it: of normal noise the range of an hour's samples
// is 5.6 standard deviations, and the noise one of them (0.95).
constexpr uint32_t kTurnNoises = 6;

constexpr int64_t kStepMax = (1 << 30) - 1;  // 4 TiB at once; two of them still fit an int

uint32_t pages(uint64_t bytes) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(bytes / LevelHistory::kPageBytes, kNoLevelLimit - 1));
}

uint32_t ms_of(uint64_t ns) {
  return static_cast<uint32_t>(ns / kNsPerMs);
}

}  // namespace

bool LevelHistory::add(uint64_t now_ns, uint64_t used_bytes, uint64_t limit_bytes,
                       uint64_t reclaimable_bytes) {
  bool any = size_ > 0;
  if (any && now_ns < newest_ns_) {
    restart(false);
    any = false;
  }
  if (any && now_ns - newest_ns_ < kSpacingNsMin) return false;
  LevelSample sample{ms_of(now_ns), pages(used_bytes),
                     limit_bytes == UINT64_MAX ? kNoLevelLimit : pages(limit_bytes),
                     pages(reclaimable_bytes)};
  if (any && now_ns - newest_ns_ > kGapNsMax) {
    // A peak before it is still one; what rose before it may have turned meanwhile.
    begin_window();
    floor_ = top_ = sample;
    rising_ = true;
    is_start_ = false;
  }
  if (!any) {
    floor_ = top_ = sample;
    begun_ns_ = now_ns;
  }
  if (now_ns - begun_ns_ <= kStartNs) start_level_ = std::max(start_level_, firm(sample));
  newest_ns_ = now_ns;
  if (killed_ns_ > now_ns || now_ns - killed_ns_ > kKillKeptNs) killed_ns_ = 0;
  push(sample);
  forget_old_peaks(sample.at_ms);
  turn(sample);
  fill_slot(now_ns, firm(sample));
  return true;
}

void LevelHistory::restart(bool killed) {
  uint64_t killed_ns = killed ? std::max<uint64_t>(newest_ns_, 1) : killed_ns_;
  *this = LevelHistory();
  killed_ns_ = killed_ns;
}

void LevelHistory::push(const LevelSample& sample) {
  if (size_ == kSamplesMax) {
    samples_[first_] = sample;
    first_ = static_cast<uint8_t>((first_ + 1) % kSamplesMax);
  } else {
    samples_[(first_ + size_++) % kSamplesMax] = sample;
  }
}

// The steps' own median is what the level does, the median distance from it what is none of that. A
// few falls do not count.
uint32_t LevelHistory::noise() const {
  if (size_ < 2) return 0;
  std::array<int32_t, kSamplesMax> steps;
  size_t count = size_ - 1U;
  for (size_t i = 0; i < count; i++) {
    int64_t step = int64_t{firm((*this)[i + 1])} - firm((*this)[i]);
    steps[i] = static_cast<int32_t>(std::clamp<int64_t>(step, -kStepMax, kStepMax));
  }
  int32_t usual = select(steps.data(), count, count / 2);
  for (size_t i = 0; i < count; i++)
    steps[i] = std::abs(steps[i] - usual);
  return static_cast<uint32_t>(select(steps.data(), count, count / 2));
}

// Whether so much is a turn.
bool LevelHistory::is_turn(uint32_t way, const LevelSample& sample) const {
  uint32_t top = firm(top_), height = top / kTurnShare;
  if (sample.limit != kNoLevelLimit) {
    uint32_t left = sample.limit - std::min(top, sample.limit);
    height = std::max(std::min(sample.limit / kTurnShare, left / 2), sample.limit / kTurnShareMin);
  }
  // The noise is looked at last: it takes longer than all else here.
  return way >= std::max(height, 1U) && way / kTurnNoises >= noise();
}

// Zigzag: a rise ends where the level has fallen far enough from its top, and a fall likewise.
void LevelHistory::turn(const LevelSample& sample) {
  uint32_t level = firm(sample), top = firm(top_);
  if (rising_) {
    if (level < firm(floor_)) floor_ = sample;
    if (level >= top) {
      top_ = sample;
    } else if (is_turn(top - level, sample)) {
      end_rise();
      floor_ = top_ = sample;
    }
  } else if (level <= top) {
    floor_ = top_ = sample;
  } else if (is_turn(level - top, sample)) {
    rising_ = true;
    top_ = sample;
  }
  if (peak_count_ > 0) peaks_[peak_count_ - 1].floor = firm(floor_);
}

void LevelHistory::end_rise() {
  rising_ = false;
  is_start_ = false;
  // A fall from where it began is no peak that it had risen to, but it has been there.
  Peak peak{top_.at_ms, firm(top_), 0};
  if (peak_count_ == kPeaksMax) {
    std::move(peaks_.begin() + 1, peaks_.end(), peaks_.begin());
    peak_count_--;
  }
  peaks_[peak_count_++] = peak;
  if (peak.level >= highest_peak_.level) highest_peak_ = peak;
}

void LevelHistory::forget_old_peaks(uint32_t now_ms) {
  constexpr uint32_t kKeptMs = kPeakKeptNs / kNsPerMs;
  size_t old = 0;
  while (old < peak_count_ && now_ms - peaks_[old].at_ms > kKeptMs)
    old++;
  if (old > 0) {
    std::move(peaks_.begin() + old, peaks_.begin() + peak_count_, peaks_.begin());
    peak_count_ = static_cast<uint8_t>(peak_count_ - old);
  }
  if (highest_peak_.level == 0 || now_ms - highest_peak_.at_ms <= kKeptMs) return;
  highest_peak_ = {};
  for (size_t i = 0; i < peak_count_; i++)
    if (peaks_[i].level >= highest_peak_.level) highest_peak_ = peaks_[i];
}

void LevelHistory::fill_slot(uint64_t now_ns, uint32_t level) {
  uint64_t number = now_ns / kSlotNs;
  if (slot_count_ == 0 || number - slot_number_ >= kSlotsMax) {
    slot_count_ = 1;
    slot_first_ = 0;
    slots_[0] = {};
    slot_number_ = number;
  }
  for (; slot_number_ < number; slot_number_++) {
    if (slot_count_ == kSlotsMax)
      slot_first_ = static_cast<uint8_t>((slot_first_ + 1) % kSlotsMax);
    else
      slot_count_++;
    slots_[(slot_first_ + slot_count_ - 1) % kSlotsMax] = {};
  }
  Slot& slot = slots_[(slot_first_ + slot_count_ - 1) % kSlotsMax];
  slot.lowest = std::min(slot.lowest, level);
  slot.highest = std::max(slot.highest, level);
}

}  // namespace kubepulse
