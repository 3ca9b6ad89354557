// What every TCP program hands out: records in a ring, RST counts by cgroup, and how many of either
// did not fit. No more than stable interfaces.
#ifndef KUBEPULSE_BPF_TCP_OUTPUT_H
#define KUBEPULSE_BPF_TCP_OUTPUT_H

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "bpf/event.h"

#define EEXIST 17

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 << 20);
} tcp_ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);  // cgroup id; 0: no socket, the kernel itself
  __type(value, struct reset_counts);
} resets SEC(".maps");

// Read by the daemon through the mapped .bss.
__u64 tcp_dropped = 0;
__u64 connections_overflow = 0;
__u64 resets_overflow = 0;
// Failed updates by map; of the ring it is tcp_dropped.
__u64 connections_errors = 0;
__u64 resets_errors = 0;

// Only the event log tells names of tasks.
const volatile __u8 keep_comm = 0;

static __always_inline struct tcp_record *reserve(int kind, __u64 now_ns) {
  struct tcp_record *record = bpf_ringbuf_reserve(&tcp_ring, sizeof(struct tcp_record), 0);
  if (!record) {
    __sync_fetch_and_add(&tcp_dropped, 1);
    return 0;
  }
  record->time_ns = now_ns;
  record->kind = kind;
  record->error = 0;
  record->state = 0;
  record->drops = 0;
  record->untold = 0;
  record->unused = 0;
  return record;
}

static __always_inline struct reset_counts *reset_counts_of(__u64 cgroup) {
  struct reset_counts *counts = bpf_map_lookup_elem(&resets, &cgroup);
  if (counts) return counts;
  struct reset_counts zero = {};
  long error = bpf_map_update_elem(&resets, &cgroup, &zero, BPF_NOEXIST);
  if (error && error != -EEXIST) __sync_fetch_and_add(&resets_errors, 1);
  counts = bpf_map_lookup_elem(&resets, &cgroup);
  if (!counts) __sync_fetch_and_add(&resets_overflow, 1);
  return counts;
}

#endif
