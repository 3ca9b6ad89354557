#include "identity/breaker.h"

#include <algorithm>

namespace kubepulse {

bool Breaker::allow(uint64_t now_ns) {
  if (state_ == State::open && now_ns >= open_until_ns_) {
    state_ = State::half_open;
    return true;
  }
  return state_ == State::closed;
}

void Breaker::succeeded() {
  *this = Breaker(first_pause_ns_);
}

void Breaker::failed(uint64_t now_ns) {
  if (state_ == State::open) return;  // a straggler: the pause is running
  if (state_ == State::closed && ++failures_ < kFailuresMax) return;
  uint64_t longest_ns = std::max(kPauseNsMax, first_pause_ns_);
  pause_ns_ = pause_ns_ == 0 ? first_pause_ns_ : std::min(2 * pause_ns_, longest_ns);
  open_until_ns_ = now_ns + pause_ns_;
  state_ = State::open;
}

}  // namespace kubepulse
