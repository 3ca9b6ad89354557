#include "publish/flow_recorder.h"

#include <map>
#include <memory>
#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kOut = 0, kIn = 1;
const char* const kUid = "aaaaaaaa-7a2d-4e7b-9f10-2b6c1d0e9a41";

// 10.0.0.NUMBER
flow_key key_of(uint64_t cgroup, uint32_t number, uint64_t direction = kOut, uint64_t shard = 0,
                uint64_t protocol = PACKET_UDP) {
  flow_key key{};
  key.owner = cgroup | direction << FLOW_DIRECTION_SHIFT | protocol << FLOW_PROTOCOL_SHIFT |
              shard << FLOW_SHARD_SHIFT;
  key.remote[2] = __builtin_bswap32(0xFFFF);
  key.remote[3] = __builtin_bswap32(0x0A000000 + number);
  return key;
}

struct Bench {
  Bench() {
    for (uint64_t cgroup : {7, 8})
      paths.born(cgroup, "/system.slice/web.service");
    paths.born(9, std::string("/kubepods/pod") + kUid);
    paths.born(1, "/");
    workloads.set_pods(&pods);
    peers.set_pods(&pods);
  }
  void list(uint32_t number) {
    auto pod = std::make_unique<Pod>();
    pod->ns.assign("shop");
    pod->name.assign("new");
    pod->uid.assign(kUid);
    pod->addresses[0].assign("10.0.0." + std::to_string(number));
    pod->address_count = 1;
    pods.begin();
    pods.add(*pod);
    pods.commit(kT);
  }
  void settle(uint64_t now_ns) {
    workloads.settle(now_ns, {[&](auto from, auto to) {
                                store.merge(from, to);
                                flows.merge(from, to);
                              },
                              [&](auto index) {
                                store.remove(index);
                                flows.remove(index);
                              }});
  }
  void gather(uint64_t now_ns, std::initializer_list<std::pair<flow_key, uint64_t>> taken = {}) {
    recorder.begin(now_ns);
    for (const auto& [key, packets] : taken) {
      Workloads::Index index = workloads.index(workloads.of(key.owner & FLOW_CGROUP, 0, now_ns));
      PacketsOneWay& way = store.packets(index)[key.owner >> FLOW_DIRECTION_SHIFT & 1];
      way.packets[key.owner >> FLOW_PROTOCOL_SHIFT & 7] += packets;
      recorder.take(key, {packets, 0});
    }
    recorder.end();
  }
  // "namespace/peer direction" to packets.
  std::map<std::string, uint64_t> told(const char* ns, const char* pod) {
    std::map<std::string, uint64_t> all;
    auto index = workloads.find({ns, pod, ""});
    const FlowCounts* counts = index ? flows.if_any(*index) : nullptr;
    if (counts == nullptr) return all;
    for (const FlowCounts::Row& row : counts->rows)
      all[std::string(flows.peer_namespace(row.peer)) + "/" +
          std::string(flows.peer_name(row.peer)) + (row.kind.direction == kOut ? " out" : " in")] +=
          row.amount.packets;
    for (size_t way = 0; way < 2; way++)
      for (const FlowAmount& other : counts->other[way])
        if (other.packets != 0) all["other"] += other.packets;
    return all;
  }

  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{}};
  FlowStore flows{store};
  PodTable pods;
  Peers peers;
  FlowRecorder recorder{workloads, flows, peers};
};

using Told = std::map<std::string, uint64_t>;

START_TEST(parts_add_up) {
  Bench bench;
  bench.list(5);
  bench.gather(kT, {{key_of(7, 5), 1}, {key_of(7, 5, kOut, 3), 2}, {key_of(8, 5), 4}});
  bench.gather(kT + 1, {{key_of(7, 5), 8}, {key_of(7, 5, kIn), 16}, {key_of(7, 6), 32}});
  ck_assert(bench.told("systemd", "web.service") ==
            (Told{{"shop/new out", 15}, {"shop/new in", 16}, {"/external out", 32}}));
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
}
END_TEST

START_TEST(the_kernels_own) {
  Bench bench;
  bench.gather(kT, {{key_of(1, 5), 1}, {key_of(0, 5), 2}});
  bench.recorder.forget(0);
  bench.gather(kT + 1, {{key_of(0, 5), 4}});
  ck_assert(bench.told("host", "kernel") == (Told{{"/external out", 7}}));
}
END_TEST

