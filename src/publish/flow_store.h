// What each workload exchanged with whom. Always as much as its packets, in each direction and
// protocol: what no peer is known of is with "other".
#ifndef KUBEPULSE_PUBLISH_FLOW_STORE_H
#define KUBEPULSE_PUBLISH_FLOW_STORE_H

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "publish/domains.h"
#include "publish/store.h"

namespace kubepulse {

struct FlowAmount {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};
// By direction and protocol, as PacketCounts.
using FlowAmounts = std::array<std::array<FlowAmount, kPacketProtocols>, 2>;

struct FlowKind {
  uint8_t direction;
  uint8_t protocol;
};

struct FlowCounts {
  struct Row {
    Domains::Id peer;
    FlowKind kind;
    FlowAmount amount;
    uint64_t grown_ns;  // last
  };
  std::vector<Row> rows;
  FlowAmounts other;
  // All that was told, and what waits for the name of its peer.
  FlowAmounts told;
  std::array<uint64_t, 2> unique_peers{};
  size_t peers = 0;  // in the rows
};

class FlowStore {
 public:
  using Index = Workloads::Index;

  static constexpr size_t kPeersPerWorkload = 64;
  static constexpr size_t kSeriesOfAll = 2;  // unique peers, by direction
  static constexpr size_t kSeriesOfRow = 2;  // bytes and packets
  // Pods come and go. A row that did not grow for longer becomes part of "other" once its place is
  // wanted, and no sooner. "other" then leaps by what the row was: as when workloads merge, all
  // that is shown goes on adding up to the packets, which is promised, and its rate does not, once.
  static constexpr uint64_t kRowIdleNs = 300 * kNsPerSecond;

  // Not owned; its budget is charged.
  explicit FlowStore(Store& store) : store_(store) {}

  // What follows is taken now.
  void begin(uint64_t now_ns) { now_ns_ = now_ns; }
  // More of a flow whose peer is known by now, or, with tell() and then name(), is known later.
  void add(Index index, std::string_view ns, std::string_view peer, FlowKind kind, FlowAmount more);
  void tell(Index index, FlowKind kind, FlowAmount more);
  void name(Index index, std::string_view ns, std::string_view peer, FlowKind kind,
            FlowAmount more);
  // What has become of packets of which no flow tells goes to "other". Call it when all flows have
  // been added that were taken after the packets. `shed`: it was on purpose that none tells.
  void settle(bool shed = false);

  void clear_unique_peers();
  void set_unique_peers(Index index, size_t direction, uint64_t peers);

  void remove(Index index);
  // After Store::merge() of the same.
  void merge(Index from, Index to);

  const FlowCounts* if_any(Index index) const {
    return index < all_.size() ? all_[index].get() : nullptr;
  }
  // Of a row.
  std::string_view peer_namespace(Domains::Id peer) const;
  std::string_view peer_name(Domains::Id peer) const;

  uint64_t lost_packets() const { return lost_packets_; }    // settled, in all
  uint64_t shed_packets() const { return shed_packets_; }    // likewise
  uint64_t peer_overflow() const { return peer_overflow_; }  // packets beyond the bounds on peers

 private:
  FlowCounts* of(Index index);
  bool has_room(size_t series);
  void add_to_other(FlowCounts& counts, FlowKind kind, FlowAmount more);
  void add_to_row(FlowCounts& counts, std::string_view ns, std::string_view peer,
                  const FlowCounts::Row& more);
  void fold_idle(FlowCounts& counts);
  void give_back(const FlowCounts& counts);

  Store& store_;
  std::vector<std::unique_ptr<FlowCounts>> all_;
  Domains names_;     // "namespace/peer", each held once, as domains are
  std::string text_;  // of a name, while it is looked up
  uint64_t now_ns_ = 0;
  bool wants_room_ = false;  // for names or series: of all workloads' rows
  uint64_t lost_packets_ = 0;
  uint64_t shed_packets_ = 0;
  uint64_t peer_overflow_ = 0;
};

}  // namespace kubepulse

#endif
