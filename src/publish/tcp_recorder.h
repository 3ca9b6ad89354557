// From TCP records to counts: what each kind of record adds, and to whom.
#ifndef KUBEPULSE_PUBLISH_TCP_RECORDER_H
#define KUBEPULSE_PUBLISH_TCP_RECORDER_H

#include <array>
#include <cstdint>
#include <string>

#include "base/flat_map.h"
#include "bpf/event.h"
#include "collect/open_connections.h"
#include "identity/workloads.h"
#include "publish/event_log.h"
#include "publish/store.h"

namespace kubepulse {

class TcpRecorder {
 public:
  // Nothing is owned; `log` is null where events are not logged.
  TcpRecorder(Workloads& workloads, Store& store, EventLog* log, size_t connections_max);

  // A record of the ring: OPENED, FAILED, CLOSED; LISTEN or UNLISTENED.
  void take(const tcp_record& record);

  // A walk over the sockets: begin, each record of kind OPEN, LISTEN or CONNECTING, and CLOSED of
  // one whose end only the walk could tell, end. Until it has ended the ring is not drained (see
  // OpenConnections). The gauges of states change as a whole at its end. `first`: only listeners
  // are noted, so that the next walk can tell the direction of connections that are older than the
  // daemon, and nobody is charged with what listeners dropped before. `lost` is the sum of all
  // losses so far, of records and of owners that changed their series (Workloads::partings): where
  // it grew since the last whole walk, the active gauges are counted anew.
  void begin_walk(bool first, uint64_t lost, uint64_t now_ns);
  void walked(const tcp_record& record);
  void end_walk(bool whole);

  // Connections that ended and of which nothing was known.
  uint64_t unknown_ends() const { return unknown_ends_; }

 private:
  void opened(Workloads::Owner owner, const tcp_record& record);
  void failed(TcpCounts& counts, const tcp_record& record);
  Workloads::Owner closed(Workloads::Owner owner, const tcp_record& record);
  TcpCounts& counts_of(Workloads::Owner owner) { return store_.tcp(workloads_.index(owner)); }
  void add_growth(TcpCounts& counts, const TcpGrowth& growth, uint32_t rtt_us);
  uint8_t direction_of(const tcp_record& record);
  bool meets_first(const tcp_record& record);
  void take_drops(Workloads::Owner owner, const tcp_record& record);
  void count_state(Workloads::Owner owner, uint8_t state);
  void tell_states();

  // A socket that is no connection yet, or none at all.
  struct Idle {
    uint32_t walk = 0;   // that met it last
    uint32_t drops = 0;  // told
  };
  using States = std::array<uint32_t, kTcpStates>;

  Workloads& workloads_;
  Store& store_;
  EventLog* log_;
  std::string line_;
  OpenConnections open_;
  FlatMap<uint32_t> listeners_;  // network namespace and port, to the walk that saw it last
  FlatMap<Idle> idle_;           // listening or connecting, by socket
  FlatMap<States> met_;          // in this walk, by owner and 1, as there is no key 0
  uint32_t walk_ = 0;
  bool first_walk_ = false;
  bool has_walked_ = false;  // once, and whole
  uint64_t lost_ = 0;
  uint64_t recounted_lost_ = 0;  // of the last whole walk
  uint64_t unknown_ends_ = 0;
};

}  // namespace kubepulse

#endif
