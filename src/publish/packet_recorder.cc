#include "publish/packet_recorder.h"

#include <cstring>

#include "identity/cgroup_tree.h"

namespace kubepulse {

namespace {

static_assert(kPacketProtocols == PACKET_PROTOCOLS && kSizeBuckets == PACKET_BUCKETS &&
                  TRAFFIC_OUT == 0 && TRAFFIC_IN == 1,
              "as the kernel programs count");

uint64_t growth(uint64_t now, uint64_t told) {
  return now > told ? now - told : 0;
}

void add_growth(PacketsOneWay& sum, const packet_counts* now, const packet_counts* told) {
  for (size_t protocol = 0; protocol < kPacketProtocols; protocol++) {
    for (size_t i = 0; i < kSizeBuckets; i++) {
      uint64_t packets = growth(now[protocol].sizes[i], told[protocol].sizes[i]);
      sum.packets[protocol] += packets;
      sum.sizes.buckets[i] += packets;
    }
    uint64_t bytes = growth(now[protocol].bytes, told[protocol].bytes);
    sum.bytes[protocol] += bytes;
    sum.sizes.sum_bytes += bytes;
  }
}

}  // namespace

void PacketRecorder::take(uint64_t cgroup, const traffic_counts& now, uint64_t now_ns) {
  std::unique_ptr<traffic_counts>* held = told_.insert(cgroup_key(cgroup));
  if (held == nullptr) return;
  if (*held == nullptr) *held = std::make_unique<traffic_counts>();
  traffic_counts& told = **held;
  if (memcmp(&now, &told, sizeof now) == 0) return;
  PacketCounts& counts = store_.packets(workloads_.index(workloads_.of(cgroup, 0, now_ns)));
  for (size_t way = 0; way < counts.size(); way++)
    add_growth(counts[way], now.packets[way], told.packets[way]);
  told = now;
}

void PacketRecorder::forget(uint64_t cgroup) {
  told_.erase(cgroup_key(cgroup));
}

}  // namespace kubepulse
