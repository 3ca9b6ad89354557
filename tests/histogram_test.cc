#include "tests/check.h"

#include "publish/histogram.h"

using namespace kubepulse;  // NOLINT

namespace {

uint64_t total(const Histogram& histogram) {
  uint64_t sum = 0;
  for (uint64_t count : histogram.buckets)
    sum += count;
  return sum;
}

START_TEST(bounds_are_inclusive) {
  BucketBounds bounds{100, 500, 1000};
  struct {
    uint64_t ns;
    size_t bucket;
  } const cases[] = {{0, 0},   {1, 0},   {99, 0},   {100, 0},  {101, 1},  {499, 1},
                     {500, 1}, {501, 2}, {1000, 2}, {1001, 3}, {5000, 3}, {UINT64_MAX, 3}};
  for (const auto& one : cases) {
    Histogram histogram;
    histogram.observe(bounds, one.ns);
    ck_assert_msg(histogram.buckets[one.bucket] == 1, "%llu",
                  static_cast<unsigned long long>(one.ns));
    ck_assert_uint_eq(total(histogram), 1);
    ck_assert_uint_eq(histogram.sum_ns, one.ns);
  }
}
END_TEST

START_TEST(as_many_bounds_as_there_may_be) {
  BucketBounds bounds;
  for (size_t at = 0; at < kBucketsMax; at++)
    bounds.push_back(10 * (at + 1));
  Histogram histogram;
  for (uint64_t bound : bounds)
    histogram.observe(bounds, bound);
  histogram.observe(bounds, bounds.back() + 1);
  for (size_t at = 0; at <= kBucketsMax; at++)
    ck_assert_uint_eq(histogram.buckets[at], 1);
  ck_assert_uint_eq(histogram.sum_ns, 10 * kBucketsMax * (kBucketsMax + 1) / 2 + 201);
}
END_TEST

START_TEST(no_bounds) {
  Histogram histogram;
  histogram.observe({}, 0);
  histogram.observe({}, 7);
  ck_assert_uint_eq(histogram.buckets[0], 2);
  ck_assert_uint_eq(total(histogram), 2);
  ck_assert_uint_eq(histogram.sum_ns, 7);
}
END_TEST

}  // namespace

CHECK_MAIN("histogram", bounds_are_inclusive, as_many_bounds_as_there_may_be, no_bounds)
