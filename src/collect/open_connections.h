// The connections that were seen open: turns their running totals into what is new since the last
// look, so that counters grow while a connection is open and nothing is counted twice when it ends;
// and tells when a connection enters and leaves the gauge of active ones. Pure.
//
// Why the totals are exact: a sample is taken while the socket is open, so its CLOSED record stands
// behind everything that had been drained from the ring when the walk began. Apply a walk's samples
// before the ring is drained further, and no sample can come after the end of its connection.
//
// The gauge: a connection enters with its OPENED record and leaves with its CLOSED one. Where
// records were lost, a walk counts anew what is open (a recount); those that began before it are in
// the gauge if and only if a walk has met them since.
#ifndef KUBEPULSE_COLLECT_OPEN_CONNECTIONS_H
#define KUBEPULSE_COLLECT_OPEN_CONNECTIONS_H

#include <cstdint>

#include "base/flat_map.h"
#include "bpf/event.h"

namespace kubepulse {

struct TcpGrowth {
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint32_t retransmits = 0;
};

// Who holds a connection, for the caller, and which end of it.
struct ConnectionSide {
  uint32_t owner = 0;
  uint8_t direction = TCP_DIRECTION_UNKNOWN;
};

class OpenConnections {
 public:
  explicit OpenConnections(size_t connections_max) : table_(connections_max) {}

  // An OPENED record; true: it enters the gauge.
  bool opened(const tcp_record& record, ConnectionSide side);

  // A walk begins; samples that follow belong to it. In a recount the gauge is empty now, and every
  // connection that began before `now_ns` enters it when it is met.
  void begin_walk(bool recount = false, uint64_t now_ns = 0);

  struct Sample {
    bool repeated = false;  // seen in this walk already, through another descriptor
    bool enters = false;    // into the gauge
    ConnectionSide side;    // as it was when first seen
    TcpGrowth growth;
  };
  // `side` is what is known of it now; the direction a guess where the record has none.
  Sample sampled(const tcp_record& record, ConnectionSide side);

  struct End {
    bool known = true;    // false: neither its beginning was recorded nor was it ever seen
    bool leaves = false;  // the gauge
    ConnectionSide side;  // as it was when first seen, else `side`
    TcpGrowth growth;
  };
  End closed(const tcp_record& record, ConnectionSide side);

  // Forgets those that no walk has met for `walks` walks: their end was lost with a full ring.
  void forget_unseen(uint32_t walks);

  size_t size() const { return table_.size(); }

 private:
  struct Open {
    uint64_t start_ns = 0;
    TcpGrowth told;  // totals already counted
    uint32_t walk = 0;
    bool in_gauge = false;  // of use where is_old()
    ConnectionSide side;
  };

  bool is_old(const tcp_record& record) const;
  Open* find(const tcp_record& record);

  FlatMap<Open> table_;
  uint32_t walk_ = 0;
  uint64_t recounted_ns_ = 0;
};

}  // namespace kubepulse

#endif
