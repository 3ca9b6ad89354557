// When to do less: past so many events a second. Pure; time is a parameter.
//
// Events are counted in windows of a second. One that has more than the bound takes the level up by
// one: from `all` at once, and from there at its end, so that it takes another whole second for the
// second step, whatever comes at once. kCalmWindows in a row below three quarters of the bound take
// it down by one: a load about the bound does not make it go to and fro.
#ifndef KUBEPULSE_LOAD_SHEDDER_H
#define KUBEPULSE_LOAD_SHEDDER_H

#include <cstdint>

#include "base/clock.h"

namespace kubepulse {

class LoadShedder {
 public:
  enum class Level : uint8_t { all, without_event_log, without_flows };

  static constexpr uint64_t kWindowNs = kNsPerSecond;
  static constexpr unsigned kCalmWindows = 10;

  // 0: never.
  explicit LoadShedder(uint64_t events_per_second) : bound_(events_per_second) {}

  // `events`: so many there were so far, in all. Call it now and then while events come, and once a
  // window while the level is not `all`. Whether the level has changed. Where time or the count
  // go back a new window begins; time that leaps ahead is one window, however long.
  bool look(uint64_t now_ns, uint64_t events);

  Level level() const { return level_; }
  // Events a second in the window that ended last; or, if it has taken the level up already, the
  // events of the one that goes on.
  uint64_t rate() const { return rate_; }

 private:
  void begin_window(uint64_t now_ns, uint64_t events);
  bool end_window(uint64_t now_ns, uint64_t events);

  uint64_t bound_;
  Level level_ = Level::all;
  bool begun_ = false;
  bool stepped_ = false;  // in the window that goes on
  uint64_t begun_ns_ = 0;
  uint64_t begun_events_ = 0;
  uint64_t rate_ = 0;
  unsigned calm_windows_ = 0;  // in a row, up to now
};

}  // namespace kubepulse

#endif
