// Which bucket of syscall_counts a latency belongs in: apart, so that a unit test can ask.
#ifndef KUBEPULSE_BPF_SYSCALL_BUCKET_H
#define KUBEPULSE_BPF_SYSCALL_BUCKET_H

#include "bpf/event.h"

// The first i with ns <= 2^i us, or the last bucket. Without a division, which is dear.
static inline __attribute__((always_inline)) __u32 syscall_bucket(__u64 ns) {
  if (ns > 1000ULL << (SYSCALL_BUCKETS - 2)) return SYSCALL_BUCKETS - 1;
  __u64 left = ns ? ns - 1 : 0;
  __u32 i = 0;
  if (left >= 1000 << 15) i += 16, left >>= 16;
  if (left >= 1000 << 7) i += 8, left >>= 8;
  if (left >= 1000 << 3) i += 4, left >>= 4;
  if (left >= 1000 << 1) i += 2, left >>= 2;
  return left >= 1000 ? i + 1 : i;
}

#endif
