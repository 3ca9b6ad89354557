// Does less while there is too much to do, and says so: at the first level of LoadShedder events
// are not logged, at the second flows are not told apart either. What workloads did is counted at
// each of them.
#ifndef KUBEPULSE_SHEDDING_H
#define KUBEPULSE_SHEDDING_H

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "base/loop.h"
#include "load_shedder.h"
#include "publish/event_log.h"
#include "traffic.h"

namespace kubepulse {

class Shedding {
 public:
  // Neither is owned. `events`: so many there were so far, those that the kernel dropped included.
  Shedding(Loop& loop, Traffic& traffic, uint64_t events_per_second,
           std::function<uint64_t()> events)
      : loop_(loop), traffic_(traffic), events_(std::move(events)), shedder_(events_per_second) {}
  ~Shedding() { loop_.cancel(timer_); }
  Shedding(const Shedding&) = delete;
  Shedding& operator=(const Shedding&) = delete;

  // Null: events are not logged. Not owned.
  void set_log(EventLog* log) { log_ = log; }

  // After events have come. While load is shed it calls itself once a second, otherwise never: a
  // node without events causes no wakeups.
  void look();

 private:
  std::string_view left_out(LoadShedder::Level level) const;
  void tell(LoadShedder::Level before) const;

  Loop& loop_;
  Traffic& traffic_;
  EventLog* log_ = nullptr;
  std::function<uint64_t()> events_;
  LoadShedder shedder_;
  Loop::TimerId timer_ = 0;
};

}  // namespace kubepulse

#endif
