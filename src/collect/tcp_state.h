// The states that sockets are counted by, those in which a socket has an owner: not TIME_WAIT, nor
// a handshake that a listener has only begun, of which the kernel keeps no socket; nor closed ones.
#ifndef KUBEPULSE_COLLECT_TCP_STATE_H
#define KUBEPULSE_COLLECT_TCP_STATE_H

#include <cstdint>

namespace kubepulse {

constexpr unsigned kTcpStates = 8;

// The index of a state of include/net/tcp_states.h, below kTcpStates; kTcpStates: not counted.
unsigned tcp_state_index(uint8_t state);

// "established", "syn_sent", "fin_wait1", ...: as the kernel calls it, in small letters.
const char* tcp_state_name(unsigned index);

}  // namespace kubepulse

#endif
