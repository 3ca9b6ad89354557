// What has grown between two pages. Pure.
#ifndef KUBEPULSE_TOP_GROWTH_H
#define KUBEPULSE_TOP_GROWTH_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "top/snapshot.h"

namespace kubepulse {

// Behind the counters of a workload: connections either way, bytes of packets where they are told,
// else of TCP payload; then quantiles of what was observed in between, in seconds, and the share of
// NXDOMAIN in the answers, which are kNothing where there was nothing.
enum Derived : uint8_t {
  kConnections = kFigures,
  kReceived,
  kSent,
  kReceivedAndSent,
  kConnectP50,
  kConnectP95,
  kRoundTripP50,
  kNxdomainShare,
  kGrowthWidth
};
constexpr double kNothing = -1;

// A workload or, with FlowFigure alone, a flow.
struct RowGrowth {
  std::string key;  // of Rows
  std::array<double, kGrowthWidth> grown{};

  // The label that is `part` of the key, unescaped; it may hold anything.
  std::string label(size_t part) const;
};
enum WorkloadLabel : uint8_t { kNamespace, kPod };
enum FlowLabel : uint8_t { kPeerNamespace = 2, kPeer, kDirection, kProtocol };

struct Growth {
  double seconds = 0;  // between the pages
  bool has_packets = false, has_flows = false;
  uint64_t left_out = 0;
  Snapshot::Daemon daemon;  // as the later page tells it, but for `overflow`
  // In between; of `daemon.overflow` those that have grown, without what filters leave out.
  double events = 0, events_lost = 0, cpu_seconds = 0;
  std::vector<RowGrowth> workloads;
  std::vector<RowGrowth> flows;  // those that have grown
};

// Whether both are of one run of the daemon, so that what is between them can be told.
bool is_same_run(const Snapshot& before, const Snapshot& now);

// What is new has grown from 0, and so has what went back: its series had ended and began again.
Growth compare(const Snapshot& before, const Snapshot& now, double seconds);

// Like Prometheus' histogram_quantile(): `counts` cumulative, as many as `bounds`, of which the
// last is +Inf; linear within a bucket; the last finite bound beyond it. kNothing where nothing was
// observed, or these are no buckets.
double quantile(double share, const std::vector<double>& bounds, const double* counts);

}  // namespace kubepulse

#endif
