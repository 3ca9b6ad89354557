#include "sniff/changes.h"

#include <algorithm>
#include <utility>

namespace kubepulse {

bool is_of(const ToldInsight& insight, Origins origins) {
  return origins == Origins::all || insight.kubernetes == (origins == Origins::kubernetes);
}

std::vector<InsightChange> changes_between(const InsightPage& before, const InsightPage& now,
                                           Origins origins) {
  using Kind = InsightChange::Kind;
  std::vector<InsightChange> changes;
  for (const ToldInsight& insight : before.insights)
    if (is_of(insight, origins) && now.find(insight.id) == nullptr)
      changes.push_back({Kind::resolved, &insight});
  for (const ToldInsight& insight : now.insights) {
    if (!is_of(insight, origins)) continue;
    const ToldInsight* known = before.find(insight.id);
    if (known == nullptr)
      changes.push_back({Kind::raised, &insight});
    else if (insight.critical && !known->critical)
      changes.push_back({Kind::worse, &insight});
  }
  return changes;
}

uint64_t LookTimes::wait_ns(uint64_t tick_ns, uint64_t interval_ns, uint64_t wall_now_ns) {
  // The same tick may be told a few microseconds apart: two clocks are behind it.
  uint64_t apart_ns = std::max(tick_ns, last_ns_) - std::min(tick_ns, last_ns_);
  if (tick_ns != 0 && apart_ns > interval_ns / 2) {
    last_ns_ = tick_ns;
    ticks_++;
    eager_ = 0;
  }
  uint64_t due_ns = tick_ns + interval_ns + kGraceNs;
  bool is_plausible = tick_ns != 0 && tick_ns <= wall_now_ns + kPatientNs;
  if (is_plausible && due_ns > wall_now_ns) return due_ns - wall_now_ns;
  return eager_++ < kEagerMax ? kGraceNs : kPatientNs;
}

std::vector<std::string> Batches::due(bool all) {
  std::vector<std::string> batches;
  size_t taken = 0;
  while (taken < waiting_.size()) {
    size_t end = std::min(taken + size_, waiting_.size());
    if (end - taken < size_ && !all && taken >= waited_) break;
    std::string& batch = batches.emplace_back();
    for (; taken < end; taken++)
      batch += waiting_[taken];
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(taken));
  waited_ = waiting_.size();
  return batches;
}

}  // namespace kubepulse
