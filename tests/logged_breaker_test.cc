#include "identity/logged_breaker.h"

#include "tests/captured_log.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string open_line(unsigned seconds) {
  return R"({"level":"info","msg":"a source that keeps failing is left alone",)"
         R"("source":"kubelet","breaker":"open","seconds":)" +
         std::to_string(seconds) + "}\n";
}

constexpr const char* kTrialLine =
    R"({"level":"info","msg":"a source that was left alone is tried once",)"
    R"("source":"kubelet","breaker":"half-open"})"
    "\n";
constexpr const char* kClosedLine = R"({"level":"info","msg":"a source is asked as usual again",)"
                                    R"("source":"kubelet","breaker":"closed"})"
                                    "\n";

START_TEST(each_step) {
  CapturedLog log;
  LoggedBreaker breaker("kubelet", 30 * kNsPerSecond);
  uint64_t now_ns = 1000 * kNsPerSecond;
  // What goes well, or fails now and then, is nobody's news.
  for (int round = 0; round < 3; round++) {
    ck_assert(breaker.allow(now_ns));
    breaker.failed(now_ns);
    ck_assert(breaker.allow(now_ns));
    breaker.succeeded();
  }
  CHECK_TEXT(log.text(), "");
  for (unsigned i = 0; i < Breaker::kFailuresMax; i++)
    breaker.failed(now_ns);
  std::string told = open_line(30);
  CHECK_TEXT(log.text(), told);
  ck_assert(!breaker.closed());
  // Asked in vain it says nothing, and counts.
  for (int i = 0; i < 5; i++)
    ck_assert(!breaker.allow(now_ns + kNsPerSecond));
  ck_assert_uint_eq(breaker.refused(), 5);
  CHECK_TEXT(log.text(), told);
  now_ns = breaker.open_until_ns();
  ck_assert_uint_eq(now_ns, 1030 * kNsPerSecond);
  ck_assert(breaker.allow(now_ns));
  told += kTrialLine;
  CHECK_TEXT(log.text(), told);
  breaker.failed(now_ns + kNsPerSecond);
  told += open_line(60);
  CHECK_TEXT(log.text(), told);
  ck_assert(breaker.allow(now_ns + 61 * kNsPerSecond));
  breaker.succeeded();
  CHECK_TEXT(log.text(), told + kTrialLine + kClosedLine);
  ck_assert(breaker.closed());
  ck_assert_uint_eq(breaker.refused(), 5);
}
END_TEST

}  // namespace

CHECK_MAIN("logged_breaker", each_step)
