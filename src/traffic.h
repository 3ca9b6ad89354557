// What the kernel programs count of packets, brought together: whose they are, and into which
// series.
#ifndef KUBEPULSE_TRAFFIC_H
#define KUBEPULSE_TRAFFIC_H

#include <cstdint>

#include "base/clock.h"
#include "collect/drop_probe.h"
#include "collect/traffic_probe.h"
#include "identity/peers.h"
#include "identity/workloads.h"
#include "publish/drop_recorder.h"
#include "publish/flow_recorder.h"
#include "publish/packet_recorder.h"
#include "publish/store.h"

namespace kubepulse {

class Traffic {
 public:
  // However often it is scraped.
  static constexpr uint64_t kPauseNs = kNsPerSecond;

  // None is owned.
  Traffic(Workloads& workloads, Store& store, FlowStore& flows);

  // Null: not loaded. Not owned.
  void set_probes(TrafficProbe* packets, DropProbe* drops);

  // The node's own, now and then: not in a scrape, as the kernel may let it wait.
  void look_at_addresses();
  // Reads what is to be read, if it was not just read.
  void gather(uint64_t now_ns);
  bool has_flows() const { return packets_ != nullptr && packets_->has_flows(); }
  // Whether flows are not told apart from now on: then all packets are of the peer "other".
  void shed_flows(bool on);
  // The cgroup is gone.
  void forget(uint64_t cgroup);

  // Who is at the other end of flows: to be told whom it may ask.
  Peers& peers() { return peers_; }

 private:
  void gather_now(uint64_t now_ns);
  void gather_flows(uint64_t now_ns);

  TrafficProbe* packets_ = nullptr;
  DropProbe* drops_ = nullptr;
  PacketRecorder packet_recorder_;
  DropRecorder drop_recorder_;
  Peers peers_;
  FlowRecorder flow_recorder_;
  bool addresses_unknown_ = false;
  bool sheds_flows_ = false;
  uint64_t gathered_ns_ = 0;
};

}  // namespace kubepulse

#endif