// While a pod has no name, what nobody knows may be its own.
START_TEST(waits_for_a_pod) {
  Bench bench;
  bench.gather(kT, {{key_of(9, 6), 1}, {key_of(7, 5), 2}});
  ck_assert(bench.told("systemd", "web.service").empty());
  bench.gather(kT + kNsPerSecond);
  ck_assert(bench.told("systemd", "web.service").empty());
  bench.list(5);
  bench.settle(kT + 2 * kNsPerSecond);
  bench.gather(kT + 2 * kNsPerSecond);
  ck_assert(bench.told("systemd", "web.service") == (Told{{"shop/new out", 2}}));
  ck_assert(bench.told("shop", "new") == (Told{{"/external out", 1}}));
  ck_assert_uint_eq(bench.flows.lost_packets(), 0);
}
END_TEST

START_TEST(does_not_wait_for_ever) {
  Bench bench;
  bench.gather(kT, {{key_of(9, 6), 1}, {key_of(7, 5), 2}});
  bench.gather(kT + Workloads::kGraceNs);
  ck_assert(bench.told("systemd", "web.service") == (Told{{"/external out", 2}}));
  bench.gather(kT + 1 + Workloads::kGraceNs);
  ck_assert(bench.told("systemd", "web.service") == (Told{{"/external out", 2}}));
}
END_TEST

START_TEST(not_more_than_fit_wait) {
  Bench bench;
  bench.gather(kT, {{key_of(9, 1), 1}});
  for (uint32_t i = 0; i < FlowRecorder::kHeldMax + 9; i++)
    bench.gather(kT + 1, {{key_of(7, 100 + i), 1}});
  ck_assert(bench.told("systemd", "web.service") == (Told{{"/external out", 10}}));
}
END_TEST

// Of two cgroups of one workload the peers are counted once.
START_TEST(peers) {
  Bench bench;
  bench.gather(kT, {{key_of(7, 5), 1}, {key_of(8, 5), 1}, {key_of(1, 5), 1}});
  std::map<uint64_t, peer_sketch> sketches;
  auto meet = [&](uint64_t cgroup, uint64_t direction, uint32_t first, uint32_t count) {
    peer_sketch& sketch = sketches[cgroup | direction << FLOW_DIRECTION_SHIFT];
    age_peers(&sketch, static_cast<__u32>(kT / PEER_EPOCH_NS));
    for (uint32_t i = first; i < first + count; i++)
      mark_peer_cell(&sketch, peer_cell(key_of(0, i).remote, 1));
  };
  meet(7, kOut, 0, 60);
  meet(8, kOut, 40, 60);
  meet(8, kIn, 0, 10);
  meet(1, kOut, 0, 1);
  auto count = [&](uint64_t now_ns) {
    bench.gather(now_ns);
    for (const auto& [key, sketch] : sketches)
      bench.recorder.found_sketch(key);
    bench.recorder.count_peers([&](uint64_t key, peer_sketch& copy) {
      copy = sketches[key];
      return true;
    });
  };
  auto unique = [&](const char* ns, const char* pod) {
    return bench.flows.if_any(*bench.workloads.find({ns, pod, ""}))->unique_peers;
  };
  count(kT);
  uint64_t out = unique("systemd", "web.service")[kOut];
  ck_assert_msg(out >= 98 && out <= 102, "%lu", out);
  ck_assert_uint_eq(unique("systemd", "web.service")[kIn], 10);
  ck_assert_uint_eq(unique("host", "kernel")[kOut], 1);
  // One all of whose flows the kernel has thrown away.
  bench.paths.born(12, "/system.slice/busy.service");
  bench.store.packets(bench.workloads.index(bench.workloads.of(12, 0, kT)))[kOut].packets[0] = 9;
  meet(12, kOut, 0, 9);
  count(kT);
  ck_assert_uint_eq(unique("systemd", "busy.service")[kOut], 9);
  ck_assert(bench.told("systemd", "busy.service") == (Told{{"other", 9}}));
  // The kernel forgets; then there are none.
  sketches.clear();
  count(kT);
  ck_assert_uint_eq(unique("systemd", "web.service")[kOut], 0);
}
END_TEST

}  // namespace

CHECK_MAIN("flow_recorder", parts_add_up, the_kernels_own, waits_for_a_pod, does_not_wait_for_ever,
           not_more_than_fit_wait, peers)
