#include "publish/peer_count.h"

#include <cmath>
#include <memory>
#include <utility>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kEpoch = PEER_EPOCH_NS;
constexpr uint64_t kT = 20 * kEpoch;
constexpr uint64_t kSeed = 0x6B75626570756C73;

// As the kernel's side does it. Addresses one after the other, as a network has them.
void meet(peer_sketch& sketch, uint64_t now_ns, uint32_t first, uint32_t count,
          uint64_t seed = kSeed) {
  age_peers(&sketch, static_cast<__u32>(now_ns / kEpoch));
  for (uint32_t i = 0; i < count; i++) {
    const __u32 remote[4] = {0, 0, 0xFFFF0000, __builtin_bswap32(first + i)};
    mark_peer_cell(&sketch, peer_cell(remote, seed));
  }
}

uint64_t count_of(peer_sketch sketch, uint64_t now_ns) {
  PeerCount count(now_ns);
  count.add(sketch);
  return count.estimate();
}

// Over many seeds: it does not lean to either side, and is spread as the theory says. Deviations of
// a mean of 300 sets and of their spread are far below the bounds.
START_TEST(errors) {
  constexpr int kSets = 300;
  const struct {
    uint32_t peers;
    double deviation;  // relative, sqrt(m (e^t - t - 1)) / n with t = n / m
  } kWanted[] = {{10, 0.008}, {100, 0.008}, {1000, 0.0083}, {5000, 0.0089}, {10000, 0.01003}};
  for (const auto& wanted : kWanted) {
    double sum = 0, squares = 0;
    for (uint64_t set = 0; set < kSets; set++) {
      peer_sketch sketch{};
      meet(sketch, kT, 0x0A000000, wanted.peers, set * 0x9E3779B97F4A7C15);
      double error = static_cast<double>(count_of(sketch, kT)) / wanted.peers - 1;
      sum += error;
      squares += error * error;
    }
    double mean = sum / kSets, deviation = std::sqrt(squares / kSets);
    // It is rounded to whole peers.
    ck_assert_msg(std::fabs(mean) < 0.002 + 0.5 / wanted.peers, "%u peers: off by %f", wanted.peers,
                  mean);
    ck_assert_msg(deviation < 1.2 * wanted.deviation + 0.5 / wanted.peers, "%u peers: spread by %f",
                  wanted.peers, deviation);
  }
}
END_TEST

START_TEST(none_and_too_many) {
  peer_sketch sketch{};
  ck_assert_uint_eq(count_of(sketch, kT), 0);
  meet(sketch, kT, 0, 1);
  meet(sketch, kT, 0, 1);
  ck_assert_uint_eq(count_of(sketch, kT), 1);
  meet(sketch, kT, 0, 300000);
  uint64_t most = count_of(sketch, kT);
  ck_assert(most > 70000 && most < 80000);
}
END_TEST

// Whatever is met in one epoch slides out in the third, in proportion.
START_TEST(slides) {
  peer_sketch sketch{};
  meet(sketch, kT, 0, 1000);
  uint64_t whole = count_of(sketch, kT);
  ck_assert_uint_eq(count_of(sketch, kT + 2 * kEpoch - 1), whole);
  ck_assert_uint_eq(count_of(sketch, kT + 2 * kEpoch), whole);
  ck_assert(std::fabs(static_cast<double>(count_of(sketch, kT + 5 * kEpoch / 2)) -
                      static_cast<double>(whole) / 2) <= 1);
  ck_assert_uint_le(count_of(sketch, kT + 3 * kEpoch - 1), 1);
  ck_assert_uint_eq(count_of(sketch, kT + 3 * kEpoch), 0);
  ck_assert_uint_eq(count_of(sketch, kT + 1000 * kEpoch), 0);
}
END_TEST

// Who is met again is young again; who is not goes.
START_TEST(ages) {
  peer_sketch sketch{};
  meet(sketch, kT, 0, 500);
  meet(sketch, kT + kEpoch, 400, 200);
  uint64_t together = count_of(sketch, kT + kEpoch);
  ck_assert(together > 585 && together < 615);
  for (uint64_t now_ns : {kT + 3 * kEpoch - 1, kT + 3 * kEpoch}) {
    uint64_t left = count_of(sketch, now_ns);
    ck_assert_msg(left > 190 && left < 210, "%lu", left);
  }
  ck_assert_uint_eq(count_of(sketch, kT + 4 * kEpoch), 0);
  // A marker whose clock was read before another's does not make anything older or younger.
  meet(sketch, kT, 2000, 1);
  ck_assert_uint_eq(sketch.epoch, kT / kEpoch + 1);
}
END_TEST

// Two cgroups of one workload have peers in common: each is as young as the younger one has it.
START_TEST(together) {
  auto one = std::make_unique<peer_sketch>(), other = std::make_unique<peer_sketch>();
  for (uint32_t step = 0; step < 3; step++) {
    meet(*one, kT + step * kEpoch, 1000 * step, 300);
    meet(*other, kT + step * kEpoch, 1000 * (2 - step), 300);
  }
  auto estimate = [&](uint64_t now_ns) {
    PeerCount count(now_ns);
    count.add(*one);
    count.add(*other);
    return count.estimate();
  };
  for (auto [now_ns, wanted] : {std::pair<uint64_t, uint64_t>{kT + 2 * kEpoch, 900},
                                {kT + 3 * kEpoch, 900},
                                {kT + 4 * kEpoch - 1, 600}}) {
    uint64_t told = estimate(now_ns);
    // At the end of an epoch the oldest have just gone.
    ck_assert_msg(told > wanted * 97 / 100 && told < wanted * 103 / 100, "%lu, not %lu", told,
                  wanted);
  }
}
END_TEST

START_TEST(cells_are_spread) {
  unsigned words[PEER_WORDS] = {};
  for (uint32_t i = 0; i < 100 * PEER_WORDS; i++) {
    const __u32 remote[4] = {i, 0, 0, i << 24};
    uint32_t cell = peer_cell(remote, kSeed);
    ck_assert_uint_lt(cell, PEER_CELLS);
    words[cell / 64]++;
  }
  for (unsigned count : words)
    ck_assert_msg(count > 50 && count < 150, "%u", count);
}
END_TEST

}  // namespace

CHECK_MAIN("peer_count", errors, none_and_too_many, slides, ages, together, cells_are_spread)
