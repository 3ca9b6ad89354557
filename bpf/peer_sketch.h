// How many distinct peers a cgroup has, in 2 KiB: linear counting. A peer's address marks one of
// the cells; how many of them are marked tells of how many peers that is. Each cell has an age,
// two bits: 3 marked in this epoch, 2 in the one before, 1 before that, 0 not. Shared by both
// sides, and apart, so that a unit test can ask.
#ifndef KUBEPULSE_BPF_PEER_SKETCH_H
#define KUBEPULSE_BPF_PEER_SKETCH_H

#include <linux/bpf.h>
#include <linux/types.h>

#include "bpf/event.h"

#define PEER_EPOCH_NS 150000000000ULL
// With the 8 bytes of its key and the 48 that the kernel adds, an entry fills the 2,048 that its
// allocator has.
#define PEER_WORDS 124
#define PEER_CELLS (PEER_WORDS * 64)

struct peer_sketch {
  struct bpf_spin_lock lock;
  __u32 epoch;  // that the ages are of; time in PEER_EPOCH_NS since boot
  __u64 high[PEER_WORDS], low[PEER_WORDS];
};
RECORD_ASSERT(sizeof(struct peer_sketch) == 1992, "peer_sketch has padding");

// As of `epoch`, where that is a later one. The kernel does it under the lock: no branch in the
// loop keeps the verifier's work small.
static inline __attribute__((always_inline)) void age_peers(struct peer_sketch *sketch,
                                                            __u32 epoch) {
  __u32 steps = epoch - sketch->epoch;
  if (steps == 0 || steps > 1U << 31) return;
  __u64 once = steps == 1 ? ~0ULL : 0, twice = steps == 2 ? ~0ULL : 0;
  for (int i = 0; i < PEER_WORDS; i++) {
    __u64 high = sketch->high[i], low = sketch->low[i];
    sketch->high[i] = high & low & once;
    sketch->low[i] = (high & ~low & once) | (high & low & twice);
  }
  sketch->epoch = epoch;
}

// Evenly spread, whatever the addresses are; nobody without the seed can say which peers collide.
static inline __attribute__((always_inline)) __u32 peer_cell(const __u32 remote[4], __u64 seed) {
  __u64 hash = seed;
  for (int i = 0; i < 4; i += 2) {
    hash ^= (__u64)remote[i + 1] << 32 | remote[i];
    hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDULL;  // MurmurHash3's finalizer
    hash = (hash ^ hash >> 33) * 0xC4CEB9FE1A85EC53ULL;
    hash ^= hash >> 33;
  }
  return (__u32)((hash >> 32) * PEER_CELLS >> 32);
}

static inline __attribute__((always_inline)) void mark_peer_cell(struct peer_sketch *sketch,
                                                                 __u32 cell) {
  __u64 word = cell / 64;
  // For the verifier, which does not see what the compiler knows.
  __asm__("" : "+r"(word));
  if (word >= PEER_WORDS) return;
  sketch->high[word] |= 1ULL << cell % 64;
  sketch->low[word] |= 1ULL << cell % 64;
}

#endif
