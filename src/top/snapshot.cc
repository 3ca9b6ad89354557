#include "top/snapshot.h"

#include <algorithm>
#include <functional>

namespace kubepulse {

namespace {

enum Meaning : uint8_t {
  kUnknown,
  kConnectionsOneWay,
  kFailures,
  kPayloadReceived,
  kPayloadSent,
  kSentAgain,
  kQueries,
  kResponses,
  kPacketBytes,
  kDrops,
  kConnectBucket,
  kRoundTripBucket,
  kBytesOfFlow,
  kPacketsOfFlow,
  kEvents,
  kEventsLost,
  kOverflow,
  kWorkloads,
  kSeries,
  kBuild,
  kCpu,
  kResident,
  kStart,
};

struct Known {
  std::string_view name;
  Meaning meaning;
};

constexpr Known kKnown[] = {
    {"kubepulse_tcp_connect_latency_seconds_bucket", kConnectBucket},
    {"kubepulse_tcp_rtt_seconds_bucket", kRoundTripBucket},
    {"kubepulse_tcp_connections_total", kConnectionsOneWay},
    {"kubepulse_tcp_connect_failures_total", kFailures},
    {"kubepulse_tcp_received_bytes_total", kPayloadReceived},
    {"kubepulse_tcp_sent_bytes_total", kPayloadSent},
    {"kubepulse_tcp_retransmits_total", kSentAgain},
    {"kubepulse_dns_queries_total", kQueries},
    {"kubepulse_dns_responses_total", kResponses},
    {"kubepulse_packet_bytes_total", kPacketBytes},
    {"kubepulse_packet_drops_total", kDrops},
    {"kubepulse_flow_bytes_total", kBytesOfFlow},
    {"kubepulse_flow_packets_total", kPacketsOfFlow},
    {"kubepulse_events_total", kEvents},
    {"kubepulse_events_dropped_total", kEventsLost},
    {"kubepulse_overflow_total", kOverflow},
    {"kubepulse_workloads", kWorkloads},
    {"kubepulse_series", kSeries},
    {"kubepulse_build_info", kBuild},
    {"process_cpu_seconds_total", kCpu},
    {"process_resident_memory_bytes", kResident},
    {"process_start_time_seconds", kStart},
};

// More than any counter has; sums and differences of such values stay finite.
constexpr double kValueMax = 1e19;

Meaning meaning_of(std::string_view name) {
  for (const Known& known : kKnown)
    if (name == known.name) return known.meaning;
  return kUnknown;
}

uint64_t hash(std::string_view key) {
  return std::hash<std::string_view>()(key) | 1;  // never 0
}

}  // namespace

struct Snapshot::Labels {
  std::string_view ns, pod, direction, protocol, rcode, le, peer_ns, peer, table, node, version;

