#include "traffic.h"

#include "base/log.h"

namespace kubepulse {

Traffic::Traffic(Workloads& workloads, Store& store)
    : packet_recorder_(workloads, store), drop_recorder_(workloads, store, [this](uint32_t reason) {
        return drops_->reasons().name(reason);
      }) {}

void Traffic::set_probes(TrafficProbe* packets, DropProbe* drops) {
  packets_ = packets;
  drops_ = drops;
}

void Traffic::gather(uint64_t now_ns) {
  if (gathered_ns_ != 0 && now_ns - gathered_ns_ < kPauseNs) return;
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
}

void Traffic::forget(uint64_t cgroup) {
  drop_recorder_.forget(cgroup,
                        [this, cgroup](uint32_t reason) { drops_->forget(cgroup, reason); });
  packet_recorder_.forget(cgroup);
  if (packets_ != nullptr) packets_->forget(cgroup);
}

}  // namespace kubepulse
