#include "traffic.h"

#include <utility>

#include "base/log.h"

namespace kubepulse {

Traffic::Traffic(Workloads& workloads, Store& store, FlowStore& flows)
    : packet_recorder_(workloads, store),
      drop_recorder_(workloads, store,
                     [this](uint32_t reason) { return drops_->reasons().name(reason); }),
      flow_recorder_(workloads, flows, peers_) {}

void Traffic::set_probes(TrafficProbe* packets, DropProbe* drops) {
  packets_ = packets;
  drops_ = drops;
}

void Traffic::gather(uint64_t now_ns) {
  if (gathered_ns_ != 0 && now_ns - gathered_ns_ < kPauseNs) return;
  gather_now(now_ns);
}

void Traffic::gather_now(uint64_t now_ns) {
  gathered_ns_ = now_ns;
  Status status;
  if (drops_ != nullptr)
    status = drops_->each([&](uint64_t cgroup, uint32_t reason, uint64_t count) {
      drop_recorder_.take(cgroup, reason, count, now_ns);
    });
  if (!status.ok()) log_warn("dropped packets cannot be read", {{"reason", status.message()}});
  status = {};
  if (packets_ != nullptr)
    status = packets_->each([&](uint64_t cgroup, const traffic_counts& counts) {
      packet_recorder_.take(cgroup, counts, now_ns);
    });
  if (!status.ok()) log_warn("packets cannot be read", {{"reason", status.message()}});
  if (has_flows() && status.ok()) gather_flows(now_ns);
}

void Traffic::look_at_addresses() {
  if (!has_flows()) return;
  auto addresses = own_addresses();
  if (addresses.ok())
    peers_.set_own(std::move(addresses.value()));
  else if (!addresses_unknown_)
    log_warn("this node's own addresses are not known", {{"reason", addresses.status().message()}});
  addresses_unknown_ = !addresses.ok();
}

// Behind the packets, so that no packet is missing that was counted among those.
void Traffic::gather_flows(uint64_t now_ns) {
  flow_recorder_.begin(now_ns);
  Status status = packets_->take_flows(
      [&](const flow_key& key, const flow_counts& counts) { flow_recorder_.take(key, counts); });
  // What is left in the table is told next time.
  if (status.ok())
    flow_recorder_.end(sheds_flows_);
  else
    log_warn("flows cannot be read", {{"reason", status.message()}});
  status = packets_->each_sketch_key([&](uint64_t key) { flow_recorder_.found_sketch(key); });
  flow_recorder_.count_peers(
      [&](uint64_t key, peer_sketch& copy) { return packets_->sketch(key, copy); });
  if (!status.ok()) log_warn("peers cannot be read", {{"reason", status.message()}});
}

// Before it begins and after it has ended all is read, so that what is missing meanwhile, and no
// more, is what was shed: but for packets that are in the program's hands at that moment.
void Traffic::shed_flows(bool on) {
  if (on == sheds_flows_ || !has_flows()) return;
  if (on) gather_now(monotonic_ns());
  packets_->shed_flows(on);
  if (!on) gather_now(monotonic_ns());
  sheds_flows_ = on;
}

void Traffic::forget(uint64_t cgroup) {
  drop_recorder_.forget(cgroup,
                        [this, cgroup](uint32_t reason) { drops_->forget(cgroup, reason); });
  packet_recorder_.forget(cgroup);
  flow_recorder_.forget(cgroup);
  if (packets_ != nullptr) packets_->forget(cgroup);
}

}  // namespace kubepulse
