// The bucket of a duration in a histogram whose bounds are powers of two: see POWER_BUCKETS.
#ifndef KUBEPULSE_BPF_POWER_BUCKET_H
#define KUBEPULSE_BPF_POWER_BUCKET_H

#include <linux/types.h>

#include "bpf/event.h"

// Without a division, of which a CPU may need dozens of cycles: with b the highest bit of ns, 2^b
// lies between 1000 << (b - 10) and 1000 << (b - 9), and ns below 2^(b + 1): so the bound is one of
// 1000 << (b - 9) and 1000 << (b - 8).
static inline __attribute__((always_inline)) __u32 power_bucket(__u64 ns) {
  if (ns <= POWER_BUCKET_FIRST_NS) return 0;
  if (ns > (__u64)POWER_BUCKET_FIRST_NS << (POWER_BUCKETS - 2)) return POWER_BUCKETS - 1;
  __u64 rest = ns >> 9;  // below 2^26
  __u32 above = 0;       // b - 9
  if (rest >> 16) above += 16, rest >>= 16;
  if (rest >> 8) above += 8, rest >>= 8;
  if (rest >> 4) above += 4, rest >>= 4;
  if (rest >> 2) above += 2, rest >>= 2;
  if (rest >> 1) above += 1;
  return above + (ns > (__u64)POWER_BUCKET_FIRST_NS << above);
}

#endif
