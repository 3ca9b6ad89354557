// What has grown between two pages. Pure.
#ifndef KUBEPULSE_TOP_GROWTH_H
#define KUBEPULSE_TOP_GROWTH_H

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "top/snapshot.h"

namespace kubepulse {

// Texts are unescaped, and may hold anything.
struct WorkloadGrowth {
  std::string ns, pod;
  std::array<double, kFigures> grown{};
  // Of what was observed in between, in seconds; nothing where that is nothing.
  std::optional<double> connect_p50, connect_p95, round_trip_p50;

  double connections() const { return grown[kConnectionsOut] + grown[kConnectionsIn]; }
  // Of the answers; nothing where none came.
  std::optional<double> nxdomain_share() const;
};

struct FlowGrowth {
  std::string ns, pod, peer_ns, peer, direction, protocol;
  double bytes = 0, packets = 0;
};

struct Growth {
  double seconds = 0;  // between the pages
  bool has_packets = false, has_flows = false;
  uint64_t left_out = 0;
  // As the later page tells it.
  std::string node, version;
  double workloads_held = 0, series_held = 0, resident_bytes = 0, events_lost_in_all = 0;
  // In between.
  double events = 0, events_lost = 0, cpu_seconds = 0;
  std::vector<Snapshot::Daemon::Overflow>
      overflow;  // those that have grown, without what filters leave out
  std::vector<WorkloadGrowth> workloads;
  std::vector<FlowGrowth> flows;

  // What a workload has received or sent: bytes of packets where they are told, else TCP payload.
  double received(const WorkloadGrowth& of) const {
    return of.grown[has_packets ? kPacketBytesIn : kTcpReceivedBytes];
  }
  double sent(const WorkloadGrowth& of) const {
    return of.grown[has_packets ? kPacketBytesOut : kTcpSentBytes];
  }
};

// Whether both are of one run of the daemon, so that what is between them can be told.
bool is_same_run(const Snapshot& before, const Snapshot& now);

// What is new has grown from 0, and so has what went back: its series had ended and began again.
Growth compare(const Snapshot& before, const Snapshot& now, double seconds);

// Like Prometheus' histogram_quantile(): `counts` cumulative, as many as `bounds`, of which the
// last is +Inf; linear within a bucket; the last finite bound beyond it. Nothing where nothing was
// observed, or these are no buckets.
std::optional<double> quantile(double share, const std::vector<double>& bounds,
                               const Buckets& counts);

}  // namespace kubepulse

#endif
