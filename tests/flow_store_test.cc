#include "publish/flow_store.h"

#include <string>

#include "base/text.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr FlowKind kTcpOut = {0, 0}, kTcpIn = {1, 0}, kUdpOut = {0, 1};

struct Bench {
  // As the kernel counts.
  void send(Store::Index index, FlowKind kind, uint64_t packets) {
    PacketsOneWay& way = store.packets(index)[kind.direction];
    way.packets[kind.protocol] += packets;
    way.bytes[kind.protocol] += 100 * packets;
  }
  void add(Store::Index index, const std::string& peer, FlowKind kind, uint64_t packets) {
    flows.add(index, "shop", peer, kind, {packets, 100 * packets});
  }
  uint64_t told(Store::Index index, const std::string& peer, FlowKind kind) {
    const FlowCounts* counts = flows.if_any(index);
    if (counts == nullptr) return 0;
    if (peer == "other") {
      const FlowAmount& other = counts->other[kind.direction][kind.protocol];
      ck_assert_uint_eq(other.bytes, 100 * other.packets);
      return other.packets;
    }
    for (const FlowCounts::Row& row : counts->rows)
      if (flows.peer_name(row.peer) == peer && row.kind.direction == kind.direction &&
          row.kind.protocol == kind.protocol) {
        CHECK_TEXT(std::string(flows.peer_namespace(row.peer)), "shop");
        ck_assert_uint_eq(row.amount.bytes, 100 * row.amount.packets);
        return row.amount.packets;
      }
    return 0;
  }
  void merge(Store::Index from, Store::Index to) {
    store.merge(from, to);
    flows.merge(from, to);
  }
  void remove(Store::Index index) {
    store.remove(index);
    flows.remove(index);
  }

  Store store{{}};
  FlowStore flows{store};
};

START_TEST(adds_up) {
  Bench bench;
  bench.send(5, kTcpOut, 7);
  bench.send(5, kTcpIn, 2);
  bench.add(5, "db", kTcpOut, 3);
  bench.add(5, "db", kTcpOut, 2);
  bench.add(5, "cache", kTcpOut, 2);
  bench.add(5, "db", kTcpIn, 2);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "db", kTcpOut), 5);
  ck_assert_uint_eq(bench.told(5, "cache", kTcpOut), 2);
  ck_assert_uint_eq(bench.told(5, "db", kTcpIn), 2);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 0);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
  ck_assert_uint_eq(bench.flows.if_any(5)->peers, 2);
  ck_assert_uint_eq(bench.store.series(), kPacketSeries + 2 + 3 * 2);
  bench.remove(5);
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

// What was left out on purpose is apart from what was lost.
START_TEST(shed) {
  Bench bench;
  bench.send(5, kTcpOut, 10);
  bench.add(5, "db", kTcpOut, 9);
  bench.flows.settle();
  bench.send(5, kTcpOut, 20);
  bench.send(6, kUdpOut, 4);
  bench.add(5, "db", kTcpOut, 2);
  bench.flows.settle(true);
  bench.send(5, kTcpOut, 5);
  bench.add(5, "db", kTcpOut, 3);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "db", kTcpOut), 14);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 1 + 18 + 2);
  ck_assert_uint_eq(bench.told(6, "other", kUdpOut), 4);
  ck_assert_uint_eq(bench.flows.lost_packets(), 3);
  ck_assert_uint_eq(bench.flows.shed_packets(), 22);
}
END_TEST

// Of what no flow tells, "other" has as much as is missing, and keeps it.
START_TEST(the_rest) {
  Bench bench;
  bench.send(5, kTcpOut, 10);
  bench.add(5, "db", kTcpOut, 6);
  bench.flows.settle();
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 4);
  // Flows are taken a moment later, and may be ahead; that is no loss, and takes nothing back.
  bench.add(5, "db", kTcpOut, 3);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 4);
  bench.send(5, kTcpOut, 3);
  bench.send(5, kUdpOut, 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 4);
  ck_assert_uint_eq(bench.told(5, "other", kUdpOut), 1);
  ck_assert_uint_eq(bench.flows.lost_packets(), 5);
  bench.remove(5);
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

START_TEST(too_many_peers) {
  Bench bench;
  for (size_t i = 0; i < FlowStore::kPeersPerWorkload + 3; i++) {
    bench.send(5, kTcpOut, 2);
    bench.add(5, "peer-" + std::to_string(i), kTcpOut, 2);
  }
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 6);
  ck_assert_uint_eq(bench.flows.peer_overflow(), 6);
  // Who is known may go on, in other ways, too.
  bench.send(5, kUdpOut, 1);
  bench.add(5, "peer-0", kUdpOut, 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "peer-0", kUdpOut), 1);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
  bench.remove(5);
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

