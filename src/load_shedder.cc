#include "load_shedder.h"

#include <algorithm>

namespace kubepulse {

bool LoadShedder::look(uint64_t now_ns, uint64_t events) {
  if (bound_ == 0) return false;
  if (!begun_ || now_ns < begun_ns_ || events < begun_events_) {
    begin_window(now_ns, events);
    return false;
  }
  bool is_over = now_ns - begun_ns_ >= kWindowNs || events - begun_events_ > bound_;
  return is_over && end_window(now_ns, events);
}

void LoadShedder::begin_window(uint64_t now_ns, uint64_t events) {
  begun_ = true;
  begun_ns_ = now_ns;
  begun_events_ = events;
}

// A window that the bound has ended early had at least its events in the second that it was part
// of: what that would come to is no rate that anybody has seen.
bool LoadShedder::end_window(uint64_t now_ns, uint64_t events) {
  auto count = static_cast<double>(events - begun_events_);
  auto seconds = static_cast<double>(std::max(now_ns - begun_ns_, kWindowNs)) / kNsPerSecond;
  double rate = count / seconds;
  rate_ = static_cast<uint64_t>(std::min(rate, 1e18));
  begin_window(now_ns, events);
  Level before = level_;
  calm_windows_ = rate < 0.75 * static_cast<double>(bound_) ? calm_windows_ + 1 : 0;
  if (rate > static_cast<double>(bound_) && level_ != Level::without_flows) {
    level_ = static_cast<Level>(static_cast<int>(level_) + 1);
  } else if (calm_windows_ >= kCalmWindows) {
    calm_windows_ = 0;
    if (level_ != Level::all) level_ = static_cast<Level>(static_cast<int>(level_) - 1);
  }
  return level_ != before;
}

}  // namespace kubepulse
