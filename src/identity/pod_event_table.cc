#include "identity/pod_event_table.h"

#include <algorithm>
#include <iterator>

namespace kubepulse {

void PodEventTable::want(std::string_view ns, std::string_view uid, uint64_t now_ns) {
  if (ns.empty() || uid.empty()) return;
  auto known = pods_.find(uid);
  if (known != pods_.end()) known->second.wanted_ns = now_ns;
  bool is_due = known == pods_.end() ||
                (!known->second.queued &&
                 (!known->second.asked_ns || now_ns - *known->second.asked_ns >= kAskedAgainNs));
  if (!is_due) return;
  bool has_room = queue_.size() < kQueueMax && (known != pods_.end() || pods_.size() < kPodsMax);
  if (!has_room) {
    overflow_++;
    return;
  }
  if (known == pods_.end()) known = pods_.emplace(uid, Entry{std::string(ns)}).first;
  known->second.wanted_ns = now_ns;
  known->second.queued = true;
  queue_.push_back(known->first);
}

std::optional<PodEventTable::Question> PodEventTable::next(uint64_t now_ns) {
  if (queue_.empty()) return std::nullopt;
  auto known = pods_.find(queue_.front());
  queue_.pop_front();
  known->second.queued = false;
  known->second.asked_ns = now_ns;
  return Question{known->second.ns, known->first};
}

void PodEventTable::answered(std::string_view uid, const PodEvent* newest) {
  auto known = pods_.find(uid);
  if (known == pods_.end()) return;
  if (newest != nullptr)
    known->second.event = *newest;
  else
    known->second.event.reset();
}

const PodEvent* PodEventTable::find(std::string_view uid) const {
  auto known = pods_.find(uid);
  return known != pods_.end() && known->second.event ? &*known->second.event : nullptr;
}

// O(N log N): N is at most kPodsMax.
void PodEventTable::expire(uint64_t now_ns) {
  for (auto at = pods_.begin(); at != pods_.end();) {
    bool is_over = now_ns > at->second.wanted_ns && now_ns - at->second.wanted_ns >= kKeptNs;
    at = is_over ? pods_.erase(at) : std::next(at);
  }
  auto end = std::remove_if(queue_.begin(), queue_.end(), [this](const std::string& uid) {
    return pods_.find(uid) == pods_.end();
  });
  queue_.erase(end, queue_.end());
}

}  // namespace kubepulse
