#include "insight/insight_text.h"

#include <cmath>

#include "tests/check.h"
#include "tests/made_insight.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string quantity(double value, Unit unit) {
  std::string out;
  append_quantity(out, value, unit);
  return out;
}

START_TEST(quantities) {
  CHECK_TEXT(quantity(0, Unit::bytes), "0 B");
  CHECK_TEXT(quantity(1023, Unit::bytes), "1023 B");
  CHECK_TEXT(quantity(1536, Unit::bytes), "1.5 KiB");
  CHECK_TEXT(quantity(480 << 20, Unit::bytes), "480 MiB");
  CHECK_TEXT(quantity(163840, Unit::bytes_per_second), "160 KiB/s");
  CHECK_TEXT(quantity(std::ldexp(1, 60), Unit::bytes), "1048576 TiB");
  CHECK_TEXT(quantity(0.834, Unit::share), "83 %");
  CHECK_TEXT(quantity(12, Unit::count), "12");
  CHECK_TEXT(quantity(0.25, Unit::count), "0.2");
  CHECK_TEXT(quantity(2.5, Unit::per_second), "2.5/s");
}
END_TEST

START_TEST(times) {
  CHECK_TEXT(quantity(0.2, Unit::seconds), "0 s");
  CHECK_TEXT(quantity(59.4, Unit::seconds), "59 s");
  CHECK_TEXT(quantity(59.6, Unit::seconds), "1 min");
  CHECK_TEXT(quantity(200, Unit::seconds), "3 min 20 s");
  CHECK_TEXT(quantity(3600, Unit::seconds), "1 h");
  CHECK_TEXT(quantity(3659, Unit::seconds), "1 h");
  CHECK_TEXT(quantity(5400, Unit::seconds), "1 h 30 min");
  CHECK_TEXT(quantity(86400 * 3 + 7200, Unit::seconds), "3 d 2 h");
  CHECK_TEXT(quantity(-5, Unit::seconds), "0 s");
  CHECK_TEXT(quantity(INFINITY, Unit::seconds), "never, perhaps");
  CHECK_TEXT(quantity(NAN, Unit::seconds), "never, perhaps");
}
END_TEST

START_TEST(raised) {
  Insight insight = made_oom(InsightType::oom_predicted);
  insight.prediction = Prediction{0.83, 0.9, 200, 150, 300};
  Insight cause = made_insight(InsightType::memory_leak);
  std::string text;
  append_raised(text, insight, &cause, false);
  CHECK_TEXT(text,
             "CRITICAL oom_predicted  shop/web-5d4f8c7b9-x2x4z app (deployment web)\n"
             "  memory reaches its limit in 3 min 20 s (2 min 30 s to 5 min), 83 % likely\n"
             "  seen:  working set 480 MiB, memory limit 512 MiB, highest 480 MiB, growth 160 "
             "KiB/s\n"
             "  cause: memory_leak  shop/web-5d4f8c7b9-x2x4z app\n"
             "  do:    Raise the memory limit to what was seen and some more\n"
             "           kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=memory=1024Mi\n"
             "         risk medium: Makes all its pods anew, one after the other\n"
             "  do:    Restart it before the kernel does, if it leaks\n"
             "           kubectl --namespace=shop rollout restart deployment/web\n"
             "         risk medium: Makes all its pods anew, one after the other\n\n");
}
END_TEST

START_TEST(colors) {
  Insight insight = made_insight(InsightType::dns_failing);
  std::string text;
  append_raised(text, insight, nullptr, true);
  CHECK_TEXT(text.substr(0, text.find(" (")),
             "\033[1;33mWARNING\033[0m dns_failing  \033[1mshop/web-5d4f8c7b9-x2x4z app\033[0m");
  text.clear();
  append_resolved(text, insight, 1320 * kNsPerSecond, true);
  CHECK_TEXT(text,
             "\033[32mRESOLVED\033[0m dns_failing  \033[1mshop/web-5d4f8c7b9-x2x4z app\033[0m, "
             "after 5 min 20 s\n");
  text.clear();
  append_resolved(text, insight, 0, false);
  CHECK_TEXT(text, "RESOLVED dns_failing  shop/web-5d4f8c7b9-x2x4z app, after 0 s\n");
}
END_TEST

// No name moves the cursor, or begins a line.
START_TEST(any_bytes) {
  std::string bytes;
  for (int i = 0; i < 256; i++)
    bytes += static_cast<char>(i);
  for (size_t i = 0; i < kInsightTypes; i++) {
    Insight insight = made_oom(static_cast<InsightType>(i));
    std::string plain, hostile;
    insight.peer_ns = insight.peer = insight.object = insight.reason = "x";
    append_raised(plain, insight, nullptr, false);
    insight.ns = insight.pod = insight.container = insight.owner = bytes;
    insight.peer_ns = insight.peer = insight.object = insight.reason = bytes;
    append_raised(hostile, insight, nullptr, false);
    size_t lines = 0, expected = 0, commands = 0;
    for (char byte : hostile) {
      ck_assert(byte == '\n' || (static_cast<unsigned char>(byte) >= ' ' && byte != 0x7F));
      lines += byte == '\n';
    }
    for (char byte : plain)
      expected += byte == '\n';
    for (size_t at = plain.find("\n           "); at != plain.npos;
         at = plain.find("\n           ", at + 1))
      commands++;
    // Commands whose names cannot be shown are left out.
    ck_assert_uint_le(lines, expected);
    ck_assert_uint_ge(lines, expected - commands);
  }
}
END_TEST

START_TEST(counts) {
  std::string text;
  append_counts(text, {2, 3, 1}, 4, 330 * kNsPerSecond);
  CHECK_TEXT(text, "5 insights in 5 min 30 s: 2 critical, 3 warning; 1 resolved, 4 active\n");
}
END_TEST

}  // namespace

CHECK_MAIN("insight_text", quantities, times, raised, colors, any_bytes, counts)
