#include "insight/insight_table.h"

#include <algorithm>

#include "base/clock.h"
#include "base/text.h"
#include "insight/name_hash.h"

namespace kubepulse {

namespace {

// How long it is to be found before it is reported, and not to be found any more before it is over.
struct Times {
  uint32_t raise_seconds, resolve_seconds;
};
// By type. 8 s is the second of two ticks, 10 s apart give or take.
constexpr Times kTimes[kInsightTypes] = {
    {8, 25},     // oom_predicted: one tick may be an accident
    {0, 0},      // oom_killed: what is counted of five minutes ends by itself, as below
    {600, 600},  // memory_leak: one more of its slots
    {0, 600},    // crash_loop: the kubelet forgets its back-off after ten minutes that went well
    {120, 0},    // pod_pending: volumes and nodes that scale up take their time
    {120, 25},   // pod_not_ready: as long as most programs take to start
    {8, 120},    // image_pull: between two tries the kubelet says nothing of it
    {55, 55},    // cpu_throttled
    {0, 55},     // dns_failing
    {0, 55},     // dns_search_amplification
    {0, 55},     // connect_failing
    {0, 55},     // retransmitting
    {0, 55},     // accept_queue_overflow
    {25, 55},    // node_pressure
    {18, 55},    // filesystem_filling: a file that is written and removed again is none
    {0, 55},     // systemic
};

// What may be because of what, for one pod: the first that holds is it.
struct Explains {
  InsightType effect, cause;
  bool same_container;
};
constexpr Explains kExplains[] = {
    {InsightType::crash_loop, InsightType::oom_killed, true},
    {InsightType::oom_killed, InsightType::memory_leak, true},
    {InsightType::oom_predicted, InsightType::memory_leak, true},
    {InsightType::pod_not_ready, InsightType::crash_loop, false},
    {InsightType::pod_not_ready, InsightType::image_pull, false},
    {InsightType::pod_not_ready, InsightType::oom_killed, false},
    {InsightType::pod_pending, InsightType::image_pull, false},
    {InsightType::accept_queue_overflow, InsightType::cpu_throttled, false},
    {InsightType::crash_loop, InsightType::filesystem_filling, true},
};
// Why the peer of a failing connect does not answer.
constexpr InsightType kPeerTroubles[] = {
    InsightType::crash_loop,    InsightType::oom_killed,
    InsightType::image_pull,    InsightType::accept_queue_overflow,
    InsightType::pod_not_ready, InsightType::pod_pending,
};

uint64_t id_of(InsightType type, const Subject& subject, std::string_view object) {
  return hash_names({subject.ns, subject.pod, subject.container, insight_type_name(type), object});
}

void take_text(std::string& to, std::string_view text) {
  to.assign(cut_text(text, InsightTable::kTextBytesMax));
}

}  // namespace

void InsightTable::begin(uint64_t now_ns, uint64_t wall_ns) {
  now_ns_ = now_ns;
  wall_ns_ = wall_ns;
  for (Held& held : held_) {
    held.changed = false;
    if (held.state == State::resolved) free(held);
  }
}

bool InsightTable::holds(InsightType type, const Subject& subject, std::string_view object) const {
  const uint32_t* at = by_id_.find(id_of(type, subject, object));
  return at != nullptr && held_[*at].state == State::holds;
}

const Insight* InsightTable::find(uint64_t id) const {
  const uint32_t* at = by_id_.find(id);
  return at != nullptr && held_[*at].state == State::holds ? &held_[*at].insight : nullptr;
}

InsightTable::Held* InsightTable::insert(uint64_t id) {
  uint32_t* at = by_id_.insert(id);
  if (at == nullptr) return nullptr;
  if (free_.empty()) {
    *at = static_cast<uint32_t>(held_.size());
    held_.emplace_back();
  } else {
    *at = free_.back();
    free_.pop_back();
  }
  return &held_[*at];
}

void InsightTable::free(Held& held) {
  by_id_.erase(held.insight.id);
  held = Held();
  free_.push_back(static_cast<uint32_t>(&held - held_.data()));
}

void InsightTable::take(const Finding& finding) {
  uint64_t id = id_of(finding.type, finding.subject, finding.object);
  uint32_t* at = by_id_.find(id);
  Held* held = at == nullptr ? insert(id) : &held_[*at];
  if (held == nullptr) {
    overflow_++;
    return;
  }
  Insight& insight = held->insight;
  if (held->state == State::free) {
    held->state = State::begins;
    insight.id = id;
    insight.type = finding.type;
    insight.severity = finding.severity;
    insight.since_ns = now_ns_;
    insight.since_wall_ns = wall_ns_;
    held->pod_hash = hash_names({finding.subject.ns, finding.subject.pod});
    take_text(insight.ns, finding.subject.ns);
    take_text(insight.pod, finding.subject.pod);
    take_text(insight.container, finding.subject.container);
    take_text(insight.object, finding.object);
  }
  held->found_ns = now_ns_;
  held->urgent = finding.urgent;
  insight.severity = std::max(insight.severity, finding.severity);
  insight.evidence = finding.evidence;
  insight.prediction = finding.prediction;
  insight.is_pod = finding.subject.is_pod;
  insight.owner_kind = finding.subject.owner.kind;
  take_text(insight.owner, finding.subject.owner.name);
  take_text(insight.reason, finding.reason);
  take_text(insight.peer_ns, finding.peer_ns);
  take_text(insight.peer, finding.peer);
}

void InsightTable::end(const Subject& node, size_t pods, bool of_kubernetes) {
  for (Held& held : held_)
    if (held.insight.type != InsightType::systemic) settle(held);
  find_systemic(node, pods, of_kubernetes);
  count_all();
  find_causes();
}

void InsightTable::settle(Held& held) {
  const Times& times = kTimes[static_cast<size_t>(held.insight.type)];
  bool found = held.found_ns == now_ns_;
  uint64_t missing_ns = now_ns_ - std::min(now_ns_, held.found_ns);
  bool is_gone = held.gone_since_ns != 0 && now_ns_ - held.gone_since_ns >= kGoneNs;
  if (held.state == State::begins) {
    uint64_t found_for_ns = now_ns_ - std::min(now_ns_, held.insight.since_ns);
    if (!found) {
      free(held);
    } else if (held.urgent || found_for_ns >= times.raise_seconds * kNsPerSecond) {
      held.state = State::holds;
      held.changed = true;
    }
  } else if (held.state == State::holds && !found &&
             (is_gone || missing_ns >= times.resolve_seconds * kNsPerSecond)) {
    held.state = State::resolved;
    held.changed = true;
  }
}

// O(types * insights).
void InsightTable::find_systemic(const Subject& node, size_t pods, bool of_kubernetes) {
  for (size_t type = 0; type < kInsightTypes; type++) {
    pods_.clear();
    for (const Held& held : held_)
      if (held.state == State::holds && static_cast<size_t>(held.insight.type) == type &&
          !held.insight.pod.empty() && (held.insight.is_pod || !of_kubernetes))
        pods_.push_back(held.pod_hash);
    std::sort(pods_.begin(), pods_.end());
    auto end = std::unique(pods_.begin(), pods_.end());
    auto affected = static_cast<size_t>(end - pods_.begin());
    if (pods < kSystemicPodsMin || affected * 100 <= pods * kSystemicPercent) continue;
    Finding found{InsightType::systemic, Severity::critical};
    found.subject = node;
    found.object = insight_type_name(static_cast<InsightType>(type));
    found.evidence.add("affected", static_cast<double>(affected), Unit::count);
    found.evidence.add("pods", static_cast<double>(pods), Unit::count);
    take(found);
  }
  for (Held& held : held_)
    if (held.insight.type == InsightType::systemic) settle(held);
}

// O(insights^2): 1 us for the usual few, and 10 ms were all 1,024 to hold.
void InsightTable::find_causes() {
  for (Held& held : held_) {
    if (held.state != State::holds) continue;
    const Insight* cause = cause_of(held);
    held.insight.cause = cause == nullptr ? 0 : cause->id;
  }
}

const Insight* InsightTable::cause_of(const Held& effect) const {
  const Insight& insight = effect.insight;
  auto holding = [&](InsightType type, uint64_t pod_hash, bool same_container) -> const Insight* {
    if (count(type, Severity::warning) + count(type, Severity::critical) == 0) return nullptr;
    for (const Held& held : held_)
      if (held.state == State::holds && held.insight.type == type && held.pod_hash == pod_hash &&
          (!same_container || held.insight.container == insight.container))
        return &held.insight;
    return nullptr;
  };
  for (const Explains& row : kExplains) {
    if (row.effect != insight.type) continue;
    if (const Insight* cause = holding(row.cause, effect.pod_hash, row.same_container))
      return cause;
  }
  if (insight.type != InsightType::connect_failing || insight.peer.empty()) return nullptr;
  uint64_t peer_hash = hash_names({insight.peer_ns, insight.peer});
  for (InsightType type : kPeerTroubles)
    if (const Insight* cause = holding(type, peer_hash, false)) return cause;
  return nullptr;
}

void InsightTable::count_all() {
  counts_ = {};
  for (const Held& held : held_)
    if (held.state == State::holds)
      counts_[static_cast<size_t>(held.insight.type)][static_cast<size_t>(held.insight.severity)]++;
}

}  // namespace kubepulse
