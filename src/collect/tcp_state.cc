#include "collect/tcp_state.h"

namespace kubepulse {

namespace {

struct State {
  uint8_t number;
  const char* name;
};
constexpr State kStates[] = {{1, "established"}, {2, "syn_sent"},   {4, "fin_wait1"},
                             {5, "fin_wait2"},   {8, "close_wait"}, {9, "last_ack"},
                             {10, "listen"},     {11, "closing"}};
static_assert(sizeof kStates / sizeof kStates[0] == kTcpStates);

}  // namespace

unsigned tcp_state_index(uint8_t state) {
  unsigned index = 0;
  while (index < kTcpStates && kStates[index].number != state)
    index++;
  return index;
}

const char* tcp_state_name(unsigned index) {
  return index < kTcpStates ? kStates[index].name : "";
}

}  // namespace kubepulse
