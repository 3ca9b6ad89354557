// Frames that come in by the interfaces of --interface, counted by protocol where they are: each
// runs this program as its driver hands it over (XDP, native), or as the stack takes it from the
// driver (generic), and always passes. By stable interfaces alone (see stable.h).
//
// The bytes are those of the frame, link header included, as it is there: without what the card has
// taken off (checksum, a VLAN tag where it does that), and whole where it has put some together or
// the sender of a veth has not cut them up.
//
// Loaded once for each interface, with a table of its own, as no frame tells which one it was asked
// for: natively attached to a bond or to a synthetic card of Hyper-V, frames have the index of the
// port.
//
// Per CPU, and yet added atomically: a softirq of a kernel with PREEMPT_RT may be preempted by
// another that runs this, too.
#include "bpf/packet_kind.h"
#include "bpf/stable.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct interface_counts);
} interfaces SEC(".maps");

#define ETHERNET_HEADER 14
#define VLAN_TAG 4
#define VLAN_TAGS_MAX 2
#define IPV6_EXTENSION_MIN 8

enum ether_type {
  ETHER_IPV4 = 0x0800,
  ETHER_IPV6 = 0x86DD,
  ETHER_VLAN = 0x8100,
  ETHER_VLAN_OUTER = 0x88A8,  // 802.1ad
};

// bpf_xdp_get_buff_len() and bpf_xdp_load_bytes() are of 5.18, as frames of several buffers are.
static __always_inline __u32 size_of(struct xdp_md *ctx, const bool frags) {
  return frags ? bpf_xdp_get_buff_len(ctx) : ctx->data_end - ctx->data;
}

static __always_inline bool load_extension(struct xdp_md *ctx, __u32 at, __u8 *header,
                                           const bool frags) {
  const __u8 *from = (void *)(long)ctx->data + at;
  if (from + IPV6_EXTENSION_MIN > (__u8 *)(long)ctx->data_end)
    return frags && bpf_xdp_load_bytes(ctx, at, header, IPV6_EXTENSION_MIN) == 0;
  __builtin_memcpy(header, from, IPV6_EXTENSION_MIN);
  return true;
}

static __always_inline __u32 behind_extensions(struct xdp_md *ctx, __u32 at, __u32 next,
                                               const bool frags) {
  // For the verifier, which knows nothing of who calls.
  if (at > ETHERNET_HEADER + VLAN_TAGS_MAX * VLAN_TAG + IPV6_HEADER) return PACKET_OTHER;
  for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_ipv6_extension(next); i++) {
    __u8 header[IPV6_EXTENSION_MIN];
    if (!load_extension(ctx, at, header, frags)) return PACKET_OTHER;
    // What follows the first fragment's headers is in no other.
    bool ends = next == IPV6_FRAGMENT && (header[2] | (header[3] & 0xF8)) != 0;
    at += next == IPV6_FRAGMENT ? IPV6_EXTENSION_MIN : (header[1] + 1) * 8;
    next = header[0];
    if (ends) break;
  }
  return at > size_of(ctx, frags) ? PACKET_OTHER : packet_protocol(next);
}

// Apart for each program, as a call: seldom, and not to fill the way of all others.
static __noinline __u32 behind_extensions_frags(struct xdp_md *ctx, __u32 at, __u32 next) {
  return behind_extensions(ctx, at, next, true);
}
static __noinline __u32 behind_extensions_plain(struct xdp_md *ctx, __u32 at, __u32 next) {
  return behind_extensions(ctx, at, next, false);
}

// Headers up to that of IP stand in the first buffer, whatever the driver.
static __always_inline __u32 protocol_of(struct xdp_md *ctx, const bool frags) {
  const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  __u32 at = ETHERNET_HEADER;
  if (data + at > end) return PACKET_OTHER;
  __u16 type = be16(data + at - 2);
  for (int i = 0; i < VLAN_TAGS_MAX && (type == ETHER_VLAN || type == ETHER_VLAN_OUTER); i++) {
    at += VLAN_TAG;
    if (data + at > end) return PACKET_OTHER;
    type = be16(data + at - 2);
  }
  const __u8 *ip = data + at;
  if (type == ETHER_IPV4) {
    if (ip + IPV4_HEADER_MIN > end || ip[0] >> 4 != 4) return PACKET_OTHER;
    __u32 header = (ip[0] & 15) * 4;
    if (header < IPV4_HEADER_MIN || ip + header > end) return PACKET_OTHER;
    return packet_protocol(ip[9]);
  }
  if (type != ETHER_IPV6 || ip + IPV6_HEADER > end || ip[0] >> 4 != 6) return PACKET_OTHER;
  __u8 next = ip[6];
  if (!is_ipv6_extension(next)) return packet_protocol(next);
  at += IPV6_HEADER;
  return frags ? behind_extensions_frags(ctx, at, next) : behind_extensions_plain(ctx, at, next);
}

static __always_inline int count(struct xdp_md *ctx, const bool frags) {
  __u32 first = 0, protocol = protocol_of(ctx, frags);
  struct interface_counts *all = bpf_map_lookup_elem(&interfaces, &first);
  // For the verifier: both are always there.
  if (!all || protocol >= PACKET_PROTOCOLS) return XDP_PASS;
  struct frame_counts *counts = &all->frames[protocol];
  __sync_fetch_and_add(&counts->packets, 1);
  __sync_fetch_and_add(&counts->bytes, size_of(ctx, frags));
  return XDP_PASS;
}

// Linux 5.18: a driver hands over frames of several buffers, such as jumbo frames, to no other.
SEC("xdp.frags")
int frames_in(struct xdp_md *ctx) {
  return count(ctx, true);
}

SEC("xdp")
int frames_in_plain(struct xdp_md *ctx) {
  return count(ctx, false);
}
