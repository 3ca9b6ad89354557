#include "base/base64.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(good) {
  struct {
    const char *text, *want;
  } const cases[] = {
      {"", ""},
      {"Zg==", "f"},
      {"Zm8=", "fo"},
      {"Zm9v", "foo"},
      {"Zm9vYg==", "foob"},
      {"Zm9vYmE=", "fooba"},
      {"Zm9vYmFy", "foobar"},
      {"Zm\r\n9v\n", "foo"},
      {"+/+/", "\xFB\xFF\xBF"},
  };
  for (const auto& each : cases) {
    std::optional<std::string> got = decode_base64(each.text);
    ck_assert_msg(got.has_value(), "%s", each.text);
    CHECK_TEXT(*got, each.want);
  }
  ck_assert(decode_base64("AAAA") == std::string(3, '\0'));
}
END_TEST

START_TEST(bad) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "Zm9v=", "Zm9v====", "=",
                           "====", "Zg==Zg==", "Zm9 ", "Zm_v", "Zm-v",
                           "Zh==", "Zm9=", "Z===", "Zm\t9v", "\xFF\xFF\xFF\xFF"}) {
    ck_assert_msg(!decode_base64(text), "%s", text);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("base64", good, bad)