constexpr uint64_t kIdle = FlowStore::kRowIdleNs;

// Peers that are gone make room for others once there is none, and all goes on adding up.
START_TEST(idle_peers_make_room) {
  Bench bench;
  for (size_t i = 0; i < FlowStore::kPeersPerWorkload; i++) {
    bench.send(5, kTcpOut, 2);
    bench.add(5, "peer-" + std::to_string(i), kTcpOut, 2);
  }
  bench.flows.begin(kIdle);
  bench.send(5, kTcpOut, 3);
  bench.add(5, "peer-0", kTcpOut, 1);
  bench.add(5, "early", kTcpOut, 2);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2);
  ck_assert_uint_eq(bench.told(5, "peer-1", kTcpOut), 2);
  // Nobody wants a place.
  bench.flows.begin(kIdle + 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "peer-1", kTcpOut), 2);
  bench.send(5, kTcpOut, 4);
  bench.add(5, "late", kTcpOut, 4);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "peer-0", kTcpOut), 3);
  ck_assert_uint_eq(bench.told(5, "late", kTcpOut), 4);
  ck_assert_uint_eq(bench.told(5, "peer-1", kTcpOut), 0);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2 + 2 * 63);
  ck_assert_uint_eq(bench.flows.if_any(5)->peers, 2);
  ck_assert_uint_eq(bench.store.series(), kPacketSeries + 2 + 3 * 2);
  // It comes back, and begins anew.
  bench.send(5, kTcpOut, 1);
  bench.add(5, "peer-1", kTcpOut, 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "peer-1", kTcpOut), 1);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
  ck_assert_uint_eq(bench.flows.peer_overflow(), 2);
  bench.remove(5);
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

// The bounds on all workloads' names and series: idle rows go, whoever's they are.
START_TEST(idle_rows_make_room_for_all) {
  Bench bench;
  Store::Index last = 5;
  for (size_t i = 0; i < Domains::kDomainsMax; i++) {
    last = static_cast<Store::Index>(5 + i / FlowStore::kPeersPerWorkload);
    bench.send(last, kTcpOut, 2);
    bench.add(last, "peer-" + std::to_string(i), kTcpOut, 2);
  }
  bench.flows.begin(kIdle + 1);
  bench.send(5, kTcpOut, 1);
  bench.add(5, "peer-0", kTcpOut, 1);
  for (uint64_t round = 1; round <= 2; round++) {
    bench.send(last, kTcpOut, 4);
    bench.add(last, "late", kTcpOut, 4);
    bench.flows.settle();
    ck_assert_uint_eq(bench.told(last, "late", kTcpOut), 4 * (round - 1));
  }
  ck_assert_uint_eq(bench.told(5, "peer-0", kTcpOut), 3);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2 * 63);
  ck_assert_uint_eq(bench.told(6, "other", kTcpOut), 2 * 64);
  ck_assert_uint_eq(bench.told(last, "other", kTcpOut), 2 * (Domains::kDomainsMax % 64) + 4);

  SeriesBudget& budget = bench.store.budget();
  budget.take(SeriesBudget::kSeriesMax - budget.used());
  bench.flows.begin(2 * kIdle + 2);
  for (uint64_t round = 1; round <= 2; round++) {
    bench.send(6, kTcpOut, 4);
    bench.add(6, "next", kTcpOut, 4);
    bench.flows.settle();
    ck_assert_uint_eq(bench.told(6, "next", kTcpOut), 4 * (round - 1));
  }
  ck_assert_uint_eq(bench.told(5, "peer-0", kTcpOut), 0);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2 * 64 + 1);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
}
END_TEST

// A row that merges is as old as it was.
START_TEST(merged_rows_stay_idle) {
  Bench bench;
  bench.send(6, kTcpOut, 2);
  bench.add(6, "gone", kTcpOut, 2);
  bench.flows.begin(kIdle + 1);
  for (size_t i = 0; i < FlowStore::kPeersPerWorkload - 1; i++) {
    bench.send(5, kTcpOut, 1);
    bench.add(5, "peer-" + std::to_string(i), kTcpOut, 1);
  }
  bench.merge(6, 5);
  ck_assert_uint_eq(bench.told(5, "gone", kTcpOut), 2);
  bench.send(5, kTcpOut, 1);
  bench.add(5, "new", kTcpOut, 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "new", kTcpOut), 1);
  ck_assert_uint_eq(bench.told(5, "gone", kTcpOut), 0);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2);
}
END_TEST

