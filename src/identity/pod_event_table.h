// Whose events are wanted, whose are to be asked for next, and what was answered. Pure; time is a
// parameter.
#ifndef KUBEPULSE_IDENTITY_POD_EVENT_TABLE_H
#define KUBEPULSE_IDENTITY_POD_EVENT_TABLE_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "identity/event_reader.h"

namespace kubepulse {

class PodEventTable {
 public:
  static constexpr size_t kPodsMax = 256;
  static constexpr size_t kQueueMax = 64;
  static constexpr uint64_t kAskedAgainNs = 30 * kNsPerSecond;
  static constexpr uint64_t kKeptNs = 600 * kNsPerSecond;  // while nobody wants it

  struct Question {
    std::string ns, uid;
  };

  // Queues a question, unless one waits or was asked in the last kAskedAgainNs. What finds no room
  // is counted. Names that are none are passed over.
  void want(std::string_view ns, std::string_view uid, uint64_t now_ns);
  bool has_question() const { return !queue_.empty(); }
  // The one that waits longest; it counts as asked.
  std::optional<Question> next(uint64_t now_ns);
  // The newest event of that pod, and null where it has none: what was known before is over.
  void answered(std::string_view uid, const PodEvent* newest);

  // Null: not known, or there is none. Valid until the next call that is not const.
  const PodEvent* find(std::string_view uid) const;

  // Forgets what nobody has wanted for kKeptNs.
  void expire(uint64_t now_ns);

  size_t size() const { return pods_.size(); }
  uint64_t overflow() const { return overflow_; }  // questions that found no room, so far

 private:
  struct Entry {
    std::string ns;
    std::optional<PodEvent> event;
    uint64_t wanted_ns = 0;
    std::optional<uint64_t> asked_ns;
    bool queued = false;
  };

  std::map<std::string, Entry, std::less<>> pods_;  // by uid
  std::deque<std::string> queue_;                   // of uids in `pods_`
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
