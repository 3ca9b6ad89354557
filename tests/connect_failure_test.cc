#include "collect/connect_failure.h"

#include <cerrno>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(names) {
  // The order of the contract.
  std::string all;
  for (unsigned reason = 0; reason < kFailureReasons; reason++)
    all += std::string(failure_reason_name(reason)) + " ";
  CHECK_TEXT(all, "refused timeout unreachable reset canceled other ");
  CHECK_TEXT(failure_reason_name(kFailureReasons), "other");
}
END_TEST

START_TEST(reasons) {
  CHECK_TEXT(failure_reason(ECONNREFUSED), "refused");
  CHECK_TEXT(failure_reason(ETIMEDOUT), "timeout");
  for (unsigned error :
       {ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, ENONET, EACCES, ENOPROTOOPT})
    CHECK_TEXT(failure_reason(error), "unreachable");
  CHECK_TEXT(failure_reason(ECONNRESET), "reset");
  CHECK_TEXT(failure_reason(EPIPE), "reset");
  CHECK_TEXT(failure_reason(ECANCELED), "canceled");
  for (unsigned error : {0, EADDRNOTAVAIL, EPERM, 65535})
    CHECK_TEXT(failure_reason(error), "other");
  for (unsigned error = 0; error < 70000; error++)
    ck_assert_uint_lt(failure_reason_of(error), kFailureReasons);
}
END_TEST

}  // namespace

CHECK_MAIN("connect_failure", names, reasons)
