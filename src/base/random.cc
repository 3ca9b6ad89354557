#include "base/random.h"

#include <sys/random.h>

#include "base/clock.h"

namespace kubepulse {

uint64_t random_seed() {
  uint64_t seed = monotonic_ns();
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0) seed ^= realtime_ns();
  return seed;
}

}  // namespace kubepulse
