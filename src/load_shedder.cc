#include "load_shedder.h"

#include <algorithm>

namespace kubepulse {

bool LoadShedder::look(uint64_t now_ns, uint64_t events) {
  if (bound_ == 0) return false;
  if (!begun_ || now_ns < begun_ns_ || events < begun_events_) {
    begin_window(now_ns, events);
    return false;
  }
  if (now_ns - begun_ns_ >= kWindowNs) return end_window(now_ns, events);
  uint64_t count = events - begun_events_;
  if (level_ != Level::all || count <= bound_) return false;
  rate_ = count;
  level_ = Level::without_event_log;
  stepped_ = true;
  return true;
}

void LoadShedder::begin_window(uint64_t now_ns, uint64_t events) {
  begun_ = true;
  begun_ns_ = now_ns;
  begun_events_ = events;
  stepped_ = false;
}

bool LoadShedder::end_window(uint64_t now_ns, uint64_t events) {
  auto count = static_cast<double>(events - begun_events_);
  double rate = count * kNsPerSecond / static_cast<double>(now_ns - begun_ns_);
  rate_ = static_cast<uint64_t>(std::min(rate, 1e18));
  bool may_step = !stepped_ && level_ != Level::without_flows;
  begin_window(now_ns, events);
  Level before = level_;
  calm_windows_ = rate < 0.75 * static_cast<double>(bound_) ? calm_windows_ + 1 : 0;
  if (rate > static_cast<double>(bound_) && may_step) {
    level_ = static_cast<Level>(static_cast<int>(level_) + 1);
  } else if (calm_windows_ >= kCalmWindows) {
    calm_windows_ = 0;
    if (level_ != Level::all) level_ = static_cast<Level>(static_cast<int>(level_) - 1);
  }
  return level_ != before;
}

}  // namespace kubepulse
