// What a packet is counted as: its protocol, and the bucket of its size. Apart, so that a unit test
// can ask.
#ifndef KUBEPULSE_BPF_PACKET_KIND_H
#define KUBEPULSE_BPF_PACKET_KIND_H

#include "bpf/event.h"

// `protocol` of an IPv4 header, or of the last header of IPv6 (IANA, protocol numbers).
static inline __attribute__((always_inline)) __u32 packet_protocol(__u8 protocol) {
  switch (protocol) {
    case 6:
      return PACKET_TCP;
    case 17:
      return PACKET_UDP;
    case 1:
    case 58:  // ICMPv6
      return PACKET_ICMP;
    case 132:
      return PACKET_SCTP;
    default:
      return PACKET_OTHER;
  }
}

// The first i with bytes <= 64 << i, or the last bucket.
static inline __attribute__((always_inline)) __u32 packet_bucket(__u32 bytes) {
  if (bytes > PACKET_BUCKET_FIRST << (PACKET_BUCKETS - 2)) return PACKET_BUCKETS - 1;
  __u32 left = bytes ? bytes - 1 : 0;
  __u32 i = 0;
  if (left >= PACKET_BUCKET_FIRST << 7) i += 8, left >>= 8;
  if (left >= PACKET_BUCKET_FIRST << 3) i += 4, left >>= 4;
  if (left >= PACKET_BUCKET_FIRST << 1) i += 2, left >>= 2;
  return left >= PACKET_BUCKET_FIRST ? i + 1 : i;
}

// A header of IPv6 that may stand before the one that tells the protocol (RFC 8200 4.1).
#define IPV6_HOP_BY_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_DESTINATION 60
// More extension headers than any packet that means well has; beyond is "other".
#define IPV6_EXTENSIONS_MAX 8

static inline __attribute__((always_inline)) int is_ipv6_extension(__u8 header) {
  return header == IPV6_HOP_BY_HOP || header == IPV6_ROUTING || header == IPV6_FRAGMENT ||
         header == IPV6_DESTINATION;
}

#endif
