// What the programs of the flavour `cgroup` share. They hang on cgroup hooks and use interfaces
// that the kernel keeps stable: no BTF of the kernel, no relocation, no read of kernel memory. So
// they load where BTF and kprobes are compiled out, and under lockdown=confidentiality.
#ifndef KUBEPULSE_BPF_STABLE_H
#define KUBEPULSE_BPF_STABLE_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/event.h"

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40

static __always_inline __u16 be16(const __u8 *at) {
  return (__u16)(at[0] << 8 | at[1]);
}

static __always_inline __u32 be32(const __u8 *at) {
  return (__u32)be16(at) << 16 | be16(at + 2);
}

// Bytes of the IP header where the packet carries `protocol`, at once or behind IPv4 options; 0: it
// does not, or `size` bytes of what follows do not stand in the linear part. The first look of all
// at every packet of the node: a few instructions for those that are turned away. At these hooks
// data begins with the IP header, whatever the device.
static __always_inline __u32 ip_header(const __u8 *data, const __u8 *end, __u8 protocol,
                                       const __u32 size) {
  if (data + IPV4_HEADER_MIN > end) return 0;
  __u32 header = (data[0] & 15) * 4;
  if (data[0] >> 4 == 4) {
    // A fragment that is not the first has no header; sockets see packets whole.
    if (data[9] != protocol || (be16(data + 6) & 0x1FFF) != 0 || header < IPV4_HEADER_MIN) return 0;
  } else {
    if (data[6] != protocol || data[0] >> 4 != 6) return 0;
    header = IPV6_HEADER;
  }
  return data + header + size > end ? 0 : header;
}

#endif
