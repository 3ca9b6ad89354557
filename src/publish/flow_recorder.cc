#include "publish/flow_recorder.h"

#include <algorithm>
#include <cstring>

#include "identity/cgroup_tree.h"
#include "publish/peer_count.h"

namespace kubepulse {

namespace {

FlowKind kind_of(uint64_t owner) {
  return {static_cast<uint8_t>(owner >> FLOW_DIRECTION_SHIFT & 1),
          static_cast<uint8_t>(owner >> FLOW_PROTOCOL_SHIFT & 7)};
}

}  // namespace

// Whose it is is asked once each time, however many flows it has.
Workloads::Owner FlowRecorder::owner_of(uint64_t cgroup) {
  Owner* known = owners_.insert(cgroup_key(cgroup));
  if (known != nullptr && known->asked_ns == now_ns_) return known->owner;
  Workloads::Owner owner = workloads_.of(cgroup, 0, now_ns_);
  if (known != nullptr) *known = {owner, now_ns_};
  return owner;
}

void FlowRecorder::begin(uint64_t now_ns) {
  now_ns_ = now_ns;
  store_.begin(now_ns);
  auto is_done = [&](const Held& held) {
    Peers::Name peer = peers_.find(held.remote);
    bool waits = workloads_.waiting() && now_ns - held.since_ns < Workloads::kGraceNs;
    if (!peer.is_known && waits) return false;
    store_.name(workloads_.index(held.owner), peer.ns, peer.name, held.kind, held.amount);
    return true;
  };
  held_.erase(std::remove_if(held_.begin(), held_.end(), is_done), held_.end());
}

void FlowRecorder::take(const flow_key& key, const flow_counts& counts) {
  FlowKind kind = kind_of(key.owner);
  if (kind.protocol >= kPacketProtocols) return;
  IpBytes remote;
  memcpy(remote.data(), key.remote, sizeof key.remote);
  Workloads::Owner owner = owner_of(key.owner & FLOW_CGROUP);
  Workloads::Index index = workloads_.index(owner);
  FlowAmount amount{counts.packets, counts.bytes};
  Peers::Name peer = peers_.find(remote);
  if (!peer.is_known && workloads_.waiting() && held_.size() < kHeldMax) {
    store_.tell(index, kind, amount);
    held_.push_back({owner, remote, kind, amount, now_ns_});
    return;
  }
  store_.add(index, peer.ns, peer.name, kind, amount);
}

void FlowRecorder::end(bool shed) {
  store_.settle(shed);
}

// One that had no new flow is not asked for, so that the sketch of a dead one does not keep its
// workload.
void FlowRecorder::found_sketch(uint64_t key) {
  uint64_t cgroup = key & FLOW_CGROUP;
  const Owner* known = owners_.find(cgroup_key(cgroup));
  Workloads::Owner owner = known != nullptr ? known->owner : owner_of(cgroup);
  sketches_.push_back({workloads_.index(owner), key});
}

// One at a time, so that two stand in memory, however many there are.
void FlowRecorder::count_peers(const std::function<bool(uint64_t, peer_sketch&)>& read) {
  auto same = [](const Sketch& a, const Sketch& b) {
    return a.index == b.index && kind_of(a.key).direction == kind_of(b.key).direction;
  };
  std::sort(sketches_.begin(), sketches_.end(), [](const Sketch& a, const Sketch& b) {
    uint8_t way_a = kind_of(a.key).direction, way_b = kind_of(b.key).direction;
    return a.index != b.index ? a.index < b.index : way_a != way_b ? way_a < way_b : a.key < b.key;
  });
  store_.clear_unique_peers();
  for (size_t i = 0; i < sketches_.size();) {
    const Sketch& first = sketches_[i];
    PeerCount count(now_ns_);
    for (; i < sketches_.size() && same(first, sketches_[i]); i++) {
      peer_sketch copy{};
      if (read(sketches_[i].key, copy)) count.add(copy);
    }
    store_.set_unique_peers(first.index, kind_of(first.key).direction, count.estimate());
  }
  sketches_.clear();
}

void FlowRecorder::forget(uint64_t cgroup) {
  owners_.erase(cgroup_key(cgroup));
}

}  // namespace kubepulse
