#include "insight/insights.h"

#include <array>
#include <vector>

#include "insight/container_rules.h"
#include "insight/node_rules.h"
#include "insight/pod_rules.h"
#include "insight/traffic_rules.h"

namespace kubepulse {

namespace {

constexpr uint64_t kSweepNs = 60 * kNsPerSecond;

}  // namespace

template <typename Kept>
Kept* Insights::kept(FlatMap<std::unique_ptr<Kept>>& all, uint64_t key) {
  std::unique_ptr<Kept>* held = all.insert(key);
  if (held == nullptr) {
    overflow_++;
    return nullptr;
  }
  if (*held == nullptr) *held = std::make_unique<Kept>();
  (*held)->seen_ns = now_ns_;
  return held->get();
}

template <typename Kept>
void Insights::forget_gone(FlatMap<std::unique_ptr<Kept>>& all) {
  std::vector<uint64_t> gone;
  all.each([&](uint64_t key, const std::unique_ptr<Kept>& held) {
    if (now_ns_ > held->seen_ns + kKeptNs) gone.push_back(key);
  });
  for (uint64_t key : gone)
    all.erase(key);
}

template <typename Facts>
void Insights::look(std::optional<Finding> (*rule)(const Facts&, bool), InsightType type,
                    const Facts& facts, std::string_view object) {
  bool held = table_.count(type, Severity::warning) + table_.count(type, Severity::critical) > 0 &&
              table_.holds(type, facts.subject, object);
  if (std::optional<Finding> found = rule(facts, held)) table_.take(*found);
}

void Insights::begin(uint64_t now_ns, uint64_t wall_ns) {
  before_ns_ = now_ns_ == 0 ? now_ns : now_ns_;
  now_ns_ = now_ns;
  table_.begin(now_ns, wall_ns);
}

void Insights::container(uint64_t key, ContainerFacts facts, const Memory* memory,
                         ContainerWindow::Totals totals) {
  Container* held = kept(containers_, key);
  if (held == nullptr) return;
  if (!held->known && facts.is_new) {
    held->counters.add(before_ns_, {});
    held->known = true;
    held->knows_restarts = facts.knows_restarts;
  }
  // Who tells of restarts comes late, or is silent for a while: what he says first was before.
  if (!facts.knows_restarts) {
    totals[kRestarts] = held->totals[kRestarts];
  } else if (!held->knows_restarts) {
    held->totals[kRestarts] = totals[kRestarts];
    held->counters.set(kRestarts, totals[kRestarts]);
    held->knows_restarts = true;
  }
  // Killed, or begun anew: what it had before is gone, and no peak.
  bool killed = held->known && totals[kOomKills] > held->totals[kOomKills];
  bool begun = held->known && totals[kRestarts] > held->totals[kRestarts];
  if (killed || begun) held->memory.restart(killed);
  held->totals = totals;
  held->known = true;
  held->counters.add(now_ns_, totals);
  if (memory != nullptr)
    held->memory.add(now_ns_, memory->working_set, memory->limit, memory->reclaimable);
  facts.memory = memory == nullptr ? nullptr : &held->memory;
  facts.counters = &held->counters;
  look(oom_predicted, InsightType::oom_predicted, facts);
  look(oom_killed, InsightType::oom_killed, facts);
  look(memory_leak, InsightType::memory_leak, facts);
  look(crash_loop, InsightType::crash_loop, facts);
  look(cpu_throttled, InsightType::cpu_throttled, facts);
}

void Insights::pod(const PodFacts& facts) {
  look(pod_pending, InsightType::pod_pending, facts);
  look(pod_not_ready, InsightType::pod_not_ready, facts);
  look(image_pull, InsightType::image_pull, facts, facts.waiting_container);
}

void Insights::traffic(uint64_t key, TrafficFacts facts, const TrafficWindow::Totals& totals) {
  Traffic* held = kept(traffic_, key);
  if (held == nullptr) return;
  if (!held->known && facts.is_new) held->counters.add(before_ns_, {});
  held->known = true;
  held->counters.add(now_ns_, totals);
  facts.counters = &held->counters;
  look(dns_failing, InsightType::dns_failing, facts);
  look(dns_search_amplification, InsightType::dns_search_amplification, facts);
  look(connect_failing, InsightType::connect_failing, facts);
  look(retransmitting, InsightType::retransmitting, facts);
  look(accept_queue_overflow, InsightType::accept_queue_overflow, facts);
}

void Insights::filesystem(uint64_t key, FilesystemFacts facts, uint64_t told_ns,
                          uint64_t used_bytes, uint64_t whole_bytes) {
  Filesystem* held = kept(filesystems_, key);
  if (held == nullptr) return;
  held->level.add(told_ns, used_bytes, whole_bytes);
  facts.level = &held->level;
  look(filesystem_filling, InsightType::filesystem_filling, facts, facts.mountpoint);
}

void Insights::node(NodeFacts facts, const NodeWindow::Totals& totals) {
  node_.add(now_ns_, totals);
  facts.counters = &node_;
  for (size_t i = 0; i < kNodeResources; i++) {
    auto resource = static_cast<NodeResource>(i);
    bool held =
        table_.holds(InsightType::node_pressure, facts.subject, node_resource_name(resource));
    if (std::optional<Finding> found = node_pressure(facts, resource, held)) table_.take(*found);
  }
}

void Insights::end(const Subject& node, size_t pods, bool of_kubernetes) {
  table_.end(node, pods, of_kubernetes);
  if (now_ns_ < swept_ns_ + kSweepNs) return;
  swept_ns_ = now_ns_;
  forget_gone(containers_);
  forget_gone(traffic_);
  forget_gone(filesystems_);
}

}  // namespace kubepulse
