#include "collect/connect_failure.h"

#include <cerrno>

namespace kubepulse {

FailureReason failure_reason_of(unsigned error) {
  switch (error) {
    case ECONNREFUSED:
      return kFailureRefused;
    case ETIMEDOUT:
      return kFailureTimeout;
    // What the kernel makes of ICMP and ICMPv6 "destination unreachable" (net/ipv4/icmp.c
    // icmp_err_convert, net/ipv6/icmp.c tab_unreach): EACCES is "prohibited" in ICMPv6. A port that
    // is unreachable is refused.
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case EACCES:
    case ENOPROTOOPT:
      return kFailureUnreachable;
    case ECONNRESET:
    case EPIPE:  // reset after the peer's FIN (net/ipv4/tcp_input.c, tcp_reset)
      return kFailureReset;
    case ECANCELED:
      return kFailureCanceled;
    default:
      return kFailureOther;
  }
}

const char* failure_reason_name(unsigned reason) {
  constexpr const char* kNames[] = {"refused", "timeout",  "unreachable",
                                    "reset",   "canceled", "other"};
  static_assert(sizeof kNames / sizeof kNames[0] == kFailureReasons);
  return kNames[reason < kFailureReasons ? reason : static_cast<unsigned>(kFailureOther)];
}

const char* failure_reason(unsigned error) {
  return failure_reason_name(failure_reason_of(error));
}

}  // namespace kubepulse
