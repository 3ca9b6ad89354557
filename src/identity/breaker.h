// When to leave alone what keeps failing: a circuit breaker. Pure; time is a parameter.
//
// Closed, everything is tried. After kFailuresMax failures in a row it opens, and nothing is tried
// for a pause; then half open, which lets one trial through. That one's success closes it, its
// failure opens it again for twice as long.
#ifndef KUBEPULSE_IDENTITY_BREAKER_H
#define KUBEPULSE_IDENTITY_BREAKER_H

#include <cstdint>

#include "base/clock.h"

namespace kubepulse {

class Breaker {
 public:
  enum class State : uint8_t { closed, open, half_open };

  static constexpr unsigned kFailuresMax = 3;
  static constexpr uint64_t kPauseNsMax = 300 * kNsPerSecond;

  // The first pause; each after it is twice as long, up to kPauseNsMax, or this where it is longer.
  explicit Breaker(uint64_t pause_ns) : first_pause_ns_(pause_ns) {}

  // Whether to try now. True from an open one makes it half open: it is the one trial, and its
  // outcome is to be told.
  bool allow(uint64_t now_ns);
  void succeeded();
  void failed(uint64_t now_ns);

  State state() const { return state_; }
  bool closed() const { return state_ == State::closed; }
  // Where open, when it will let a trial through; 0: at once, or with the outcome of the trial.
  uint64_t open_until_ns() const { return state_ == State::open ? open_until_ns_ : 0; }

 private:
  uint64_t first_pause_ns_;
  State state_ = State::closed;
  unsigned failures_ = 0;  // in a row, while closed
  uint64_t pause_ns_ = 0;
  uint64_t open_until_ns_ = 0;
};

}  // namespace kubepulse

#endif
