// The middle of a few dozen numbers.
#ifndef KUBEPULSE_INSIGHT_MEDIAN_H
#define KUBEPULSE_INSIGHT_MEDIAN_H

#include <algorithm>
#include <cstddef>
#include <utility>

namespace kubepulse {

// The value that would stand at `rank`, which is below `count`, were they sorted; those before it
// are none larger then. No branch depends on a value, so that it takes half of std::nth_element's
// time for a few dozen; of more than that, or of equal ones, it takes O(count^2).
template <typename Number>
Number select(Number* values, size_t count, size_t rank) {
  size_t begin = 0, last = count - 1;
  while (begin < last) {
    // The middle one of three, behind all others.
    Number &first = values[begin], &middle = values[begin + (last - begin) / 2];
    if (middle < first) std::swap(first, middle);
    if (values[last] < first) std::swap(first, values[last]);
    if (middle < values[last]) std::swap(middle, values[last]);
    Number pivot = values[last];
    size_t below = begin;
    for (size_t i = begin; i < last; i++) {
      Number value = values[i];
      values[i] = values[below];
      values[below] = value;
      below += value < pivot ? 1 : 0;
    }
    std::swap(values[below], values[last]);
    if (below == rank) break;
    if (below > rank)
      last = below - 1;
    else
      begin = below + 1;
  }
  return values[rank];
}

// Of an even number the mean of the two in the middle. `count` is not 0.
template <typename Number>
Number median(Number* values, size_t count) {
  Number upper = select(values, count, count / 2);
  if (count % 2 == 1) return upper;
  return (upper + *std::max_element(values, values + count / 2)) / 2;
}

}  // namespace kubepulse

#endif
