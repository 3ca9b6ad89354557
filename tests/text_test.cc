#include "base/text.h"

#include <string>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string label(std::string_view text, size_t max = kLabelBytesMax) {
  std::string out;
  append_label_value(out, text, max);
  return out;
}

std::string seconds(uint64_t ns) {
  std::string out;
  append_seconds(out, ns);
  return out;
}

START_TEST(json_strings) {
  CHECK_TEXT(json("plain"), "\"plain\"");
  CHECK_TEXT(json("a\"b\\c\nd\x7f"), "\"a\\\"b\\\\c\\u000ad\\u007f\"");
  CHECK_TEXT(json("\xC2\x9B"
                  "2J\xC2\xA0"),
             "\"\\u009b2J\xC2\xA0\"");
  CHECK_TEXT(json("m\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x98\x80"),
             "\"m\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x98\x80\"");
  CHECK_TEXT(json("\xFF\xC0\x80\xED\xA0\x80"),
             "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  CHECK_TEXT(json(std::string_view("a\0b", 3)), "\"a\\u0000b\"");
}
END_TEST

START_TEST(label_values) {
  CHECK_TEXT(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
  CHECK_TEXT(label("x\x01\xFFy"), "x\xEF\xBF\xBD\xEF\xBF\xBDy");
  CHECK_TEXT(label(std::string(200, 'a')), std::string(128, 'a'));
  // Cut on a character, not inside one.
  CHECK_TEXT(label("ab\xC3\xBC", 3), "ab");
}
END_TEST

START_TEST(numbers) {
  CHECK_TEXT(seconds(0), "0");
  CHECK_TEXT(seconds(1500000000), "1.5");
  CHECK_TEXT(seconds(250), "0.00000025");
  CHECK_TEXT(seconds(12000000001), "12.000000001");
  CHECK_TEXT(seconds(UINT64_MAX), "18446744073.709551615");
  std::string milliseconds;
  append_milliseconds(milliseconds, 12400000);
  CHECK_TEXT(milliseconds, "12.4");
  ck_assert(parse_number("42", 100) == 42U);
  ck_assert(!parse_number("101", 100));
  ck_assert(!parse_number("4x"));
  ck_assert(!parse_number(""));
  ck_assert(!parse_number("-1"));
}
END_TEST

START_TEST(times) {
  std::string out;
  append_rfc3339(out, 1767323045678901234ULL);
  CHECK_TEXT(out, "2026-01-02T03:04:05.678901Z");
}
END_TEST

START_TEST(pieces) {
  std::string_view rest = "a,,b";
  CHECK_TEXT(next_piece(rest, ','), "a");
  CHECK_TEXT(next_piece(rest, ','), "");
  CHECK_TEXT(next_piece(rest, ','), "b");
  CHECK_TEXT(next_piece(rest, ','), "");
}
END_TEST

START_TEST(hexadecimal) {
  ck_assert(parse_hex("0") == 0 && parse_hex("1aF") == 0x1AF);
  ck_assert(parse_hex("ffffffffffffffff") == UINT64_MAX);
  for (const char* bad : {"", "g", "-1", "0x1", " 1", "1 ", "10000000000000000"})
    ck_assert_msg(!parse_hex(bad), "%s", bad);
}
END_TEST

START_TEST(case_and_blanks) {
  ck_assert(is_same_but_case("Keep-ALIVE", "keep-alive") && is_same_but_case("", ""));
  ck_assert(!is_same_but_case("keep", "keep-alive") && !is_same_but_case("keep-alive", "keep"));
  CHECK_TEXT(trim_blanks(" \t a b\t "), "a b");
  CHECK_TEXT(trim_blanks(" \t"), "");
}
END_TEST

START_TEST(distances) {
  ck_assert_uint_eq(edit_distance("", ""), 0);
  ck_assert_uint_eq(edit_distance("", "read"), 4);
  ck_assert_uint_eq(edit_distance("read", ""), 4);
  ck_assert_uint_eq(edit_distance("read", "read"), 0);
  ck_assert_uint_eq(edit_distance("raed", "read"), 2);
  ck_assert_uint_eq(edit_distance("read", "pread64"), 3);
}
END_TEST

START_TEST(octal_escapes) {
  CHECK_TEXT(unescape_octal("/a\\040b\\011c\\012d\\134e"), "/a b\tc\nd\\e");
  CHECK_TEXT(unescape_octal("\\134040"), "\\040");  // what comes out is not read again
  CHECK_TEXT(unescape_octal("\\04\\08 \\9\\"), "\\04\\08 \\9\\");
  CHECK_TEXT(unescape_octal(""), "");
}
END_TEST

START_TEST(shown) {
  std::string out;
  append_shown(out, "a\"\\\n\x7F\xC2\x9B\xC2\xA0\xFF\xE2\x82\xAC");
  CHECK_TEXT(out, "a\"\\\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xC2\xA0\xEF\xBF\xBD\xE2\x82\xAC");
}
END_TEST

START_TEST(moments) {
  ck_assert_uint_eq(parse_rfc3339("2026-01-02T03:04:05.678901Z").value_or(0), 1767323045678901000);
  ck_assert_uint_eq(parse_rfc3339("1970-01-01T00:00:00.000000Z").value_or(1), 0);
  for (uint64_t ns : {uint64_t{1}, uint64_t{951827696}, uint64_t{4107542400}}) {
    std::string text;
    append_rfc3339(text, ns * kNsPerSecond);
    ck_assert_uint_eq(parse_rfc3339(text).value_or(0), ns * kNsPerSecond);
  }
  for (const char* text :
       {"", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05.678901Z", "2026-01-02T03:04:05.678901+",
        "2026-01-02T03:04:05.67890xZ", "1969-01-02T03:04:05.678901Z", "9999-01-02T03:04:05.678901Z",
        "-026-01-02T03:04:05.678901Z"})
    ck_assert_msg(!parse_rfc3339(text).has_value(), "%s", text);
}
END_TEST

START_TEST(printable) {
  for (const char* text : {"", "eth0", "a \"b\" \\", "\xC3\xA4", "\xF0\x9F\x90\xA7"})
    ck_assert_msg(is_printable(text), "%s", text);
  for (const char* text :
       {"a\nb", "\t", "\x7F", "\xFF", "\xC3", "a\x80", "\xED\xA0\x80", "\xC2\x9B"})
    ck_assert_msg(!is_printable(text), "%s", text);
}
END_TEST

}  // namespace

CHECK_MAIN("text", json_strings, label_values, numbers, times, pieces, hexadecimal, case_and_blanks,
           distances, octal_escapes, shown, moments, printable)