// What reads the same on the page is one row.
START_TEST(long_names) {
  Bench bench;
  std::string shown(kLabelBytesMax, 'x');
  bench.send(5, kTcpOut, 3);
  bench.add(5, shown + "-a", kTcpOut, 1);
  bench.add(5, shown + "-b", kTcpOut, 2);
  ck_assert_uint_eq(bench.told(5, shown, kTcpOut), 3);
  ck_assert_uint_eq(bench.flows.if_any(5)->rows.size(), 1);
}
END_TEST

// What waits for a name is no loss.
START_TEST(named_later) {
  Bench bench;
  bench.send(5, kTcpOut, 2);
  bench.flows.tell(5, kTcpOut, {2, 200});
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 0);
  bench.flows.name(5, "shop", "late", kTcpOut, {2, 200});
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "late", kTcpOut), 2);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 0);
}
END_TEST

START_TEST(merges) {
  Bench bench;
  for (Store::Index index : {5, 6}) {
    bench.send(index, kTcpOut, 10);
    bench.add(index, "db", kTcpOut, 4);
    bench.add(index, "of-" + std::to_string(index), kTcpOut, 1);
  }
  bench.flows.settle();
  bench.flows.set_unique_peers(5, 0, 3);
  bench.flows.set_unique_peers(6, 0, 2);
  bench.merge(6, 5);
  bench.flows.settle();
  ck_assert_ptr_null(bench.flows.if_any(6));
  ck_assert_uint_eq(bench.told(5, "db", kTcpOut), 8);
  ck_assert_uint_eq(bench.told(5, "of-6", kTcpOut), 1);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 10);
  ck_assert_uint_eq(bench.flows.if_any(5)->unique_peers[0], 3);
  ck_assert_uint_eq(bench.flows.lost_packets(), 10);
  bench.merge(5, Workloads::kFiltered);
  ck_assert_ptr_null(bench.flows.if_any(5));
  ck_assert_ptr_null(bench.flows.if_any(Workloads::kFiltered));
  bench.flows.settle();
  ck_assert_uint_eq(bench.store.series(), 0);
}
END_TEST

// Flows go where the packets went, though the merge has made room since.
START_TEST(merges_without_room) {
  Bench bench;
  bench.send(6, kTcpOut, 10);
  bench.add(6, "db", kTcpOut, 4);
  bench.flows.settle();
  SeriesBudget& budget = bench.store.budget();
  budget.take(SeriesBudget::kSeriesMax - budget.used());
  bench.merge(6, 5);
  ck_assert_ptr_null(bench.store.packets_if_any(5));
  ck_assert_ptr_null(bench.flows.if_any(5));
  bench.flows.settle();
  ck_assert_uint_eq((*bench.store.packets_if_any(Workloads::kOther))[0].packets[0], 10);
  ck_assert_uint_eq(bench.told(Workloads::kOther, "db", kTcpOut), 4);
  ck_assert_uint_eq(bench.told(Workloads::kOther, "other", kTcpOut), 6);
  ck_assert_uint_eq(bench.flows.lost_packets(), 6);
}
END_TEST

// The first packet came between the look at the packets and that at the flows.
START_TEST(ahead_of_the_packets) {
  Bench bench;
  bench.add(5, "db", kTcpOut, 1);
  bench.flows.settle();
  bench.send(5, kTcpOut, 1);
  bench.flows.settle();
  ck_assert_uint_eq(bench.told(5, "db", kTcpOut), 1);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
}
END_TEST

START_TEST(no_room_for_series) {
  Bench bench;
  bench.send(5, kTcpOut, 3);
  bench.add(5, "db", kTcpOut, 1);
  SeriesBudget& budget = bench.store.budget();
  size_t room = SeriesBudget::kSeriesMax - budget.used();
  budget.take(room);
  bench.add(5, "cache", kTcpOut, 2);
  ck_assert_uint_eq(bench.told(5, "other", kTcpOut), 2);
  // Its packets are those of "other", and so are its flows.
  bench.send(6, kTcpOut, 4);
  bench.add(6, "db", kTcpOut, 4);
  bench.flows.settle();
  ck_assert_ptr_null(bench.flows.if_any(6));
  ck_assert_uint_eq(bench.told(Workloads::kOther, "other", kTcpOut), 4);
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
  ck_assert(budget.refused() > 0);
}
END_TEST

}  // namespace

CHECK_MAIN("flow_store", adds_up, shed, the_rest, too_many_peers, idle_peers_make_room,
           idle_rows_make_room_for_all, merged_rows_stay_idle, long_names, named_later, merges,
           merges_without_room, ahead_of_the_packets, no_room_for_series)
