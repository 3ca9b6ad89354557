#include "publish/store.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace kubepulse {

namespace {

bool is_never_shown(Store::Index index) {
  return index == Workloads::kFiltered || index == Workloads::kLate;
}

void add_each(Histogram& sum, const Histogram& other) {
  for (size_t i = 0; i < sum.buckets.size(); i++)
    sum.buckets[i] += other.buckets[i];
  sum.sum_ns += other.sum_ns;
}

template <typename Number, size_t N>
void add_each(std::array<Number, N>& sum, const std::array<Number, N>& other) {
  for (size_t i = 0; i < N; i++)
    sum[i] += other[i];
}

void add_each(PacketCounts& sum, const PacketCounts& other) {
  for (size_t way = 0; way < sum.size(); way++) {
    add_each(sum[way].packets, other[way].packets);
    add_each(sum[way].bytes, other[way].bytes);
    add_each(sum[way].sizes.buckets, other[way].sizes.buckets);
    sum[way].sizes.sum_bytes += other[way].sizes.sum_bytes;
  }
}

}  // namespace

void AddressVote::take(const IpBytes& voted) {
  if (weight == 0) address = voted;
  if (address != voted)
    weight--;
  else if (weight < UINT32_MAX)
    weight++;
}

void AddressVote::add(const AddressVote& other) {
  if (address == other.address)
    weight = std::min(weight, UINT32_MAX - other.weight) + other.weight;
  else if (weight >= other.weight)
    weight -= other.weight;
  else
    *this = {other.address, other.weight - weight};
}

void TcpCounts::add(const TcpCounts& other) {
  add_each(latency, other.latency);
  add_each(connect_latency, other.connect_latency);
  add_each(rtt, other.rtt);
  add_each(connections, other.connections);
  add_each(active, other.active);
  add_each(failures, other.failures);
  failing_peer.add(other.failing_peer);
  sent_bytes += other.sent_bytes;
  received_bytes += other.received_bytes;
  retransmits += other.retransmits;
  add_each(resets, other.resets);
  add_each(states, other.states);
  accept_queue_drops += other.accept_queue_drops;
  records += other.records;
}

void DnsCounts::add(const DnsCounts& other) {
  add_each(latency, other.latency);
  other_domains += other.other_domains;
  add_each(responses, other.responses);
  timeouts += other.timeouts;
  records += other.records;
}

size_t Store::tcp_series() const {
  return 3 * histogram_series() + 2 + 2 + kFailureReasons + 3 + 2 +
         (tells_sockets_ ? kTcpStates + 1 : 0);
}

size_t Store::dns_series() const {
  return histogram_series() + 1 + kRcodeKinds + 1;
}

template <typename Counts>
Counts& Store::counts_of(std::vector<std::unique_ptr<Counts>>& all, Index index, size_t series) {
  if (index >= all.size()) all.resize(index + 1);
  if (all[index] != nullptr) return *all[index];
  // "other" is always there, so that what is beyond the bound has a place.
  if (is_never_shown(index)) series = 0;
  if (index >= Workloads::kFirst && !budget_.allows(series))
    return counts_of(all, Workloads::kOther, series);
  all[index] = std::make_unique<Counts>();
  budget_.take(series);
  return *all[index];
}

TcpCounts& Store::tcp(Index index) {
  return counts_of(tcp_, index, tcp_series());
}
DnsCounts& Store::dns(Index index) {
  return counts_of(dns_, index, dns_series());
}

PacketCounts& Store::packets(Index index) {
  return counts_of(packets_, index, kPacketSeries);
}

void Store::count_query(Index index, std::string_view domain) {
  if (!is_never_shown(index)) count_domain(dns(index), domain, 1);
}

void Store::count_domain(DnsCounts& counts, std::string_view domain, uint64_t queries) {
  // As the label will read: two domains that are cut to the same text are one series.
  domain = cut_text(domain, kLabelBytesMax);
  if (domain == "other") {
    counts.other_domains += queries;
    return;
  }
  if (auto known = domains_.find(domain)) {
    for (DomainCount& held : counts.domains) {
      if (held.domain != *known) continue;
      held.queries += queries;
      return;
    }
  }
  if (counts.domains.size() < kDomainsPerWorkload && budget_.has_room(1)) {
    if (auto id = domains_.hold(domain)) {
      counts.domains.push_back(DomainCount{*id, queries});
      budget_.take(1);
      return;
    }
  }
  counts.other_domains += queries;
  domain_overflow_ += queries;
}

