// What every DNS program hands out: messages in a ring, and how many did not fit. No more than
// stable interfaces.
#ifndef KUBEPULSE_BPF_DNS_OUTPUT_H
#define KUBEPULSE_BPF_DNS_OUTPUT_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define DNS_PORT 53
#define UDP_HEADER 8

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 2 << 20);
} dns_ring SEC(".maps");

// Read by the daemon through the mapped .bss.
__u64 dns_dropped = 0;

#endif
