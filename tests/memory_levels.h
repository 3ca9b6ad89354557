// A history of a container's memory, made up by hand: every ten seconds, of a limit of 1,000 pages.
#ifndef KUBEPULSE_TESTS_MEMORY_LEVELS_H
#define KUBEPULSE_TESTS_MEMORY_LEVELS_H

#include "insight/level_history.h"
#include "tests/check.h"

class MemoryLevels {
 public:
  MemoryLevels& then(double level, int times = 1) {
    for (int i = 0; i < times; i++) {
      now_ns_ += 10 * kubepulse::kNsPerSecond;
      ck_assert(history.add(now_ns_, static_cast<uint64_t>(level * 4096), limit_bytes));
    }
    return *this;
  }
  // From the level of now, so many samples.
  MemoryLevels& line(double to, int samples) {
    double from = history.newest().used;
    for (int i = 1; i <= samples; i++)
      then(from + (to - from) * i / samples);
    return *this;
  }

  kubepulse::LevelHistory history;
  uint64_t limit_bytes = 1000 * 4096;

 private:
  uint64_t now_ns_ = 6000 * kubepulse::kNsPerSecond;
};

#endif
