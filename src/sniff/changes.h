// What has changed between two answers, and when to ask for the next one. Pure.
#ifndef KUBEPULSE_SNIFF_CHANGES_H
#define KUBEPULSE_SNIFF_CHANGES_H

#include <cstdint>
#include <string>
#include <vector>

#include "sniff/insight_page.h"

namespace kubepulse {

enum class Origins : uint8_t { all, kubernetes, kernel };
bool is_of(const ToldInsight& insight, Origins origins);

struct InsightChange {
  enum class Kind : uint8_t { raised, worse, resolved };
  Kind kind;
  const ToldInsight* insight;  // of the page that has it, of the later one where both do
};

// What is over comes first; the others as they stand in `now`. O(N * M).
std::vector<InsightChange> changes_between(const InsightPage& before, const InsightPage& now,
                                           Origins origins);

// Asks again as soon as the next tick is to be seen, so that what it shows is told at once.
class LookTimes {
 public:
  static constexpr uint64_t kGraceNs = 20 * kNsPerMs;  // that the tick's work may take
  static constexpr int kEagerMax = 10;                 // times that it is late by as much again
  static constexpr uint64_t kPatientNs = kNsPerSecond;

  // How long to wait after an answer. Where the clocks of two nodes differ it is never far off:
  // kPatientNs at most.
  uint64_t wait_ns(uint64_t tick_ns, uint64_t interval_ns, uint64_t wall_now_ns);
  // Different ones that were seen.
  uint64_t ticks() const { return ticks_; }

 private:
  uint64_t last_ns_ = 0;
  uint64_t ticks_ = 0;
  int eager_ = 0;
};

// Texts that are written so many at a time; those that are fewer wait for one more look.
class Batches {
 public:
  explicit Batches(size_t size) : size_(size) {}

  void add(std::string text) { waiting_.push_back(std::move(text)); }
  // After each look: what is to be written, a batch each. With `all` nothing remains.
  std::vector<std::string> due(bool all);

 private:
  size_t size_;
  std::vector<std::string> waiting_;
  size_t waited_ = 0;  // the first so many, since the look before
};

}  // namespace kubepulse

#endif
