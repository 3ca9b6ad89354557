// What has been counted, in plain structs per workload. An update on the event path is a few adds;
// memory is taken when a workload has its first TCP or DNS event, or packet, and given back when it
// is removed.
#ifndef KUBEPULSE_PUBLISH_STORE_H
#define KUBEPULSE_PUBLISH_STORE_H

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collect/connect_failure.h"
#include "collect/dns_message.h"
#include "collect/tcp_state.h"
#include "identity/service.h"
#include "identity/workloads.h"
#include "publish/domains.h"
#include "publish/histogram.h"
#include "publish/series_budget.h"

namespace kubepulse {

// The address that most of something was for, by the majority vote of Boyer and Moore (1981):
// right wherever one had more than half of it, and some address that had any otherwise.
struct AddressVote {
  IpBytes address{};
  uint32_t weight = 0;  // 0: nobody

  void take(const IpBytes& voted);
  void add(const AddressVote& other);
};

// Indexed by direction: 0 out (or sent), 1 in (or received), as enum tcp_direction.
struct TcpCounts {
  Histogram latency;
  Histogram connect_latency;
  Histogram rtt;
  std::array<uint64_t, 2> connections{};
  std::array<int64_t, 2> active{};  // below 0 until the next recount: see Workloads::partings()
  std::array<uint64_t, kFailureReasons> failures{};
  AddressVote failing_peer;  // for whom these were; whoever reads it lets it fade
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t retransmits = 0;
  std::array<uint64_t, 2> resets{};
  std::array<uint64_t, kTcpStates> states{};  // sockets, when they were walked over last
  uint64_t accept_queue_drops = 0;
  uint64_t records = 0;  // of the kernel's, that told this

  void add(const TcpCounts& other);
};

struct DomainCount {
  Domains::Id domain;
  uint64_t queries;
};

struct DnsCounts {
  Histogram latency;
  std::vector<DomainCount> domains;
  uint64_t other_domains = 0;  // queries beyond the bounds on domains
  std::array<uint64_t, kRcodeKinds> responses{};
  uint64_t timeouts = 0;
  uint64_t records = 0;  // of the kernel's, that told this

  // But for the domains.
  void add(const DnsCounts& other);
};

// Of a network interface.
struct InterfaceCount {
  std::string name;
  // Bytes, packets, errors and drops received; then sent.
  std::array<uint64_t, 8> values{};
};

struct DropCount {
  std::string reason;
  uint64_t packets;
};

struct DropCounts {
  std::vector<DropCount> reasons;
  uint64_t other = 0;  // packets beyond the bound on reasons
};
constexpr const char* kDirections[] = {"out", "in"};
constexpr size_t kPacketProtocols = 5;
constexpr const char* kPacketProtocolNames[kPacketProtocols] = {"tcp", "udp", "icmp", "sctp",
                                                                "other"};

// Of one direction, by protocol.
struct PacketsOneWay {
  std::array<uint64_t, kPacketProtocols> packets{};
  std::array<uint64_t, kPacketProtocols> bytes{};
  SizeHistogram sizes;
};

// Indexed by direction, as above.
using PacketCounts = std::array<PacketsOneWay, 2>;
constexpr size_t kPacketSeries = 2 * (2 * kPacketProtocols + kSizeSeries);

class Store {
 public:
  using Index = Workloads::Index;

  static constexpr size_t kSeriesMax = SeriesBudget::kSeriesMax;
  static constexpr size_t kDomainsPerWorkload = 100;
  static constexpr size_t kDropReasonsPerWorkload = 32;

  explicit Store(BucketBounds bounds) : bounds_(std::move(bounds)) {}

  // Before the first counts: nobody can look at the sockets themselves, so that neither their
  // states nor what listeners drop is to be told.
  void leave_out_sockets() { tells_sockets_ = false; }
  bool tells_sockets() const { return tells_sockets_; }

  // The counts of a series' labels, made on first use. Beyond kSeriesMax those of "other"; what the
  // page never shows (Workloads::kFiltered, kLate) takes none of that room.
  TcpCounts& tcp(Index index);
  DnsCounts& dns(Index index);
  // One more query of the workload for `domain`.
  void count_query(Index index, std::string_view domain);
  // More packets of the workload that the kernel has dropped.
  void count_drops(Index index, std::string_view reason, uint64_t packets);
  PacketCounts& packets(Index index);
  // One interface of the workload's own network.
  InterfaceCount& interface(Index index, std::string_view name);
  // Its series end.
  void remove(Index index);
  // Likewise, and all that they counted goes on in those of `to`.
  void merge(Index from, Index to);

  // Null where the workload never had such an event.
  const TcpCounts* tcp_if_any(Index index) const;
  TcpCounts* tcp_if_any(Index index);
  const DnsCounts* dns_if_any(Index index) const;
  const PacketCounts* packets_if_any(Index index) const;
  const std::vector<InterfaceCount>* interfaces_if_any(Index index) const;
  const DropCounts* drops_if_any(Index index) const;
  // Indexes that have packets are below it.
  Index packets_end() const { return static_cast<Index>(packets_.size()); }

  // For all workloads that have TCP counts.
  template <typename Visit>
  void each_tcp(Visit&& visit) {
    for (auto& counts : tcp_)
      if (counts) visit(*counts);
  }

  const BucketBounds& bounds() const { return bounds_; }
  const Domains& domains() const { return domains_; }
  size_t series() const { return budget_.used(); }
  uint64_t domain_overflow() const { return domain_overflow_; }
  uint64_t drop_overflow() const { return drop_overflow_; }
  uint64_t series_overflow() const { return budget_.refused(); }
  SeriesBudget& budget() { return budget_; }  // to be shared with other stores

 private:
  template <typename Counts>
  Counts& counts_of(std::vector<std::unique_ptr<Counts>>& all, Index index, size_t series);
  void count_domain(DnsCounts& counts, std::string_view domain, uint64_t queries);
  void count_other_drops(DropCounts& counts, uint64_t packets);
  size_t histogram_series() const { return bounds_.size() + 3; }  // +Inf, _sum, _count
  size_t tcp_series() const;
  size_t dns_series() const;

  BucketBounds bounds_;
  Domains domains_;
  std::vector<std::unique_ptr<TcpCounts>> tcp_;
  std::vector<std::unique_ptr<DnsCounts>> dns_;
  std::vector<std::unique_ptr<PacketCounts>> packets_;
  std::vector<std::vector<InterfaceCount>> interfaces_;
  std::vector<DropCounts> drops_;
  bool tells_sockets_ = true;
  SeriesBudget budget_;
  uint64_t domain_overflow_ = 0;
  uint64_t drop_overflow_ = 0;
};

}  // namespace kubepulse

#endif
