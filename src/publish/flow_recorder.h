// From the flows that were taken from the kernel to those of workloads with peers that have names,
// and from sketches to how many peers they have.
#ifndef KUBEPULSE_PUBLISH_FLOW_RECORDER_H
#define KUBEPULSE_PUBLISH_FLOW_RECORDER_H

#include <cstdint>
#include <functional>
#include <vector>

#include "base/flat_map.h"
#include "bpf/event.h"
#include "bpf/peer_sketch.h"
#include "identity/peers.h"
#include "identity/workloads.h"
#include "publish/flow_store.h"

namespace kubepulse {

class FlowRecorder {
 public:
  // While a pod waits for its name, what is from or to an address that nobody knows waits too,
  // for as long: it may be that pod's. Beyond the bound it does not.
  static constexpr size_t kHeldMax = 1024;

  // None is owned.
  FlowRecorder(Workloads& workloads, FlowStore& store, const Peers& peers)
      : workloads_(workloads), store_(store), peers_(peers) {}

  // Once the packets have been recorded: begin, take each flow, and end.
  void begin(uint64_t now_ns);
  void take(const flow_key& key, const flow_counts& counts);
  // `shed`: see FlowStore::settle().
  void end(bool shed = false);

  // Each sketch that there is, as TrafficProbe tells; then all are read.
  void found_sketch(uint64_t key);
  void count_peers(const std::function<bool(uint64_t key, peer_sketch& copy)>& read);

  // The cgroup is gone.
  void forget(uint64_t cgroup);

 private:
  struct Owner {
    Workloads::Owner owner;
    uint64_t asked_ns;
  };
  struct Held {
    Workloads::Owner owner;
    IpBytes remote;
    FlowKind kind;
    FlowAmount amount;
    uint64_t since_ns;
  };
  struct Sketch {
    Workloads::Index index;
    uint64_t key;
  };

  Workloads::Owner owner_of(uint64_t cgroup);

  Workloads& workloads_;
  FlowStore& store_;
  const Peers& peers_;
  uint64_t now_ns_ = 0;
  FlatMap<Owner> owners_{Workloads::kCgroupsMax};  // as of the last time that they had flows
  std::vector<Held> held_;
  std::vector<Sketch> sketches_;
};

}  // namespace kubepulse

#endif
