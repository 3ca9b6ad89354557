#include "publish/store.h"

#include "base/text.h"

namespace kubepulse {

size_t Store::tcp_series() const {
  return 3 * histogram_series() + 2 + 2 + kFailureReasons + 3 + 2;
}

size_t Store::dns_series() const {
  return histogram_series() + 1 + kRcodeKinds + 1;
}

template <typename Counts>
Counts& Store::counts_of(std::vector<std::unique_ptr<Counts>>& all, Index index, size_t series) {
  if (index >= all.size()) all.resize(index + 1);
  if (all[index] != nullptr) return *all[index];
  // "other" is always there, so that what is beyond the bound has a place.
  if (series_ + series > kSeriesMax && index != 0) {
    series_overflow_++;
    return counts_of(all, 0, series);
  }
  all[index] = std::make_unique<Counts>();
  series_ += series;
  return *all[index];
}

TcpCounts& Store::tcp(Index index) {
  return counts_of(tcp_, index, tcp_series());
}
DnsCounts& Store::dns(Index index) {
  return counts_of(dns_, index, dns_series());
}

void Store::count_query(Index index, std::string_view domain) {
  DnsCounts& counts = dns(index);
  // As the label will read: two domains that are cut to the same text are one series.
  domain = cut_text(domain, kLabelBytesMax);
  if (domain == "other") {
    counts.other_domains++;
    return;
  }
  if (auto known = domains_.find(domain)) {
    for (DomainCount& held : counts.domains) {
      if (held.domain != *known) continue;
      held.queries++;
      return;
    }
  }
  if (counts.domains.size() < kDomainsPerWorkload && series_ < kSeriesMax) {
    if (auto id = domains_.hold(domain)) {
      counts.domains.push_back(DomainCount{*id, 1});
      series_++;
      return;
    }
  }
  counts.other_domains++;
  domain_overflow_++;
}

void Store::remove(Index index) {
  if (index < tcp_.size() && tcp_[index] != nullptr) {
    tcp_[index].reset();
    series_ -= tcp_series();
  }
  if (index < dns_.size() && dns_[index] != nullptr) {
    for (const DomainCount& held : dns_[index]->domains)
      domains_.release(held.domain);
    series_ -= dns_series() + dns_[index]->domains.size();
    dns_[index].reset();
  }
}

const TcpCounts* Store::tcp_if_any(Index index) const {
  return index < tcp_.size() ? tcp_[index].get() : nullptr;
}

const DnsCounts* Store::dns_if_any(Index index) const {
  return index < dns_.size() ? dns_[index].get() : nullptr;
}

}  // namespace kubepulse