  explicit Labels(std::string_view text) {
    struct Place {
      std::string_view name;
      std::string_view Labels::*value;
    };
    static constexpr Place kPlaces[] = {
        {"namespace", &Labels::ns},        {"pod", &Labels::pod},
        {"node", &Labels::node},           {"le", &Labels::le},
        {"direction", &Labels::direction}, {"protocol", &Labels::protocol},
        {"rcode", &Labels::rcode},         {"peer_namespace", &Labels::peer_ns},
        {"peer", &Labels::peer},           {"table", &Labels::table},
        {"version", &Labels::version},
    };
    LabelReader reader(text);
    std::string_view name, value;
    while (reader.next(name, value))
      for (const Place& place : kPlaces)
        if (name == place.name) {
          this->*place.value = value.substr(0, kNameBytesMax);
          break;
        }
  }
};

double* Rows::at(std::string_view key) {
  for (size_t near = last_; near < keys_.size() && near < last_ + 2; near++)
    if (keys_[near] == key) {
      last_ = near;
      return &values_[near * width_];
    }
  uint32_t* place = by_hash_.find(hash(key));
  if (place == nullptr) {
    place = by_hash_.insert(hash(key));
    if (place == nullptr) return nullptr;
    *place = static_cast<uint32_t>(keys_.size());
    keys_.emplace_back(key);
    values_.resize(values_.size() + width_);
  }
  last_ = *place;
  return keys_[last_] == key ? &values_[last_ * width_] : nullptr;
}

const double* Rows::find(std::string_view key) const {
  const uint32_t* held = by_hash_.find(hash(key));
  return held != nullptr && keys_[*held] == key ? values(*held) : nullptr;
}

void Rows::clear() {
  for (const std::string& key : keys_)
    by_hash_.erase(hash(key));
  keys_.clear();
  values_.clear();
  last_ = 0;
}

Snapshot::Snapshot() {
  key_.reserve(6 * kNameBytesMax);
}

void Snapshot::clear() {
  workloads_.clear();
  flows_.clear();
  daemon_ = Daemon();
  bounds_.clear();
  bound_texts_.clear();
  bound_ = 0;
  last_name_.clear();
  last_meaning_ = kUnknown;
  is_ours_ = has_packets_ = has_flows_ = false;
  left_out_ = 0;
}

void Snapshot::take(const PageSample& sample) {
  if (sample.name != last_name_) {
    last_name_ = sample.name.substr(0, kNameBytesMax);
    last_meaning_ = meaning_of(sample.name);
  }
  if (last_meaning_ == kUnknown) return;
  std::optional<double> value = parse_value(sample.value);
  if (!value || *value < 0 || *value > kValueMax) return;
  Labels labels(sample.labels);
  if (last_meaning_ >= kEvents)
    take_daemon(last_meaning_, labels, *value);
  else if (last_meaning_ >= kBytesOfFlow)
    take_flow(last_meaning_ == kBytesOfFlow, labels, *value);
  else
    take_workload(last_meaning_, labels, *value);
}

void Snapshot::take_workload(uint8_t meaning, const Labels& labels, double value) {
  key_.assign(labels.ns).append(1, '\n').append(labels.pod);
  double* row = workloads_.at(key_);
  if (row == nullptr) {
    left_out_++;
    return;
  }
  auto add = [row, value](Figure figure) { row[figure] += value; };
  bool in = labels.direction == "in";
  switch (meaning) {
    case kConnectionsOneWay:
      return add(in ? kConnectionsIn : kConnectionsOut);
    case kFailures:
      return add(kConnectFailures);
    case kPayloadReceived:
      return add(kTcpReceivedBytes);
    case kPayloadSent:
      return add(kTcpSentBytes);
    case kSentAgain:
      return add(kRetransmits);
    case kQueries:
      return add(kDnsQueries);
    case kResponses:
      if (labels.rcode == "NXDOMAIN") add(kDnsNxdomain);
      return add(kDnsResponses);
    case kPacketBytes:
      has_packets_ = true;
      return add(in ? kPacketBytesIn : kPacketBytesOut);
    case kDrops:
      return add(kDroppedPackets);
    case kConnectBucket:
      return take_bucket(row + kConnectBuckets, labels.le, value);
    case kRoundTripBucket:
      return take_bucket(row + kRoundTripBuckets, labels.le, value);
    default:
      return;
  }
}

// Each histogram has the same bounds, in the same order: the next one is nearly always that of the
// last sample's neighbour.
void Snapshot::take_bucket(double* buckets, std::string_view le, double value) {
  size_t next = bound_ + 1 < bound_texts_.size() ? bound_ + 1 : 0;
  if (next >= bound_texts_.size() || bound_texts_[next] != le) {
    next = 0;
    while (next < bound_texts_.size() && bound_texts_[next] != le)
      next++;
  }
  if (next == bound_texts_.size()) {
    std::optional<double> bound = parse_value(le);
    if (!bound || next == kBoundsMax) {
      left_out_++;
      return;
    }
    bounds_.push_back(*bound);
    bound_texts_.emplace_back(le);
  }
  bound_ = next;
  buckets[next] += value;
}

void Snapshot::take_flow(bool bytes, const Labels& labels, double value) {
  has_flows_ = true;
  key_.assign(labels.ns);
  for (std::string_view part :
       {labels.pod, labels.peer_ns, labels.peer, labels.direction, labels.protocol})
    key_.append(1, '\n').append(part);
  double* row = flows_.at(key_);
  if (row == nullptr)
    left_out_++;
  else
    row[bytes ? kFlowBytes : kFlowPackets] += value;
}

void Snapshot::take_daemon(uint8_t meaning, const Labels& labels, double value) {
  switch (meaning) {
    case kEvents:
      daemon_.events += value;
      break;
    case kEventsLost:
      daemon_.events_lost += value;
      break;
    case kOverflow:
      if (daemon_.overflow.size() < kTablesMax)
        daemon_.overflow.push_back({unescape_label(labels.table), value});
      break;
    case kWorkloads:
      daemon_.workloads = value;
      break;
    case kSeries:
      daemon_.series = value;
      break;
    case kBuild:
      is_ours_ = true;
      daemon_.node = unescape_label(labels.node);
      daemon_.version = unescape_label(labels.version);
      break;
    case kCpu:
      daemon_.cpu_seconds = value;
      break;
    case kResident:
      daemon_.resident_bytes = value;
      break;
    case kStart:
      daemon_.start_seconds = value;
      break;
    default:
      break;
  }
}

}  // namespace kubepulse
