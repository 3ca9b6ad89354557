#include "base/cut_middle.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(both_ends) {
  CHECK_TEXT(cut_middle("", 4), "");
  CHECK_TEXT(cut_middle("0123456789", 10), "0123456789");
  CHECK_TEXT(cut_middle("0123456789a", 10), "0123...89a");
  CHECK_TEXT(cut_middle("0123456789", 4), "0...");
}
END_TEST

START_TEST(whole_characters) {
  CHECK_TEXT(cut_middle("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 7), "\xC3\xA4...\xC3\xA4");
  CHECK_TEXT(cut_middle("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 6), "\xC3\xA4...");
  CHECK_TEXT(cut_middle("\xA4\xA4\xA4\xA4\xA4\xA4\xA4\xA4", 7), "\xA4\xA4...");
}
END_TEST

}  // namespace

CHECK_MAIN("cut_middle", both_ends, whole_characters)
