#include "publish/packet_recorder.h"

#include <algorithm>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;

// Each number differs.
traffic_counts counts_of(uint64_t first) {
  traffic_counts counts{};
  for (auto& way : counts.packets)
    for (packet_counts& protocol : way) {
      protocol.bytes = 100 * first++;
      for (__u64& packets : protocol.sizes)
        packets = first++;
    }
  return counts;
}

struct Bench {
  Bench() {
    for (uint64_t cgroup : {7, 8})
      paths.born(cgroup, "/system.slice/web.service");
    paths.born(9, "/system.slice/db.service");
    paths.born(1, "/");
  }
  const PacketCounts* of(const char* ns, const char* pod) {
    auto index = workloads.find({ns, pod, ""});
    return index ? store.packets_if_any(*index) : nullptr;
  }
  void check(const char* pod, const traffic_counts& wanted) {
    const PacketCounts* held = of("systemd", pod);
    ck_assert_ptr_nonnull(held);
    for (size_t way = 0; way < 2; way++) {
      const PacketsOneWay& sum = (*held)[way];
      uint64_t bytes = 0, sizes[PACKET_BUCKETS] = {};
      for (size_t protocol = 0; protocol < kPacketProtocols; protocol++) {
        const packet_counts& told = wanted.packets[way][protocol];
        uint64_t packets = 0;
        for (size_t i = 0; i < PACKET_BUCKETS; i++) {
          packets += told.sizes[i];
          sizes[i] += told.sizes[i];
        }
        ck_assert_uint_eq(sum.packets[protocol], packets);
        ck_assert_uint_eq(sum.bytes[protocol], told.bytes);
        bytes += told.bytes;
      }
      ck_assert(std::equal(sum.sizes.buckets.begin(), sum.sizes.buckets.end(), sizes));
      ck_assert_uint_eq(sum.sizes.sum_bytes, bytes);
    }
  }

  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{}};
  PacketRecorder recorder{workloads, store};
};

START_TEST(growth_is_added) {
  Bench bench;
  bench.recorder.take(7, counts_of(1), kT);
  bench.check("web.service", counts_of(1));
  bench.recorder.take(7, counts_of(500), kT);
  bench.check("web.service", counts_of(500));
  ck_assert_ptr_null(bench.of("systemd", "db.service"));
  ck_assert_uint_eq(bench.store.series(), kPacketSeries);
}
END_TEST

// One that was made anew begins at zero; its workload does not.
START_TEST(cgroups_add_up) {
  Bench bench;
  bench.recorder.take(7, counts_of(1), kT);
  bench.recorder.take(8, counts_of(1), kT);
  traffic_counts twice = counts_of(1);
  for (auto& way : twice.packets)
    for (packet_counts& protocol : way) {
      protocol.bytes *= 2;
      for (__u64& packets : protocol.sizes)
        packets *= 2;
    }
  bench.check("web.service", twice);
  bench.recorder.forget(7);
  bench.recorder.take(8, counts_of(1), kT);
  bench.check("web.service", twice);
}
END_TEST

// The kernel's table has a dead cgroup for long; that alone does not keep its workload.
START_TEST(nothing_new_says_nothing) {
  Bench bench;
  bench.recorder.take(7, counts_of(1), kT);
  bench.recorder.take(9, traffic_counts{}, kT);
  ck_assert_uint_eq(bench.workloads.attribution().by_cgroup, 1);
  bench.recorder.take(7, counts_of(1), kT);
  ck_assert_uint_eq(bench.workloads.attribution().by_cgroup, 1);
  ck_assert_uint_eq(bench.workloads.size(), 1);
}
END_TEST

START_TEST(the_kernels_own) {
  Bench bench;
  traffic_counts one{};
  one.packets[TRAFFIC_OUT][PACKET_ICMP].sizes[1] = 1;
  bench.recorder.take(1, one, kT);
  bench.recorder.take(0, one, kT);
  bench.recorder.take(0, one, kT);
  const PacketCounts* held = bench.of("host", "kernel");
  ck_assert_ptr_nonnull(held);
  ck_assert_uint_eq((*held)[0].packets[PACKET_ICMP], 2);
  bench.recorder.forget(0);
  bench.recorder.take(0, one, kT);
  ck_assert_uint_eq((*held)[0].packets[PACKET_ICMP], 3);
}
END_TEST

}  // namespace

CHECK_MAIN("packet_recorder", growth_is_added, cgroups_add_up, nothing_new_says_nothing,
           the_kernels_own)
