// Time is a parameter: pure code takes `now_ns` and never asks. These two are what the edges ask.
#ifndef KUBEPULSE_BASE_CLOCK_H
#define KUBEPULSE_BASE_CLOCK_H

#include <ctime>

#include <cstdint>

namespace kubepulse {

constexpr uint64_t kNsPerMs = 1000000;
constexpr uint64_t kNsPerSecond = 1000 * kNsPerMs;

inline uint64_t clock_ns(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return static_cast<uint64_t>(time.tv_sec) * kNsPerSecond + static_cast<uint64_t>(time.tv_nsec);
}

// The clock of bpf_ktime_get_ns(): kernel records and user space share it.
inline uint64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}
inline uint64_t realtime_ns() {
  return clock_ns(CLOCK_REALTIME);
}

// The wall clock's time of a moment of the monotonic clock, by how the two stand now.
inline uint64_t wall_ns(uint64_t moment_ns) {
  return moment_ns + (realtime_ns() - monotonic_ns());
}

}  // namespace kubepulse

#endif
