#include "bpf/packet_kind.h"

#include "tests/check.h"

namespace {

// As the bounds say.
__u32 searched(__u32 bytes) {
  __u32 i = 0;
  while (i < PACKET_BUCKETS - 1 && bytes > 64U << i)
    i++;
  return i;
}

START_TEST(sizes) {
  ck_assert_uint_eq(packet_bucket(0), 0);
  ck_assert_uint_eq(packet_bucket(64), 0);
  ck_assert_uint_eq(packet_bucket(65), 1);
  ck_assert_uint_eq(packet_bucket(1500), 5);
  ck_assert_uint_eq(packet_bucket(32768), 9);
  ck_assert_uint_eq(packet_bucket(32769), 10);
  ck_assert_uint_eq(packet_bucket(UINT32_MAX), 10);
  for (__u32 bytes = 0; bytes < 70000; bytes++)
    ck_assert_msg(packet_bucket(bytes) == searched(bytes), "%u bytes", bytes);
}
END_TEST

START_TEST(protocols) {
  for (unsigned number = 0; number < 256; number++) {
    __u32 wanted = number == 6                   ? PACKET_TCP
                   : number == 17                ? PACKET_UDP
                   : number == 1 || number == 58 ? PACKET_ICMP
                   : number == 132               ? PACKET_SCTP
                                                 : PACKET_OTHER;
    ck_assert_uint_eq(packet_protocol(static_cast<__u8>(number)), wanted);
    bool extends = number == 0 || number == 43 || number == 44 || number == 60;
    ck_assert_int_eq(is_ipv6_extension(static_cast<__u8>(number)), extends);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("packet_kind", sizes, protocols)
