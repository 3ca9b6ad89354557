#include "publish/peer_count.h"

#include <cmath>

namespace kubepulse {

namespace {

// Whang, Vander-Zanden and Taylor, 1990. Where no cell is left it is as if half a one were.
double linear_count(unsigned marked) {
  double empty = marked == PEER_CELLS ? 0.5 : static_cast<double>(PEER_CELLS - marked);
  return PEER_CELLS * std::log(PEER_CELLS / empty);
}

unsigned bits_of(uint64_t word) {
  return static_cast<unsigned>(__builtin_popcountll(word));
}

}  // namespace

PeerCount::PeerCount(uint64_t now_ns) : now_ns_(now_ns) {
  sum_.epoch = static_cast<__u32>(now_ns / PEER_EPOCH_NS);
}

// Of each cell the younger age.
void PeerCount::add(peer_sketch& sketch) {
  age_peers(&sketch, sum_.epoch);
  for (int i = 0; i < PEER_WORDS; i++) {
    uint64_t high = sum_.high[i], low = sum_.low[i];
    uint64_t other_high = sketch.high[i], other_low = sketch.low[i];
    sum_.high[i] = high | other_high;
    sum_.low[i] = (low & (high | ~other_high)) | (other_low & (other_high | ~high));
  }
}

uint64_t PeerCount::estimate() const {
  unsigned recent = 0, all = 0;
  for (int i = 0; i < PEER_WORDS; i++) {
    recent += bits_of(sum_.high[i]);
    all += bits_of(sum_.high[i] | sum_.low[i]);
  }
  double left = 1 - static_cast<double>(now_ns_ % PEER_EPOCH_NS) / PEER_EPOCH_NS;
  double count = linear_count(recent) + left * (linear_count(all) - linear_count(recent));
  return static_cast<uint64_t>(std::lround(count));
}

}  // namespace kubepulse
