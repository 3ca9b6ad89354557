#include "identity/breaker.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond;

// Fails until it opens, at `now_ns`.
Breaker opened(uint64_t pause_ns, uint64_t now_ns) {
  Breaker breaker(pause_ns);
  for (unsigned i = 0; i < Breaker::kFailuresMax; i++) {
    ck_assert(breaker.closed() && breaker.allow(now_ns));
    breaker.failed(now_ns);
  }
  ck_assert(!breaker.closed());
  return breaker;
}

START_TEST(opens_after_three_in_a_row) {
  Breaker breaker(30 * kSecond);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 2; i++) {
      ck_assert(breaker.allow(kSecond));
      breaker.failed(kSecond);
    }
    ck_assert(breaker.closed() && breaker.allow(kSecond));
    ck_assert_uint_eq(breaker.open_until_ns(), 0);
    breaker.succeeded();
  }
  breaker = opened(30 * kSecond, kSecond);
  ck_assert_uint_eq(breaker.open_until_ns(), 31 * kSecond);
  ck_assert(!breaker.allow(kSecond) && !breaker.allow(31 * kSecond - 1));
}
END_TEST

START_TEST(one_trial) {
  Breaker breaker = opened(30 * kSecond, 0);
  ck_assert(breaker.allow(30 * kSecond));
  ck_assert(!breaker.allow(30 * kSecond) && !breaker.allow(3000 * kSecond));
  ck_assert(!breaker.closed());
  breaker.succeeded();
  ck_assert(breaker.closed() && breaker.allow(30 * kSecond));
  // All is forgotten: the next opening takes three again, and the first pause.
  for (int i = 0; i < 3; i++) {
    ck_assert(breaker.allow(40 * kSecond));
    breaker.failed(40 * kSecond);
  }
  ck_assert_uint_eq(breaker.open_until_ns(), 70 * kSecond);
}
END_TEST

START_TEST(pauses_double) {
  Breaker breaker = opened(30 * kSecond, 0);
  uint64_t now_ns = 0;
  for (uint64_t pause_s : {30, 60, 120, 240, 300, 300, 300}) {
    ck_assert_uint_eq(breaker.open_until_ns(), now_ns + pause_s * kSecond);
    now_ns = breaker.open_until_ns();
    ck_assert(!breaker.allow(now_ns - 1) && breaker.allow(now_ns));
    breaker.failed(now_ns);
  }
}
END_TEST

START_TEST(long_first_pause) {
  Breaker breaker = opened(3600 * kSecond, 0);
  ck_assert(breaker.allow(3600 * kSecond));
  breaker.failed(3600 * kSecond);
  ck_assert_uint_eq(breaker.open_until_ns(), 7200 * kSecond);
}
END_TEST

START_TEST(stragglers) {
  Breaker breaker = opened(30 * kSecond, 0);
  breaker.failed(20 * kSecond);
  ck_assert_uint_eq(breaker.open_until_ns(), 30 * kSecond);
}
END_TEST

}  // namespace

CHECK_MAIN("breaker", opens_after_three_in_a_row, one_trial, pauses_double, long_first_pause,
           stragglers)
