// A Prometheus histogram of durations, whose bounds all histograms of a page share, and two with
// bounds of their own.
#ifndef KUBEPULSE_PUBLISH_HISTOGRAM_H
#define KUBEPULSE_PUBLISH_HISTOGRAM_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kubepulse {

constexpr size_t kBucketsMax = 20;
constexpr size_t kSumAndCount = 2;  // series of a histogram beside its buckets

// Upper bounds in ns (or bytes), rising, at most kBucketsMax; +Inf comes by itself.
using BucketBounds = std::vector<uint64_t>;

struct Histogram {
  // Not cumulative: each observation is in one; the last one used is +Inf.
  std::array<uint64_t, kBucketsMax + 1> buckets{};
  uint64_t sum_ns = 0;

  void observe(const BucketBounds& bounds, uint64_t ns) {
    size_t at = 0;
    while (at < bounds.size() && ns > bounds[at])
      at++;  // a bound is inclusive
    buckets[at]++;
    sum_ns += ns;
  }
};

// One in powers of two, as the kernel programs keep it: bounds of 1 us, 2 us, ... 2^24 us (16.8 s).
constexpr size_t kPowerBuckets = 26;
constexpr size_t kPowerSeries = kPowerBuckets + kSumAndCount;

struct PowerHistogram {
  std::array<uint64_t, kPowerBuckets> buckets{};
  uint64_t sum_ns = 0;
};

inline const BucketBounds& power_bounds() {
  static const BucketBounds bounds = [] {
    BucketBounds powers;
    for (size_t i = 0; i + 1 < kPowerBuckets; i++)
      powers.push_back(uint64_t{1000} << i);
    return powers;
  }();
  return bounds;
}

// One of sizes in bytes, likewise: bounds of 64, 128, ... 32768.
constexpr size_t kSizeBuckets = 11;
constexpr size_t kSizeSeries = kSizeBuckets + kSumAndCount;

struct SizeHistogram {
  std::array<uint64_t, kSizeBuckets> buckets{};
  uint64_t sum_bytes = 0;
};

inline const BucketBounds& size_bounds() {
  static const BucketBounds bounds = [] {
    BucketBounds powers;
    for (size_t i = 0; i + 1 < kSizeBuckets; i++)
      powers.push_back(uint64_t{64} << i);
    return powers;
  }();
  return bounds;
}

}  // namespace kubepulse

#endif
