// Why a program was refused, in a few words: out of the error, what libbpf and the verifier said,
// and what the host is like.
#ifndef KUBEPULSE_COLLECT_REFUSAL_H
#define KUBEPULSE_COLLECT_REFUSAL_H

#include <string>
#include <string_view>

#include "collect/host.h"

namespace kubepulse {

enum class Hook { typed_tracepoint, function, iterator, raw_tracepoint, kprobe, cgroup, xdp };

struct Refusal {
  Hook hook = Hook::raw_tracepoint;
  std::string target;      // "inet_sock_set_state", "ip_send_skb", ...
  bool attaching = false;  // it was loaded
  int error = 0;           // an errno, or 0 where there is none
  std::string log;         // all that libbpf had to say, the verifier's log included
};

// One line of at most some 200 bytes. It says "lockdown" or "capability" where that is why.
std::string refusal_reason(const Refusal& refusal, const Host& host);

// What speaks against such a program before it is tried; empty: nothing does.
std::string refusal_beforehand(Hook hook, const Host& host);

}  // namespace kubepulse

#endif
