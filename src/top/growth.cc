#include "top/growth.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace kubepulse {

namespace {

// Of what is new.
constexpr double kZeros[kWorkloadWidth] = {};

double grown(double before, double now) {
  return now >= before ? now - before : now;
}

bool is_filter(std::string_view table) {
  constexpr std::string_view kEnd = "_filtered";
  return table.size() >= kEnd.size() && table.substr(table.size() - kEnd.size()) == kEnd;
}

void compare_daemons(const Snapshot::Daemon& before, const Snapshot::Daemon& now, Growth& growth) {
  growth.daemon = now;
  growth.events = grown(before.events, now.events);
  growth.events_lost = grown(before.events_lost, now.events_lost);
  growth.cpu_seconds = grown(before.cpu_seconds, now.cpu_seconds);
  auto& tables = growth.daemon.overflow;
  size_t kept = 0;
  for (Snapshot::Daemon::Overflow& each : tables) {
    for (const Snapshot::Daemon::Overflow& old : before.overflow)
      if (old.table == each.table) {
        each.count = grown(old.count, each.count);
        break;
      }
    if (each.count > 0 && !is_filter(each.table)) std::swap(tables[kept++], each);
  }
  tables.resize(kept);
}

// What the buckets of one histogram have grown. One that went back takes all of them along.
std::array<double, kBoundsMax> grown_buckets(const double* before, const double* now) {
  std::array<double, kBoundsMax> more;
  bool back = false;
  for (size_t i = 0; i < kBoundsMax; i++)
    back = back || now[i] < before[i];
  for (size_t i = 0; i < kBoundsMax; i++)
    more[i] = back ? now[i] : now[i] - before[i];
  return more;
}

// The rows of `now` with their first `width` numbers compared.
std::vector<RowGrowth> compare_rows(const Rows& before, const Rows& now, size_t width,
                                    bool with_still) {
  std::vector<RowGrowth> rows;
  for (size_t i = 0; i < now.size(); i++) {
    RowGrowth row;
    const double* old = before.find(now.key(i));
    if (old == nullptr) old = kZeros;
    bool moved = false;
    for (size_t at = 0; at < width; at++) {
      row.grown[at] = grown(old[at], now.values(i)[at]);
      moved = moved || row.grown[at] > 0;
    }
    if (!moved && !with_still) continue;
    row.key = now.key(i);
    rows.push_back(std::move(row));
  }
  return rows;
}

// `old` null: it is new.
void derive(RowGrowth& row, const double* old, const double* now, const std::vector<double>& bounds,
            bool has_packets) {
  if (old == nullptr) old = kZeros;
  auto connects = grown_buckets(old + kConnectBuckets, now + kConnectBuckets);
  row.grown[kConnectP50] = quantile(0.5, bounds, connects.data());
  row.grown[kConnectP95] = quantile(0.95, bounds, connects.data());
  auto trips = grown_buckets(old + kRoundTripBuckets, now + kRoundTripBuckets);
  row.grown[kRoundTripP50] = quantile(0.5, bounds, trips.data());
  row.grown[kConnections] = row.grown[kConnectionsOut] + row.grown[kConnectionsIn];
  row.grown[kReceived] = row.grown[has_packets ? kPacketBytesIn : kTcpReceivedBytes];
  row.grown[kSent] = row.grown[has_packets ? kPacketBytesOut : kTcpSentBytes];
  row.grown[kReceivedAndSent] = row.grown[kReceived] + row.grown[kSent];
  double answers = row.grown[kDnsResponses];
  row.grown[kNxdomainShare] = answers > 0 ? row.grown[kDnsNxdomain] / answers : kNothing;
}

}  // namespace

std::string RowGrowth::label(size_t part) const {
  std::string_view rest = key;
  for (; part > 0; part--)
    next_piece(rest, '\n');
  return unescape_label(next_piece(rest, '\n'));
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
  growth.workloads = compare_rows(before.workloads(), now.workloads(), kFigures, true);
  for (size_t i = 0; i < growth.workloads.size(); i++)
    derive(growth.workloads[i], before.workloads().find(growth.workloads[i].key),
           now.workloads().values(i), now.bounds(), growth.has_packets);
  growth.flows = compare_rows(before.flows(), now.flows(), kFlowWidth, false);
  return growth;
}

double quantile(double share, const std::vector<double>& bounds, const double* counts) {
  if (bounds.size() < 2 || bounds.size() > kBoundsMax) return kNothing;
  size_t last = bounds.size() - 1;
  if (!std::isinf(bounds[last]) || counts[last] <= 0) return kNothing;
  for (size_t i = 1; i <= last; i++)
    if (bounds[i] <= bounds[i - 1] || counts[i] < counts[i - 1]) return kNothing;
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
