// Randomness of the kernel.
#ifndef KUBEPULSE_BASE_RANDOM_H
#define KUBEPULSE_BASE_RANDOM_H

#include <cstdint>

namespace kubepulse {

// Never waits: early at boot, when the kernel has no randomness yet, it is from the clocks.
uint64_t random_seed();

}  // namespace kubepulse

#endif
