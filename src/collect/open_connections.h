// The connections that were seen open: turns their running totals into what is new since the last
// look, so that counters grow while a connection is open and nothing is counted twice when it ends.
// Pure.
//
// Why this is exact: a sample is taken while the socket is open, so its CLOSED record stands behind
// everything that had been drained from the ring when the walk began. Apply a walk's samples before
// the ring is drained further, and no sample can come after the end of its connection.
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

class OpenConnections {
 public:
  explicit OpenConnections(size_t connections_max) : table_(connections_max) {}

  // A walk begins; samples that follow belong to it.
  void begin_walk() { walk_++; }

  struct Sample {
    bool repeated = false;  // seen in this walk already, through another descriptor
    bool found = false;     // first seen, and established before the kernel programs were attached
    TcpGrowth growth;
  };
  // `direction` is what is known of it: the record's, or the caller's guess where that has none.
  Sample sampled(const tcp_record& record, uint8_t direction);

  struct End {
    bool known = true;  // false: neither its beginning was recorded nor was it ever seen
    uint8_t direction;  // as told to sampled(), where the record itself has none
    TcpGrowth growth;
  };
  End closed(const tcp_record& record);

  // Forgets those that no walk has met for `walks` walks: their end was lost with a full ring.
  void forget_unseen(uint32_t walks);

  size_t size() const { return table_.size(); }

 private:
  struct Open {
    uint64_t start_ns = 0;
    TcpGrowth told;  // totals already counted
    uint32_t walk = 0;
    uint8_t direction = TCP_DIRECTION_UNKNOWN;
  };

  FlatMap<Open> table_;
  uint32_t walk_ = 0;
};

}  // namespace kubepulse

#endif
