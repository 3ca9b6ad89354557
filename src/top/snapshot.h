// What `kubepulse top` keeps of one page: of each workload and each flow the figures that it shows,
// and what the daemon tells of itself. Pure.
#ifndef KUBEPULSE_TOP_SNAPSHOT_H
#define KUBEPULSE_TOP_SNAPSHOT_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "client/page_reader.h"
#include "publish/histogram.h"

namespace kubepulse {

// Counters of a workload.
enum Figure : uint8_t {
  kConnectionsOut,
  kConnectionsIn,
  kConnectFailures,
  kTcpReceivedBytes,  // payload
  kTcpSentBytes,
  kRetransmits,
  kDnsQueries,
  kDnsResponses,
  kDnsNxdomain,
  kPacketBytesIn,
  kPacketBytesOut,
  kDroppedPackets,
  kFigures
};

constexpr size_t kBoundsMax = kBucketsMax + 1;  // with +Inf
// Behind the counters of a workload stand its buckets, cumulative, as the page has them.
constexpr size_t kConnectBuckets = kFigures;
constexpr size_t kRoundTripBuckets = kConnectBuckets + kBoundsMax;
constexpr size_t kWorkloadWidth = kRoundTripBuckets + kBoundsMax;

// Counters of a flow.
enum FlowFigure : uint8_t { kFlowBytes, kFlowPackets, kFlowWidth };

// What has a row, by the values of its labels as they stand in the page, with '\n' between them:
// that is in no such value.
class Rows {
 public:
  Rows(size_t width, size_t rows_max) : width_(width), by_hash_(rows_max) {}

  // `width` numbers, at first 0, until the next call; null beyond the bound.
  double* at(std::string_view key);
  const double* find(std::string_view key) const;
  size_t size() const { return keys_.size(); }
  const std::string& key(size_t row) const { return keys_[row]; }
  const double* values(size_t row) const { return &values_[row * width_]; }
  // Memory is kept.
  void clear();

 private:
  size_t width_;
  std::vector<std::string> keys_;
  std::vector<double> values_;
  FlatMap<uint32_t> by_hash_;
  size_t last_ = 0;  // pages tell of the same rows in the same order, family by family
};

class Snapshot {
 public:
  // More than a daemon tells of: workloads by its own bound, flows by that of its series.
  static constexpr size_t kWorkloadsMax = 8192;
  static constexpr size_t kFlowsMax = 32768;
  static constexpr size_t kTablesMax = 64;
  static constexpr size_t kNameBytesMax = 512;

  // What the daemon tells of itself; NaN never.
  struct Daemon {
    std::string node, version;  // unescaped
    double events = 0, events_lost = 0;
    double workloads = 0, series = 0;
    double cpu_seconds = 0, resident_bytes = 0, start_seconds = 0;
    struct Overflow {
      std::string table;
      double count = 0;
    };
    std::vector<Overflow> overflow;
  };

  Snapshot();
  void clear();
  void take(const PageSample& sample);

  // Whether the page was one of kubepulse's.
  bool is_ours() const { return is_ours_; }
  bool has_packets() const { return has_packets_; }
  bool has_flows() const { return has_flows_; }
  // Samples of workloads and flows that found no room.
  uint64_t left_out() const { return left_out_; }
  const Daemon& daemon() const { return daemon_; }
  const Rows& workloads() const { return workloads_; }
  const Rows& flows() const { return flows_; }
  // Upper bounds of the latency buckets in seconds, as the page has them.
  const std::vector<double>& bounds() const { return bounds_; }

 private:
  struct Labels;

  void take_workload(uint8_t meaning, const Labels& labels, double value);
  void take_bucket(double* buckets, std::string_view le, double value);
  void take_flow(bool bytes, const Labels& labels, double value);
  void take_daemon(uint8_t meaning, const Labels& labels, double value);

  Rows workloads_{kWorkloadWidth, kWorkloadsMax};
  Rows flows_{kFlowWidth, kFlowsMax};
  Daemon daemon_;
  std::vector<double> bounds_;
  std::vector<std::string> bound_texts_;
  size_t bound_ = 0;  // the last one
  std::string last_name_, key_;
  uint8_t last_meaning_ = 0;
  bool is_ours_ = false, has_packets_ = false, has_flows_ = false;
  uint64_t left_out_ = 0;
};

}  // namespace kubepulse

#endif
