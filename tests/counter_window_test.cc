#include "insight/counter_window.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond;
using Window = CounterWindow<2>;

START_TEST(five_minutes) {
  Window window;
  // One each second, told every ten.
  uint64_t now_s = 1000;
  for (uint64_t i = 0; i < 100; i++, now_s += 10) {
    window.add(now_s * kSecond, {5000 + i * 10, 0});
    ck_assert_uint_eq(window[1], 0);
    double seconds = window.seconds();
    ck_assert_double_le(seconds, 300);
    if (i <= 25) ck_assert_uint_eq(window[0], i * 10);
    if (i > 25) ck_assert_double_ge(seconds, 250);
    // What the first of the slots has of the one before it.
    ck_assert_double_ge(static_cast<double>(window[0]), seconds);
    ck_assert_double_le(static_cast<double>(window[0]), seconds + 10);
  }
  // And nothing any more.
  for (uint64_t i = 0; i < 31; i++, now_s += 10)
    window.add(now_s * kSecond, {5990, 0});
  ck_assert_uint_eq(window[0], 0);
}
END_TEST

START_TEST(begins_anew) {
  Window window;
  window.add(kSecond, {100, 100});
  window.add(11 * kSecond, {120, 7});
  ck_assert_uint_eq(window[0], 20);
  ck_assert_uint_eq(window[1], 7);
  // The clock goes back, or a long pause: who knows when that was.
  window.add(5 * kSecond, {130, 8});
  ck_assert_uint_eq(window[0], 0);
  window.add(15 * kSecond, {140, 8});
  ck_assert_uint_eq(window[0], 10);
  window.add(316 * kSecond, {999, 8});
  ck_assert_uint_eq(window[0], 0);
  ck_assert_double_eq(window.seconds(), 0);
}
END_TEST

START_TEST(too_many) {
  Window window;
  window.add(kSecond, {0, 0});
  window.add(2 * kSecond, {UINT64_MAX, UINT32_MAX});
  window.add(3 * kSecond, {UINT64_MAX, UINT64_MAX});
  ck_assert_uint_eq(window[0], UINT32_MAX);
  ck_assert_uint_eq(window[1], UINT32_MAX);
}
END_TEST

}  // namespace

CHECK_MAIN("counter_window", five_minutes, begins_anew, too_many)
