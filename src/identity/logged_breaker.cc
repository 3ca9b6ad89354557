#include "identity/logged_breaker.h"

#include "base/log.h"

namespace kubepulse {

using State = Breaker::State;

bool LoggedBreaker::allow(uint64_t now_ns) {
  State before = breaker_.state();
  bool allowed = breaker_.allow(now_ns);
  refused_ += allowed ? 0 : 1;
  tell(before);
  return allowed;
}

void LoggedBreaker::succeeded() {
  State before = breaker_.state();
  breaker_.succeeded();
  tell(before);
}

void LoggedBreaker::failed(uint64_t now_ns) {
  State before = breaker_.state();
  breaker_.failed(now_ns);
  tell(before, now_ns);
}

void LoggedBreaker::tell(State before, uint64_t now_ns) const {
  if (breaker_.state() == before) return;
  switch (breaker_.state()) {
    case State::closed:
      return log_info("a source is asked as usual again",
                      {{"source", source_}, {"breaker", "closed"}});
    case State::open:
      return log_info("a source that keeps failing is left alone",
                      {{"source", source_},
                       {"breaker", "open"},
                       {"seconds", (breaker_.open_until_ns() - now_ns) / kNsPerSecond}});
    case State::half_open:
      return log_info("a source that was left alone is tried once",
                      {{"source", source_}, {"breaker", "half-open"}});
  }
}

}  // namespace kubepulse
