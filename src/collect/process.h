// What this process costs, as the standard process_* metrics tell it.
#ifndef KUBEPULSE_COLLECT_PROCESS_H
#define KUBEPULSE_COLLECT_PROCESS_H

#include <cstdint>

namespace kubepulse {

struct ProcessCost {
  uint64_t cpu_ns = 0;  // user and system
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
  uint64_t start_time_ns = 0;  // since the epoch
};

// What cannot be read stays 0.
ProcessCost own_cost();

// Raises the soft limit of descriptors, which is 1,024 by custom for the sake of select(2), as far
// as the hard one allows and this daemon can use.
constexpr uint64_t kFdsWanted = 16384;
void allow_many_fds();

}  // namespace kubepulse

#endif
