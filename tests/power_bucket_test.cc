#include "bpf/power_bucket.h"

#include "tests/check.h"

namespace {

// As the bounds say.
__u32 searched(__u64 ns) {
  __u32 i = 0;
  while (i < POWER_BUCKETS - 1 && ns > (1000ULL << i))
    i++;
  return i;
}

START_TEST(bounds) {
  ck_assert_uint_eq(power_bucket(0), 0);
  ck_assert_uint_eq(power_bucket(1000), 0);
  ck_assert_uint_eq(power_bucket(1001), 1);
  ck_assert_uint_eq(power_bucket(2000), 1);
  ck_assert_uint_eq(power_bucket(2001), 2);
  ck_assert_uint_eq(power_bucket(16777216000), 24);
  ck_assert_uint_eq(power_bucket(16777216001), 25);
  ck_assert_uint_eq(power_bucket(UINT64_MAX), 25);
}
END_TEST

START_TEST(around_each_bound) {
  for (int i = 0; i < 40; i++)
    for (__u64 off = 0; off < 2100; off++) {
      __u64 bound = 1000ULL << i;
      ck_assert_uint_eq(power_bucket(bound + off), searched(bound + off));
      if (off <= bound) ck_assert_uint_eq(power_bucket(bound - off), searched(bound - off));
    }
}
END_TEST

}  // namespace

CHECK_MAIN("power_bucket", bounds, around_each_bound)
