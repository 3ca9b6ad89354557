#include "top/figure_text.h"

#include <cstring>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(rates) {
  CHECK_TEXT(rate_text(0).text, "0");
  CHECK_TEXT(rate_text(0.001).text, "<0.01");
  CHECK_TEXT(rate_text(0.25).text, "0.25");
  CHECK_TEXT(rate_text(7.5).text, "7.5");
  CHECK_TEXT(rate_text(10).text, "10");
  CHECK_TEXT(rate_text(12.34).text, "12.3");
  CHECK_TEXT(rate_text(100).text, "100");
  CHECK_TEXT(rate_text(999.4).text, "999");
  CHECK_TEXT(rate_text(999.6).text, "1k");
  CHECK_TEXT(rate_text(12345).text, "12.3k");
  CHECK_TEXT(rate_text(1234567).text, "1.23M");
  CHECK_TEXT(rate_text(1e40).text, "9999P");
}
END_TEST

START_TEST(bytes) {
  CHECK_TEXT(bytes_text(512).text, "512");
  CHECK_TEXT(bytes_text(1023).text, "1023");
  CHECK_TEXT(bytes_text(1024).text, "1K");
  CHECK_TEXT(bytes_text(1536).text, "1.5K");
  CHECK_TEXT(bytes_text(3145728).text, "3M");
  CHECK_TEXT(bytes_text(12.34 * (1 << 30)).text, "12.3G");
}
END_TEST

START_TEST(latencies) {
  CHECK_TEXT(latency_text(-1).text, "-");
  CHECK_TEXT(latency_text(0.000085).text, "85us");
  CHECK_TEXT(latency_text(0.001).text, "1ms");
  CHECK_TEXT(latency_text(0.00124).text, "1.24ms");
  CHECK_TEXT(latency_text(0.0124).text, "12.4ms");
  CHECK_TEXT(latency_text(1.5).text, "1.5s");
  CHECK_TEXT(percent_text(-1).text, "-");
  CHECK_TEXT(percent_text(0).text, "0");
  CHECK_TEXT(percent_text(0.125).text, "12.5");
  CHECK_TEXT(percent_text(1).text, "100");
}
END_TEST

// The columns are six wide.
START_TEST(widths) {
  for (double value = 0.004; value < 1e17; value *= 1.0137)
    for (const FigureText& text : {rate_text(value), bytes_text(value)})
      ck_assert_msg(strlen(text.text) <= 6, "%s", text.text);
  for (double value = 1e-7; value < 1e4; value *= 1.0137)
    ck_assert_msg(strlen(latency_text(value).text) <= 6, "%s", latency_text(value).text);
}
END_TEST

START_TEST(names) {
  CHECK_TEXT(plain_name("web-0"), "web-0");
  CHECK_TEXT(plain_name("a\x1b[31mb\n\x7f\x9b"), "a?[31mb???");
  CHECK_TEXT(plain_name("gr\xc3\xbc\xc3\x9f e"), "gr?? e");
  CHECK_TEXT(plain_name("\xe2\x80\xae\xf0\x9f\x98\x80."), "??.");
  CHECK_TEXT(plain_name("\xc2\x9b"
                        "2J"),
             "?2J");  // a control character that UTF-8 has of its own
  CHECK_TEXT(plain_name(std::string(1, '\xf0')), "?");
  CHECK_TEXT(cut_name("abcdef", 6), "abcdef");
  CHECK_TEXT(cut_name("abcdef", 4), "abc+");
  CHECK_TEXT(cut_name("abcdef", 0), "");
}
END_TEST

}  // namespace

CHECK_MAIN("figure_text", rates, bytes, latencies, widths, names)
