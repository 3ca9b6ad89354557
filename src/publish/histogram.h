// A Prometheus histogram of durations. All histograms of a page share their bounds.
#ifndef KUBEPULSE_PUBLISH_HISTOGRAM_H
#define KUBEPULSE_PUBLISH_HISTOGRAM_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kubepulse {

constexpr size_t kBucketsMax = 20;

// Upper bounds in ns, rising, at most kBucketsMax; +Inf comes by itself.
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

}  // namespace kubepulse

#endif
