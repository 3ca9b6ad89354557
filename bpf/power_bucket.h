// The bucket of a duration in a histogram of powers of two: see POWER_BUCKETS. Apart, so that a
// unit test can ask.
#ifndef KUBEPULSE_BPF_POWER_BUCKET_H
#define KUBEPULSE_BPF_POWER_BUCKET_H

#include "bpf/event.h"

// The first i with ns <= 1000 << i, or the last bucket. Without a division, of which a CPU may need
// dozens of cycles.
static inline __attribute__((always_inline)) __u32 power_bucket(__u64 ns) {
  if (ns > (__u64)POWER_BUCKET_FIRST_NS << (POWER_BUCKETS - 2)) return POWER_BUCKETS - 1;
  __u64 left = ns ? ns - 1 : 0;
  __u32 i = 0;
  if (left >= POWER_BUCKET_FIRST_NS << 15) i += 16, left >>= 16;
  if (left >= POWER_BUCKET_FIRST_NS << 7) i += 8, left >>= 8;
  if (left >= POWER_BUCKET_FIRST_NS << 3) i += 4, left >>= 4;
  if (left >= POWER_BUCKET_FIRST_NS << 1) i += 2, left >>= 2;
  return left >= POWER_BUCKET_FIRST_NS ? i + 1 : i;
}

#endif
