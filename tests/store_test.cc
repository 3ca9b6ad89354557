#include "publish/store.h"

#include "base/text.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr Store::Index kFirst = Workloads::kFirst;
constexpr size_t kHistogram = 2 + 1 + 2;  // bounds, +Inf, _sum and _count
constexpr size_t kTcp = 3 * kHistogram + 2 + 2 + kFailureReasons + 3 + 2 + kTcpStates + 1;
constexpr size_t kDns = kHistogram + kRcodeKinds + 1 + 1;  // timeouts and domain="other"

std::string domain(size_t number) {
  return "domain-" + std::to_string(number) + ".example";
}

uint64_t queries(const Store& store, Store::Index index, std::string_view domain) {
  const DnsCounts* counts = store.dns_if_any(index);
  if (counts == nullptr) return 0;
  for (const DomainCount& held : counts->domains)
    if (store.domains().name(held.domain) == domain) return held.queries;
  return 0;
}

START_TEST(made_on_first_use) {
  Store store({10, 20});
  ck_assert_ptr_null(store.tcp_if_any(0));
  ck_assert_ptr_null(store.dns_if_any(4000));
  TcpCounts& counts = store.tcp(7);
  counts.sent_bytes = 5;
  ck_assert_ptr_eq(&store.tcp(7), &counts);
  (void)store.tcp(4000);  // does not move the others
  ck_assert_ptr_eq(store.tcp_if_any(7), &counts);
  ck_assert_uint_eq(store.tcp_if_any(7)->sent_bytes, 5);
  ck_assert_ptr_null(store.dns_if_any(7));
  ck_assert_ptr_null(store.tcp_if_any(8));
  ck_assert_uint_eq(store.series(), 2 * kTcp);
  (void)store.dns(7);
  ck_assert_uint_eq(store.series(), 2 * kTcp + kDns);
  size_t visited = 0;
  store.each_tcp([&](TcpCounts&) { visited++; });
  ck_assert_uint_eq(visited, 2);
}
END_TEST

START_TEST(removed_and_used_again) {
  Store store({10, 20});
  store.remove(3);  // never had anything
  store.tcp(3).sent_bytes = 9;
  store.count_query(3, "a.com");
  store.count_query(4, "a.com");
  store.count_query(4, "b.com");
  ck_assert_uint_eq(store.series(), kTcp + 2 * kDns + 3);
  store.remove(3);
  ck_assert_ptr_null(store.tcp_if_any(3));
  ck_assert_ptr_null(store.dns_if_any(3));
  ck_assert_uint_eq(store.series(), kDns + 2);
  ck_assert_uint_eq(store.domains().size(), 2);
  store.remove(3);
  ck_assert_uint_eq(store.series(), kDns + 2);
  store.remove(4);
  ck_assert_uint_eq(store.series(), 0);
  ck_assert_uint_eq(store.domains().size(), 0);
  // The next one starts at zero.
  ck_assert_uint_eq(store.tcp(3).sent_bytes, 0);
  store.count_query(3, "c.com");
  ck_assert_uint_eq(queries(store, 3, "c.com"), 1);
  ck_assert_uint_eq(store.dns_if_any(3)->domains.size(), 1);
}
END_TEST

START_TEST(domains_of_a_workload) {
  Store store({10, 20});
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < Store::kDomainsPerWorkload + 50; i++)
      store.count_query(5, domain(i));
  const DnsCounts& counts = *store.dns_if_any(5);
  ck_assert_uint_eq(counts.domains.size(), Store::kDomainsPerWorkload);
  ck_assert_uint_eq(counts.other_domains, 100);
  ck_assert_uint_eq(store.domain_overflow(), 100);
  ck_assert_uint_eq(queries(store, 5, domain(0)), 2);
  ck_assert_uint_eq(queries(store, 5, domain(100)), 0);
  // Another workload is not touched by that, nor by a domain that only others hold.
  store.count_query(6, domain(0));
  store.count_query(6, domain(140));
  ck_assert_uint_eq(queries(store, 6, domain(0)), 1);
  ck_assert_uint_eq(queries(store, 6, domain(140)), 1);
  ck_assert_uint_eq(queries(store, 5, domain(0)), 2);
  ck_assert_uint_eq(store.domain_overflow(), 100);
  ck_assert_uint_eq(store.series(), 2 * kDns + 102);
}
END_TEST

