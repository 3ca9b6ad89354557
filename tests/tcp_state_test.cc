#include "collect/tcp_state.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(states) {
  std::string all;
  for (unsigned state = 0; state < 256; state++) {
    unsigned index = tcp_state_index(static_cast<uint8_t>(state));
    ck_assert_uint_le(index, kTcpStates);
    if (index == kTcpStates) continue;
    all += std::to_string(state) + "=" + tcp_state_name(index) + " ";
  }
  CHECK_TEXT(all,
             "1=established 2=syn_sent 4=fin_wait1 5=fin_wait2 8=close_wait 9=last_ack 10=listen "
             "11=closing ");
  CHECK_TEXT(tcp_state_name(kTcpStates), "");
}
END_TEST

}  // namespace

CHECK_MAIN("tcp_state", states)
