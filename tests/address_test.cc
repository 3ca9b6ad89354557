#include "identity/address.h"

#include <netinet/in.h>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(texts) {
  for (const char* text : {"10.0.0.1", "255.255.255.255", "::1", "2001:db8::8a2e:370:7334"}) {
    auto address = Address::parse(text);
    ck_assert_msg(address.has_value(), "%s", text);
    CHECK_TEXT(address->text(), text);
  }
  for (std::string_view text : {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "0x7f.1", "[::1]",
                                "fe80::1%eth0", "fe80::1%2", "localhost", ":::1"})
    ck_assert_msg(!Address::parse(text), "%s", std::string(text).c_str());
  ck_assert(!Address::parse(std::string_view("::1\0x", 5)));
}
END_TEST

START_TEST(for_sockets) {
  Address v4 = *Address::parse("127.0.0.1");
  v4.set_port(80);
  const auto& in4 = reinterpret_cast<const sockaddr_in&>(*v4.get());
  ck_assert_uint_eq(v4.length, sizeof in4);
  ck_assert_int_eq(in4.sin_family, AF_INET);
  ck_assert_uint_eq(ntohs(in4.sin_port), 80);
  ck_assert_uint_eq(ntohl(in4.sin_addr.s_addr), INADDR_LOOPBACK);

  Address v6 = *Address::parse("::1");
  v6.set_port(443);
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(*v6.get());
  ck_assert_uint_eq(v6.length, sizeof in6);
  ck_assert_int_eq(in6.sin6_family, AF_INET6);
  ck_assert_uint_eq(ntohs(in6.sin6_port), 443);
  ck_assert(IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));
}
END_TEST

}  // namespace

CHECK_MAIN("address", texts, for_sockets)
