#include "identity/service.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(addresses) {
  ck_assert(parse_ip("10.0.0.1") == parse_ip("::ffff:10.0.0.1"));
  ck_assert(parse_ip("10.0.0.1") != parse_ip("10.0.0.2"));
  ck_assert(parse_ip("fd00::1") == parse_ip("fd00:0::0001"));
  ck_assert(parse_ip("fd00::1") == ip_bytes(*Address::parse("fd00::1")));
  for (const char* text : {"", "None", "example.com", "10.0.0", "10.0.0.1:80", "[::1]"})
    ck_assert_msg(!parse_ip(text), "%s", text);
}
END_TEST

}  // namespace

CHECK_MAIN("service", addresses)