START_TEST(domains_in_all) {
  Store store({10, 20});
  constexpr Store::Index kLast = kFirst + Domains::kDomainsMax / Store::kDomainsPerWorkload;
  for (Store::Index index = kFirst; index < kLast; index++)
    for (size_t i = 0; i < Store::kDomainsPerWorkload; i++)
      store.count_query(index, domain(index * 1000 + i));
  ck_assert_uint_eq(store.domains().size(), Domains::kDomainsMax);
  ck_assert_uint_eq(store.domain_overflow(), 0);
  store.count_query(kLast, "new.example");
  ck_assert_uint_eq(store.dns_if_any(kLast)->other_domains, 1);
  ck_assert_uint_eq(store.domain_overflow(), 1);
  store.count_query(kLast, domain(kFirst * 1000));  // known already, so there is room for it
  ck_assert_uint_eq(queries(store, kLast, domain(kFirst * 1000)), 1);
  store.remove(kFirst);
  // One of them is still held by the other workload.
  ck_assert_uint_eq(store.domains().size(), Domains::kDomainsMax - Store::kDomainsPerWorkload + 1);
  store.count_query(kLast, "new.example");
  ck_assert_uint_eq(queries(store, kLast, "new.example"), 1);
}
END_TEST

START_TEST(series_in_all) {
  Store store({10, 20});
  Store::Index fit = kFirst;
  while (store.series() + kTcp <= Store::kSeriesMax) {
    fit++;
    store.tcp(fit).connections[0] = fit;
  }
  ck_assert_uint_eq(store.series_overflow(), 0);
  TcpCounts& other = store.tcp(fit + 1);
  ck_assert_ptr_eq(store.tcp_if_any(0), &other);
  ck_assert_ptr_null(store.tcp_if_any(fit + 1));
  ck_assert_uint_eq(store.series_overflow(), 1);
  ck_assert_ptr_eq(&store.tcp(fit + 2), &other);
  ck_assert_uint_eq(store.series_overflow(), 2);
  ck_assert_uint_eq(store.tcp(fit).connections[0], fit);  // who is in stays in
  size_t full = store.series();
  ck_assert_uint_le(full, Store::kSeriesMax + kTcp);
  // A query beyond the bound counts for "other" too, and no domain is held for it.
  store.count_query(fit + 1, "a.com");
  ck_assert_ptr_null(store.dns_if_any(fit + 1));
  ck_assert_uint_eq(store.dns_if_any(0)->other_domains, 1);
  ck_assert_uint_eq(store.domains().size(), 0);
  ck_assert_uint_le(store.series(), Store::kSeriesMax + kTcp + kDns);
  // Room again.
  for (Store::Index index : {kFirst + 1, kFirst + 2, kFirst + 3})
    store.remove(index);
  ck_assert_uint_eq(store.series(), full + kDns - 3 * kTcp);
  ck_assert_ptr_ne(&store.tcp(fit + 1), &other);
  ck_assert_ptr_nonnull(store.tcp_if_any(fit + 1));
}
END_TEST

START_TEST(series_of_domains_are_bounded) {
  Store store({10, 20});
  Store::Index index = kFirst;
  while (store.series() + kTcp <= Store::kSeriesMax)
    (void)store.tcp(++index);
  store.remove(kFirst + 1);
  store.remove(kFirst + 2);
  (void)store.dns(kFirst);
  size_t left = Store::kSeriesMax - store.series();
  ck_assert_uint_lt(left, Store::kDomainsPerWorkload);
  for (size_t i = 0; i < Store::kDomainsPerWorkload; i++)
    store.count_query(kFirst, domain(i));
  ck_assert_uint_eq(store.series(), Store::kSeriesMax);
  ck_assert_uint_eq(store.domain_overflow(), Store::kDomainsPerWorkload - left);
}
END_TEST

// A query for the single label "other" must not stand on the page beside what is beyond the bound.
START_TEST(a_domain_that_is_called_other) {
  Store store({10, 20});
  store.count_query(5, "other");
  for (size_t i = 0; i < Store::kDomainsPerWorkload + 1; i++)
    store.count_query(5, domain(i));
  const DnsCounts& counts = *store.dns_if_any(5);
  ck_assert_uint_gt(counts.other_domains, 0);
  ck_assert_uint_eq(queries(store, 5, "other"), 0);
  uint64_t all = counts.other_domains;
  for (const DomainCount& held : counts.domains)
    all += held.queries;
  ck_assert_uint_eq(all, Store::kDomainsPerWorkload + 2);
}
END_TEST

