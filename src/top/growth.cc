#include "top/growth.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace kubepulse {

namespace {

double grown(double before, double now) {
  return now >= before ? now - before : now;
}

// The part of a row's key up to the next '"', unescaped.
std::string next_label(std::string_view& key) {
  return unescape_label(next_piece(key, '"'));
}

bool is_filter(std::string_view table) {
  constexpr std::string_view kEnd = "_filtered";
  return table.size() >= kEnd.size() && table.substr(table.size() - kEnd.size()) == kEnd;
}

void compare_daemons(const Snapshot::Daemon& before, const Snapshot::Daemon& now, Growth& growth) {
  growth.node = now.node;
  growth.version = now.version;
  growth.workloads_held = now.workloads;
  growth.series_held = now.series;
  growth.resident_bytes = now.resident_bytes;
  growth.events_lost_in_all = now.events_lost;
  growth.events = grown(before.events, now.events);
  growth.events_lost = grown(before.events_lost, now.events_lost);
  growth.cpu_seconds = grown(before.cpu_seconds, now.cpu_seconds);
  for (const Snapshot::Daemon::Overflow& each : now.overflow) {
    auto held = std::find_if(before.overflow.begin(), before.overflow.end(),
                             [&each](const auto& old) { return old.table == each.table; });
    double more = grown(held == before.overflow.end() ? 0 : held->count, each.count);
    if (more > 0 && !is_filter(each.table)) growth.overflow.push_back({each.table, more});
  }
}

Buckets grown(const Buckets& before, const Buckets& now) {
  // One that went back takes all of them along: they are of one histogram.
  bool back = false;
  for (size_t i = 0; i < now.size(); i++)
    back = back || now[i] < before[i];
  Buckets more = now;
  for (size_t i = 0; !back && i < now.size(); i++)
    more[i] -= before[i];
  return more;
}

}  // namespace

std::optional<double> WorkloadGrowth::nxdomain_share() const {
  if (grown[kDnsResponses] <= 0) return std::nullopt;
  return grown[kDnsNxdomain] / grown[kDnsResponses];
}

bool is_same_run(const Snapshot& before, const Snapshot& now) {
  return before.daemon().start_seconds == now.daemon().start_seconds &&
         before.daemon().node == now.daemon().node && before.bounds() == now.bounds();
}

Growth compare(const Snapshot& before, const Snapshot& now, double seconds) {
  Growth growth;
  growth.seconds = seconds;
  growth.has_packets = now.has_packets();
  growth.has_flows = now.has_flows();
  growth.left_out = now.left_out();
  compare_daemons(before.daemon(), now.daemon(), growth);
  growth.workloads.reserve(now.workloads().all().size());
  static const WorkloadFigures kNone;
  for (const auto& row : now.workloads().all()) {
    const WorkloadFigures* held = before.workloads().find(row.key);
    const WorkloadFigures& old = held == nullptr ? kNone : *held;
    WorkloadGrowth more;
    std::string_view key = row.key;
    more.ns = next_label(key);
    more.pod = next_label(key);
    for (size_t i = 0; i < kFigures; i++)
      more.grown[i] = grown(old.counters[i], row.figures.counters[i]);
    Buckets connects =
        grown(old.latencies[kConnectLatency], row.figures.latencies[kConnectLatency]);
    more.connect_p50 = quantile(0.5, now.bounds(), connects);
    more.connect_p95 = quantile(0.95, now.bounds(), connects);
    more.round_trip_p50 = quantile(
        0.5, now.bounds(), grown(old.latencies[kRoundTrip], row.figures.latencies[kRoundTrip]));
    growth.workloads.push_back(std::move(more));
  }
  static const FlowFigures kNoFlow;
  for (const auto& row : now.flows().all()) {
    const FlowFigures* held = before.flows().find(row.key);
    const FlowFigures& old = held == nullptr ? kNoFlow : *held;
    FlowGrowth more;
    more.bytes = grown(old.bytes, row.figures.bytes);
    more.packets = grown(old.packets, row.figures.packets);
    if (more.bytes <= 0 && more.packets <= 0) continue;  // flows are many, and most are still
    std::string_view key = row.key;
    for (std::string FlowGrowth::*label :
         {&FlowGrowth::ns, &FlowGrowth::pod, &FlowGrowth::peer_ns, &FlowGrowth::peer,
          &FlowGrowth::direction, &FlowGrowth::protocol})
      more.*label = next_label(key);
    growth.flows.push_back(std::move(more));
  }
  return growth;
}

std::optional<double> quantile(double share, const std::vector<double>& bounds,
                               const Buckets& counts) {
  size_t last = bounds.size() - 1;
  if (bounds.size() < 2 || bounds.size() > counts.size() || !std::isinf(bounds[last]) ||
      counts[last] <= 0)
    return std::nullopt;
  for (size_t i = 1; i <= last; i++)
    if (bounds[i] <= bounds[i - 1] || counts[i] < counts[i - 1]) return std::nullopt;
  double rank = share * counts[last];
  size_t at = 0;
  while (at < last && counts[at] < rank)
    at++;
  if (at == last) return bounds[last - 1];
  double low = at == 0 ? 0 : bounds[at - 1];
  double below = at == 0 ? 0 : counts[at - 1];
  return low + (bounds[at] - low) * (rank - below) / (counts[at] - below);
}

}  // namespace kubepulse