void Store::count_drops(Index index, std::string_view reason, uint64_t packets) {
  if (is_never_shown(index)) return;
  if (index >= drops_.size()) drops_.resize(index + 1);
  DropCounts& counts = drops_[index];
  for (DropCount& held : counts.reasons) {
    if (held.reason != reason) continue;
    held.packets += packets;
    return;
  }
  if (counts.reasons.size() == kDropReasonsPerWorkload) {
    drop_overflow_ += packets;
    count_other_drops(counts, packets);
    return;
  }
  if (index >= Workloads::kFirst && !budget_.allows(1)) {
    count_drops(Workloads::kOther, reason, packets);
    return;
  }
  budget_.take(1);
  counts.reasons.push_back({std::string(reason), packets});
}

void Store::count_other_drops(DropCounts& counts, uint64_t packets) {
  if (counts.other == 0 && packets != 0) budget_.take(1);
  counts.other += packets;
}

InterfaceCount& Store::interface(Index index, std::string_view name) {
  if (index >= interfaces_.size()) interfaces_.resize(index + 1);
  for (InterfaceCount& held : interfaces_[index])
    if (held.name == name) return held;
  size_t series = is_never_shown(index) ? 0 : InterfaceCount().values.size();
  if (index >= Workloads::kFirst && !budget_.allows(series))
    return interface(Workloads::kOther, name);
  budget_.take(series);
  interfaces_[index].push_back({std::string(name), {}});
  return interfaces_[index].back();
}

void Store::merge(Index from, Index to) {
  if (const TcpCounts* counts = tcp_if_any(from)) tcp(to).add(*counts);
  if (const DnsCounts* counts = dns_if_any(from)) {
    DnsCounts& sum = dns(to);
    sum.add(*counts);
    if (!is_never_shown(to))
      for (const DomainCount& held : counts->domains)
        count_domain(sum, domains_.name(held.domain), held.queries);
  }
  if (const PacketCounts* counts = packets_if_any(from)) add_each(packets(to), *counts);
  if (const std::vector<InterfaceCount>* interfaces = interfaces_if_any(from))
    for (const InterfaceCount& held : std::vector<InterfaceCount>(*interfaces))
      add_each(interface(to, held.name).values, held.values);
  if (const DropCounts* drops = drops_if_any(from)) {
    DropCounts counts = *drops;
    for (const DropCount& held : counts.reasons)
      count_drops(to, held.reason, held.packets);
    if (!is_never_shown(to)) {
      if (to >= drops_.size()) drops_.resize(to + 1);
      count_other_drops(drops_[to], counts.other);
    }
  }
  remove(from);
}

void Store::remove(Index index) {
  if (index < tcp_.size() && tcp_[index] != nullptr) {
    tcp_[index].reset();
    budget_.give_back(tcp_series());
  }
  if (index < dns_.size() && dns_[index] != nullptr) {
    for (const DomainCount& held : dns_[index]->domains)
      domains_.release(held.domain);
    budget_.give_back(dns_series() + dns_[index]->domains.size());
    dns_[index].reset();
  }
  if (index < packets_.size() && packets_[index] != nullptr) {
    packets_[index].reset();
    budget_.give_back(kPacketSeries);
  }
  if (index < interfaces_.size()) {
    if (!is_never_shown(index))
      budget_.give_back(interfaces_[index].size() * InterfaceCount().values.size());
    interfaces_[index].clear();
  }
  if (const DropCounts* drops = drops_if_any(index)) {
    budget_.give_back(drops->reasons.size() + (drops->other != 0 ? 1 : 0));
    drops_[index] = {};
  }
}

const std::vector<InterfaceCount>* Store::interfaces_if_any(Index index) const {
  return index < interfaces_.size() && !interfaces_[index].empty() ? &interfaces_[index] : nullptr;
}

const DropCounts* Store::drops_if_any(Index index) const {
  if (index >= drops_.size()) return nullptr;
  const DropCounts& counts = drops_[index];
  return counts.reasons.empty() && counts.other == 0 ? nullptr : &counts;
}

const TcpCounts* Store::tcp_if_any(Index index) const {
  return index < tcp_.size() ? tcp_[index].get() : nullptr;
}

TcpCounts* Store::tcp_if_any(Index index) {
  return const_cast<TcpCounts*>(std::as_const(*this).tcp_if_any(index));
}

const DnsCounts* Store::dns_if_any(Index index) const {
  return index < dns_.size() ? dns_[index].get() : nullptr;
}

const PacketCounts* Store::packets_if_any(Index index) const {
  return index < packets_.size() ? packets_[index].get() : nullptr;
}

}  // namespace kubepulse