// Names of services may be longer than a label value; what the page shows alike is one series.
START_TEST(domains_that_are_cut_to_the_same_text) {
  Store store({10, 20});
  std::string begin = std::string(63, 'a') + "." + std::string(63, 'b') + ".";
  ck_assert_uint_eq(begin.size(), kLabelBytesMax);
  store.count_query(5, begin + "svc.cluster.local");
  store.count_query(5, begin + "pod.cluster.local");
  ck_assert_uint_eq(store.dns_if_any(5)->domains.size(), 1);
  ck_assert_uint_eq(store.dns_if_any(5)->domains[0].queries, 2);
}
END_TEST

START_TEST(merged) {
  Store store({10, 20});
  for (Store::Index index : {5, 6}) {
    TcpCounts& tcp = store.tcp(index);
    for (Histogram* histogram : {&tcp.latency, &tcp.connect_latency, &tcp.rtt})
      histogram->observe(store.bounds(), index * 3);
    tcp.connections = {index, 1};
    tcp.active = {-1, index};
    tcp.failures[0] = tcp.sent_bytes = tcp.received_bytes = tcp.retransmits = tcp.records = index;
    tcp.resets = {index, 2};
    tcp.states[0] = tcp.states[kTcpStates - 1] = tcp.accept_queue_drops = index;
    store.count_query(index, "a.com");
    store.count_query(index, index == 5 ? "b.com" : "c.com");
    DnsCounts& dns = store.dns(index);
    dns.latency.observe(store.bounds(), 100);
    dns.responses[1] = dns.timeouts = dns.records = dns.other_domains = index;
    PacketsOneWay& in = store.packets(index)[1];
    in.packets[4] = in.bytes[0] = in.sizes.buckets[10] = in.sizes.sum_bytes = index;
  }
  store.merge(6, 5);
  ck_assert_ptr_null(store.tcp_if_any(6));
  ck_assert_ptr_null(store.dns_if_any(6));
  const TcpCounts& tcp = *store.tcp_if_any(5);
  for (const Histogram* histogram : {&tcp.latency, &tcp.connect_latency, &tcp.rtt}) {
    ck_assert(histogram->buckets[0] == 0 && histogram->buckets[1] == 2);
    ck_assert_uint_eq(histogram->sum_ns, 33);
  }
  ck_assert(tcp.connections[0] == 11 && tcp.connections[1] == 2);
  ck_assert(tcp.active[0] == -2 && tcp.active[1] == 11);
  for (uint64_t sum :
       {tcp.failures[0], tcp.sent_bytes, tcp.received_bytes, tcp.retransmits, tcp.records,
        tcp.resets[0], tcp.states[0], tcp.states[kTcpStates - 1], tcp.accept_queue_drops})
    ck_assert_uint_eq(sum, 11);
  ck_assert_uint_eq(tcp.resets[1], 4);
  const DnsCounts& dns = *store.dns_if_any(5);
  ck_assert_uint_eq(queries(store, 5, "a.com"), 2);
  ck_assert_uint_eq(queries(store, 5, "b.com"), 1);
  ck_assert_uint_eq(queries(store, 5, "c.com"), 1);
  ck_assert(dns.latency.buckets[2] == 2 && dns.latency.sum_ns == 200);
  for (uint64_t sum : {dns.responses[1], dns.timeouts, dns.records, dns.other_domains})
    ck_assert_uint_eq(sum, 11);
  ck_assert_ptr_null(store.packets_if_any(6));
  const PacketCounts& packets = *store.packets_if_any(5);
  for (uint64_t sum : {packets[1].packets[4], packets[1].bytes[0], packets[1].sizes.buckets[10],
                       packets[1].sizes.sum_bytes})
    ck_assert_uint_eq(sum, 11);
  ck_assert_uint_eq(packets[0].packets[4], 0);
  ck_assert_uint_eq(store.series(), kTcp + kDns + 3 + kPacketSeries);
  ck_assert_uint_eq(store.domains().size(), 3);
  // Into nothing that the page shows: only how much it was is kept.
  store.merge(5, Workloads::kFiltered);
  ck_assert_uint_eq(store.series(), 0);
  ck_assert_uint_eq(store.domains().size(), 0);
  ck_assert_uint_eq(store.tcp_if_any(Workloads::kFiltered)->records, 11);
  ck_assert_uint_eq(store.dns_if_any(Workloads::kFiltered)->records, 11);
  ck_assert_uint_eq((*store.packets_if_any(Workloads::kFiltered))[1].packets[4], 11);
  store.merge(7, 5);  // had nothing, and makes nothing
  ck_assert_ptr_null(store.tcp_if_any(5));
}
END_TEST

