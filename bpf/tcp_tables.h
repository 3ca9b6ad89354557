// What the tracing TCP programs remember: connections and listeners.
#ifndef KUBEPULSE_BPF_TCP_TABLES_H
#define KUBEPULSE_BPF_TCP_TABLES_H

#include "bpf/owner.h"
#include "bpf/tcp_output.h"

enum connection_stage {
  STAGE_CONNECTING = 0,
  STAGE_ESTABLISHED = 1,
  STAGE_ENDED = 2,  // told; the entry is there only where the kernel would not delete it
};

struct connection {
  __u64 start_ns;
  __u64 close_ns;
  __u64 cgroup;
  __u32 pid;
  __u16 direction;
  __u16 stage;
  char comm[16];
};

// Not an LRU: a connection that is open is never forgotten for a new one, and what does not fit is
// counted exactly.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);  // address of the socket
  __type(value, struct connection);
} connections SEC(".maps");

struct listener_key {
  __u32 netns;
  __u32 port;
};

struct listener {
  __u64 cgroup;
  __u32 pid;
  char comm[16];
  __u32 unused;
};

// Who listens: an accepted socket is established in softirq, where no task can be asked.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 1024);
  __type(key, struct listener_key);
  __type(value, struct listener);
} listeners SEC(".maps");

__u64 listeners_errors = 0;
// Connections whose end no program was called for. A walk tells it, or the first to see another
// socket where theirs was.
__u64 ends_lost = 0;

// Set where the owner or the log needs the listening task: on cgroup v1, and with --log-events.
const volatile __u8 keep_listeners = 0;
// Set where a task may be preempted within a tracepoint.
const volatile __u8 preemptible = 0;

static __always_inline __u64 owner_of(struct sock *sk, const bool typed) {
  __u64 legacy = current_legacy_cgroup();
  return legacy ? legacy : socket_cgroup(sk, typed);
}

// Of the socket; none where it has ended.
static __always_inline struct connection *connection_of(const struct sock *sk) {
  __u64 key = (__u64)sk;
  struct connection *connection = bpf_map_lookup_elem(&connections, &key);
  return connection && connection->stage != STAGE_ENDED ? connection : 0;
}

static __always_inline bool remember(const struct sock *sk, const struct connection *connection) {
  __u64 key = (__u64)sk;
  if (bpf_map_update_elem(&connections, &key, connection, BPF_ANY) == 0) return true;
  __sync_fetch_and_add(&connections_errors, 1);
  return false;
}

// The kernel may refuse (-EBUSY, -EDEADLK) where the same bucket is being changed beneath us.
static __always_inline void forget(const struct sock *sk, struct connection *connection) {
  __u64 key = (__u64)sk;
  connection->stage = STAGE_ENDED;
  if (bpf_map_delete_elem(&connections, &key) != 0) __sync_fetch_and_add(&connections_errors, 1);
}

static __always_inline void remember_listener(struct listener_key key,
                                              const struct listener *listener, __u64 flags) {
  long error = bpf_map_update_elem(&listeners, &key, listener, flags);
  if (error && error != -EEXIST) __sync_fetch_and_add(&listeners_errors, 1);
}

#endif
