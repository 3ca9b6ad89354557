#include "bpf/power_bucket.h"

#include "tests/check.h"

namespace {

START_TEST(bounds_are_inclusive) {
  ck_assert_uint_eq(power_bucket(0), 0);
  ck_assert_uint_eq(power_bucket(1), 0);
  for (uint32_t i = 0; i < POWER_BUCKETS - 1; i++) {
    uint64_t bound_ns = uint64_t{POWER_BUCKET_FIRST_NS} << i;
    ck_assert_uint_eq(power_bucket(bound_ns - 1), i);
    ck_assert_uint_eq(power_bucket(bound_ns), i);
    ck_assert_uint_eq(power_bucket(bound_ns + 1), i + 1);
  }
}
END_TEST

START_TEST(where_the_highest_bit_changes) {
  for (uint32_t bit = 10; bit < 34; bit++) {
    uint64_t power = uint64_t{1} << bit;
    // 1000 << (bit - 9) is above it, 1000 << (bit - 10) below.
    ck_assert_uint_eq(power_bucket(power - 1), bit - 9);
    ck_assert_uint_eq(power_bucket(power), bit - 9);
    ck_assert_uint_eq(power_bucket(power + 1), bit - 9);
  }
}
END_TEST

START_TEST(beyond_the_last_bound) {
  uint64_t last_ns = uint64_t{POWER_BUCKET_FIRST_NS} << (POWER_BUCKETS - 2);
  ck_assert_uint_eq(last_ns, 16777216000);
  ck_assert_uint_eq(power_bucket(last_ns), POWER_BUCKETS - 2);
  ck_assert_uint_eq(power_bucket(last_ns + 1), POWER_BUCKETS - 1);
  ck_assert_uint_eq(power_bucket(UINT64_MAX), POWER_BUCKETS - 1);
}
END_TEST

}  // namespace

CHECK_MAIN("power_bucket", bounds_are_inclusive, where_the_highest_bit_changes,
           beyond_the_last_bound)
