#include "shedding.h"

#include "base/clock.h"
#include "base/log.h"

namespace kubepulse {

void Shedding::look() {
  LoadShedder::Level before = shedder_.level();
  if (shedder_.look(monotonic_ns(), events_())) {
    if (log_ != nullptr) log_->shed(shedder_.level() != LoadShedder::Level::all);
    traffic_.shed_flows(shedder_.level() == LoadShedder::Level::without_flows);
    tell(before);
  }
  if (shedder_.level() == LoadShedder::Level::all || timer_ != 0) return;
  timer_ = loop_.after(LoadShedder::kWindowNs, [this] {
    timer_ = 0;
    look();
  });
}

std::string_view Shedding::left_out(LoadShedder::Level level) const {
  bool log = log_ != nullptr && level != LoadShedder::Level::all;
  bool flows = traffic_.has_flows() && level == LoadShedder::Level::without_flows;
  return log && flows ? "event log, flows" : log ? "event log" : flows ? "flows" : "nothing";
}

// Nothing where there is neither of them.
void Shedding::tell(LoadShedder::Level before) const {
  std::string_view now = left_out(shedder_.level());
  if (now == left_out(before)) return;
  if (shedder_.level() > before)
    log_warn("there are more events than --max-events",
             {{"events_per_second", shedder_.rate()}, {"left_out", now}});
  else
    log_info("there are fewer events again",
             {{"events_per_second", shedder_.rate()}, {"left_out", now}});
}

}  // namespace kubepulse
