// Why a connect never became an established connection: the few reasons that metrics tell apart.
#ifndef KUBEPULSE_COLLECT_CONNECT_FAILURE_H
#define KUBEPULSE_COLLECT_CONNECT_FAILURE_H

namespace kubepulse {

// Dense, for arrays of counters.
enum FailureReason : unsigned {
  kFailureRefused,
  kFailureTimeout,
  kFailureUnreachable,
  kFailureReset,
  kFailureCanceled,  // closed by the application while it was connecting
  kFailureOther,
};
constexpr unsigned kFailureReasons = 6;

// `error` is the errno of the connect; every number has its reason.
FailureReason failure_reason_of(unsigned error);

// "refused", "timeout", "unreachable", "reset", "canceled" or "other". `reason` is below
// kFailureReasons.
const char* failure_reason_name(unsigned reason);

// The name of the reason of `error`.
const char* failure_reason(unsigned error);

}  // namespace kubepulse

#endif
