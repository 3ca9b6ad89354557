#include "base/random.h"

#include <set>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(seeds_differ) {
  std::set<uint64_t> seeds;
  for (int i = 0; i < 1000; i++)
    seeds.insert(random_seed());
  ck_assert_uint_eq(seeds.size(), 1000);
}
END_TEST

// The clocks would leave the upper bits the same.
START_TEST(each_bit_is_random) {
  uint64_t ever = 0, always = UINT64_MAX;
  for (int i = 0; i < 1000; i++) {
    uint64_t seed = random_seed();
    ever |= seed;
    always &= seed;
  }
  ck_assert_uint_eq(ever, UINT64_MAX);
  ck_assert_uint_eq(always, 0);
}
END_TEST

}  // namespace

CHECK_MAIN("random", seeds_differ, each_bit_is_random)
