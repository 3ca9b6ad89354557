// What holds now, of all that the rules find: each is reported once while it holds, and resolves.
// Pure; time is a parameter, of a monotonic clock.
#ifndef KUBEPULSE_INSIGHT_INSIGHT_TABLE_H
#define KUBEPULSE_INSIGHT_INSIGHT_TABLE_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "insight/finding.h"

namespace kubepulse {

// A finding that lasts, with texts of its own.
struct Insight {
  // Of its type, its subject and its object, and nothing else: the same whenever it comes back, on
  // whichever start of the daemon.
  uint64_t id = 0;
  InsightType type{};
  Severity severity{};  // rises while it holds, and does not fall
  std::string ns, pod, container;
  bool is_pod = false;
  Owner::Kind owner_kind = Owner::Kind::none;
  std::string owner;
  std::string object, reason, peer_ns, peer;  // as of a Finding, cut
  EvidenceList evidence;                      // as of the last tick that found it
  std::optional<Prediction> prediction;       // likewise
  uint64_t since_ns = 0;                      // found since
  uint64_t since_wall_ns = 0;                 // by the wall clock of then; 0: it was not told
  uint64_t cause = 0;                         // the id of another that explains it; 0: none
};

class InsightTable {
 public:
  // Those that are about to be included. A node of 250 containers has 20 at a bad time.
  static constexpr size_t kInsightsMax = 1024;
  static constexpr size_t kTextBytesMax = 256;
  static constexpr uint64_t kGoneNs = 45 * kNsPerSecond;  // one list of the kubelet, and half
  // Of the pods with one trouble, to be one of the node: more than so many of a hundred, of so
  // many pods at least.
  static constexpr size_t kSystemicPercent = 20;
  static constexpr size_t kSystemicPodsMin = 10;

  InsightTable() : by_id_(kInsightsMax) {}

  // A tick: begin, take each finding, end. `node` is whom what is systemic is about.
  // `wall_ns` is what the wall clock says at `now_ns`.
  void begin(uint64_t now_ns, uint64_t wall_ns = 0);
  void take(const Finding& finding);
  // Before end(): what is reported of pods that `is_gone(ns, pod)` says are there no more is over
  // after kGoneNs, where it is not found again. A list may miss some for once.
  template <typename IsGone>
  void forget_pods(IsGone&& is_gone) {
    for (Held& held : held_) {
      bool gone = held.insight.is_pod && is_gone(held.insight.ns, held.insight.pod);
      held.gone_since_ns = !gone ? 0 : held.gone_since_ns == 0 ? now_ns_ : held.gone_since_ns;
    }
  }
  // `pods` are those that were looked at: of Kubernetes alone where `of_kubernetes`.
  void end(const Subject& node, size_t pods, bool of_kubernetes = false);

  // What is reported now, so that the rule may ask for less.
  bool holds(InsightType type, const Subject& subject, std::string_view object = {}) const;

  // Calls visit(insight) for each that is reported, in no order.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (const Held& held : held_)
      if (held.state == State::holds) visit(held.insight);
  }
  // Calls visit(insight, raised) for what the last tick has begun to report, or has not found any
  // more.
  template <typename Visit>
  void each_change(Visit&& visit) const {
    for (const Held& held : held_)
      if (held.changed) visit(held.insight, held.state == State::holds);
  }
  const Insight* find(uint64_t id) const;

  size_t count(InsightType type, Severity severity) const {
    return counts_[static_cast<size_t>(type)][static_cast<size_t>(severity)];
  }
  uint64_t overflow() const { return overflow_; }  // findings that were lost for want of room

 private:
  enum class State : uint8_t { free, begins, holds, resolved };
  struct Held {
    Insight insight;
    uint64_t found_ns = 0;  // last
    uint64_t pod_hash = 0;
    State state = State::free;
    bool urgent = false;
    bool changed = false;
    uint64_t gone_since_ns = 0;  // 0: it is not
  };

  Held* insert(uint64_t id);
  void settle(Held& held);
  void free(Held& held);
  void find_systemic(const Subject& node, size_t pods, bool of_kubernetes);
  void find_causes();
  void count_all();
  const Insight* cause_of(const Held& effect) const;

  std::vector<Held> held_;
  std::vector<uint32_t> free_;
  FlatMap<uint32_t> by_id_;
  uint64_t now_ns_ = 0;
  uint64_t wall_ns_ = 0;
  uint64_t overflow_ = 0;
  std::array<std::array<size_t, kSeverities>, kInsightTypes> counts_{};
  std::vector<uint64_t> pods_;  // scratch: hashes
};

}  // namespace kubepulse

#endif