// Beyond its bound on domains, what another brings goes to "other".
START_TEST(merged_beyond_the_bound_on_domains) {
  Store store({10, 20});
  for (size_t i = 0; i < Store::kDomainsPerWorkload; i++)
    store.count_query(5, domain(i));
  for (int round = 0; round < 3; round++) {
    store.count_query(6, domain(0));
    store.count_query(6, "new.example");
  }
  store.merge(6, 5);
  ck_assert_uint_eq(queries(store, 5, domain(0)), 4);
  ck_assert_uint_eq(store.dns_if_any(5)->other_domains, 3);
  ck_assert_uint_eq(store.domain_overflow(), 3);
  ck_assert_uint_eq(store.series(), kDns + Store::kDomainsPerWorkload);
}
END_TEST

uint64_t drops(const Store& store, Store::Index index, std::string_view reason) {
  const DropCounts* counts = store.drops_if_any(index);
  if (counts == nullptr) return 0;
  if (reason == "other") return counts->other;
  for (const DropCount& held : counts->reasons)
    if (held.reason == reason) return held.packets;
  return 0;
}

START_TEST(drops_by_reason) {
  Store store({10});
  store.count_drops(5, "NO_SOCKET", 3);
  store.count_drops(5, "NO_SOCKET", 4);
  store.count_drops(5, "IP_CSUM", 1);
  store.count_drops(6, "IP_CSUM", 2);
  store.count_drops(Workloads::kFiltered, "IP_CSUM", 9);
  ck_assert_uint_eq(store.series(), 3);
  ck_assert_uint_eq(drops(store, 5, "NO_SOCKET"), 7);
  ck_assert_ptr_null(store.drops_if_any(Workloads::kFiltered));
  ck_assert_ptr_null(store.drops_if_any(7));
  store.merge(6, 5);
  ck_assert_uint_eq(drops(store, 5, "IP_CSUM"), 3);
  ck_assert_uint_eq(store.series(), 2);
  store.merge(5, Workloads::kFiltered);
  ck_assert_uint_eq(store.series(), 0);
  ck_assert_ptr_null(store.drops_if_any(5));
}
END_TEST

START_TEST(drops_beyond_the_bound) {
  Store store({10});
  for (size_t i = 0; i < Store::kDropReasonsPerWorkload + 2; i++)
    store.count_drops(5, std::to_string(i), 10);
  store.count_drops(5, "0", 1);
  ck_assert_uint_eq(drops(store, 5, "0"), 11);
  ck_assert_uint_eq(drops(store, 5, "other"), 20);
  ck_assert_uint_eq(store.drop_overflow(), 20);
  ck_assert_uint_eq(store.series(), Store::kDropReasonsPerWorkload + 1);
  // Goes on in another one, and is not beyond a bound once more.
  store.merge(5, 6);
  ck_assert_uint_eq(drops(store, 6, "other"), 20);
  ck_assert_uint_eq(store.drop_overflow(), 20);
  store.remove(6);
  ck_assert_uint_eq(store.series(), 0);
}
END_TEST

START_TEST(drops_beyond_the_series) {
  Store store({10});
  store.budget().take(Store::kSeriesMax - 1);
  store.count_drops(5, "NO_SOCKET", 1);
  store.count_drops(5, "IP_CSUM", 2);
  ck_assert_uint_eq(drops(store, 5, "NO_SOCKET"), 1);
  ck_assert_uint_eq(drops(store, Workloads::kOther, "IP_CSUM"), 2);
  ck_assert_uint_eq(store.series_overflow(), 1);
}
END_TEST

}  // namespace

CHECK_MAIN("store", merged, merged_beyond_the_bound_on_domains, made_on_first_use,
           removed_and_used_again, domains_of_a_workload, domains_in_all, series_in_all,
           series_of_domains_are_bounded, a_domain_that_is_called_other,
           domains_that_are_cut_to_the_same_text, drops_by_reason, drops_beyond_the_bound,
           drops_beyond_the_series)
