// TCP life: every connect and accept, its failure or its end, from the one stable hook that sees
// them all. Two records a connection: when it is established (or has failed), and when it ends.
#include "bpf/tcp_record.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// In connect(2): the only moment when the task is certainly the one that connects.
static __always_inline void syn_sent(struct sock *sk, const bool typed) {
  struct connection connection = {};
  connection.start_ns = bpf_ktime_get_ns();
  connection.cgroup = owner_of(sk, typed);
  connection.pid = bpf_get_current_pid_tgid() >> 32;
  connection.direction = TCP_DIRECTION_OUT;
  if (keep_comm) bpf_get_current_comm(connection.comm, sizeof connection.comm);
  forget_predecessor(sk, typed);
  if (!remember(sk, &connection)) __sync_fetch_and_add(&connections_overflow, 1);
}

// What a listener has dropped by now: a walk may not meet it again, and one that listens again
// goes on counting where it was. Of most there is nothing to tell.
static __always_inline void tell_drops(struct sock *sk, struct tcp_sock *tp, int kind,
                                       const bool typed) {
  __u32 drops = READ(typed, sk, sk_drops.counter);
  if (!drops) return;
  struct tcp_record *record = reserve(kind, bpf_ktime_get_ns());
  if (!record) return;
  struct connection nobody = {.cgroup = owner_of(sk, typed)};
  fill_connection(record, &nobody);
  fill_socket(record, sk, tp, typed);
  record->sent_bytes = record->received_bytes = 0;
  record->retransmits = record->rtt_us = 0;
  record->drops = drops;
  bpf_ringbuf_submit(record, 0);
}

static __always_inline void listening(struct sock *sk, struct tcp_sock *tp, const bool again,
                                      const bool typed) {
  if (!again) tell_drops(sk, tp, TCP_KIND_LISTEN, typed);
  if (!keep_listeners) return;
  struct listener_key key = {socket_netns(sk, typed), READ(typed, sk, __sk_common.skc_num)};
  struct listener listener = {};
  listener.cgroup = owner_of(sk, typed);
  listener.pid = bpf_get_current_pid_tgid() >> 32;
  if (keep_comm) bpf_get_current_comm(listener.comm, sizeof listener.comm);
  remember_listener(key, &listener, BPF_ANY);
}

static __always_inline void passive(struct connection *connection, struct sock *sk,
                                    const bool typed) {
  connection->direction = TCP_DIRECTION_IN;
  connection->cgroup = socket_cgroup(sk, typed);
  if (!keep_listeners) return;
  struct listener_key key = {socket_netns(sk, typed), READ(typed, sk, __sk_common.skc_num)};
  struct listener *listener = bpf_map_lookup_elem(&listeners, &key);
  if (!listener) return;
  connection->pid = listener->pid;
  __builtin_memcpy(connection->comm, listener->comm, sizeof connection->comm);
  if (listener->cgroup & CGROUP_LEGACY_BIT) connection->cgroup = listener->cgroup;
}

// No entry of this socket but of one before it: a socket is established once, and one that was
// accepted did not connect, nor does a task have it yet.
static __always_inline bool is_of_predecessor(const struct connection *connection, struct sock *sk,
                                              int old_state, const bool typed) {
  return connection->stage == STAGE_ESTABLISHED ||
         (old_state == TCP_SYN_RECV && !READ(typed, sk, sk_socket));
}

static __always_inline void established(struct sock *sk, struct tcp_sock *tp, int old_state,
                                        const bool again, const bool typed) {
  struct connection fresh = {};
  struct connection *connection = connection_of(sk);
  if (again && connection && connection->stage == STAGE_ESTABLISHED) return;
  if (connection && is_of_predecessor(connection, sk, old_state, typed)) {
    forget_predecessor(sk, typed);
    connection = 0;
  }
  __u64 now_ns = bpf_ktime_get_ns();
  if (connection) {
    connection->stage = STAGE_ESTABLISHED;
  } else {
    // SYN_SENT without an entry: the connect began before we looked, or the table was full.
    if (old_state == TCP_SYN_SENT) {
      fresh.cgroup = socket_cgroup(sk, typed);
      fresh.direction = TCP_DIRECTION_OUT;
    } else {
      fresh.start_ns = now_ns;
      passive(&fresh, sk, typed);
    }
    fresh.stage = STAGE_ESTABLISHED;
    if (!remember(sk, &fresh)) {
      if (again) return;  // no room then either: the first call has told of it
      if (old_state != TCP_SYN_SENT) __sync_fetch_and_add(&connections_overflow, 1);
    }
    connection = &fresh;
  }
  struct tcp_record *record = reserve(TCP_KIND_OPENED, now_ns);
  if (!record) return;
  fill_connection(record, connection);
  fill_socket(record, sk, tp, typed);
  record->sent_bytes = record->received_bytes = 0;
  record->retransmits = record->rtt_us = 0;
  bpf_ringbuf_submit(record, 0);
}

static __always_inline int failure(struct sock *sk, struct tcp_sock *tp, const bool typed) {
  int error = READ(typed, sk, sk_err);
  if (error) return error;
  // No error and no SYN: connect(2) found no free port (tcp_v4_connect, inet_hash_connect).
  if (READ(typed, sk, sk_shutdown) != SHUTDOWN_MASK && READ(typed, tp, segs_out) == 0)
    return EADDRNOTAVAIL;
  return ECANCELED;
}

static __always_inline void ended(struct sock *sk, struct tcp_sock *tp, int old_state,
                                  const bool again, const bool typed) {
  struct connection *connection = connection_of(sk);
  if (again && !connection) return;
  if (old_state == TCP_SYN_RECV && connection &&
      is_of_predecessor(connection, sk, old_state, typed)) {
    forget_predecessor(sk, typed);
    return;
  }
  bool connecting = old_state == TCP_SYN_SENT || (old_state == TCP_SYN_RECV && connection);
  if (old_state == TCP_LISTEN) return tell_drops(sk, tp, TCP_KIND_UNLISTENED, typed);
  // An accepted socket that never was established.
  if (old_state == TCP_SYN_RECV && !connection) return;
  struct tcp_record *record =
      reserve(connecting ? TCP_KIND_FAILED : TCP_KIND_CLOSED, bpf_ktime_get_ns());
  if (record) {
    if (connection) {
      fill_connection(record, connection);
      record->untold = !connecting && connection->stage == STAGE_CONNECTING;
    } else {
      record->start_ns = record->close_ns = 0;
      record->cgroup = socket_cgroup(sk, typed);
      record->pid = 0;
      record->direction = connecting ? TCP_DIRECTION_OUT : TCP_DIRECTION_UNKNOWN;
      __builtin_memset(record->comm, 0, sizeof record->comm);
    }
    fill_socket(record, sk, tp, typed);
    fill_totals(record, sk, tp, old_state, typed);
    if (connecting) record->error = failure(sk, tp, typed);
    // close() with unread data, or with SO_LINGER 0, comes here without a state in between.
    if (!record->close_ns && READ(typed, sk, sk_shutdown) == SHUTDOWN_MASK)
      record->close_ns = record->time_ns;
    bpf_ringbuf_submit(record, 0);
  }
  if (connection) forget(sk, connection);
}

// The application has closed it: sk_shutdown is set before the state changes (tcp_close). After
// shutdown(SHUT_WR) only, it still reads, and the connection lives on.
static __always_inline void closing(struct sock *sk, const bool typed) {
  if (READ(typed, sk, sk_shutdown) != SHUTDOWN_MASK) return;
  struct connection *connection = connection_of(sk);
  if (!connection || connection->close_ns) return;
  // The lifetime of an accepted connection is told by the event log only, and the clock is dear.
  if (connection->direction == TCP_DIRECTION_OUT || keep_comm)
    connection->close_ns = bpf_ktime_get_ns();
}

// Twice for each change of state. The kernel skips a program that is running already on the same
// CPU (bpf_trace_run, kernel/trace/bpf_trace.c): connect(2) and close(2) change states with
// softirqs enabled, and what a softirq changes meanwhile would be lost, some 100 of a million. It
// skips one program, not both: the second call (`again`) does what the first was kept from, and
// mostly nothing. Since 7.0 a task may be preempted within a tracepoint, and what another task does
// meanwhile on that CPU is skipped at any state; where a second task is preempted within the second
// program both are, and only the kernel's count of skipped runs tells of it.
static __always_inline void state_changed(struct sock *sk, struct tcp_sock *tp, int old_state,
                                          int new_state, const bool again, const bool typed) {
  if (new_state == TCP_ESTABLISHED)
    established(sk, tp, old_state, again, typed);
  else if (new_state == TCP_CLOSE)
    ended(sk, tp, old_state, again, typed);
  else if (new_state == TCP_SYN_SENT)
    syn_sent(sk, typed);
  else if (new_state == TCP_FIN_WAIT1 || new_state == TCP_LAST_ACK)
    closing(sk, typed);
  else if (new_state == TCP_LISTEN)
    listening(sk, tp, again, typed);
}

// Bits of the states that anything is done at, for the first and the second call.
#define STATES                                                                              \
  ((1 << TCP_ESTABLISHED) | (1 << TCP_CLOSE) | (1 << TCP_SYN_SENT) | (1 << TCP_FIN_WAIT1) | \
   (1 << TCP_LAST_ACK) | (1 << TCP_LISTEN))
// The others are changed by a task, which nothing interrupts where it is not preempted.
#define STATES_AGAIN (preemptible ? STATES : (1 << TCP_ESTABLISHED) | (1 << TCP_CLOSE))

static __always_inline bool wanted(int state, int states) {
  return (1 << (state & 31)) & states;
}

// What the second call mostly finds: the first one has done it.
static __always_inline bool is_done(struct sock *sk, int new_state) {
  struct connection *connection = connection_of(sk);
  if (new_state == TCP_CLOSE) return !connection;
  if (new_state == TCP_ESTABLISHED) return connection && connection->stage == STAGE_ESTABLISHED;
  if (new_state == TCP_SYN_SENT) return connection && connection->stage == STAGE_CONNECTING;
  return false;  // to do it twice is to do it once
}

// bpf_skc_to_tcp_sock() is of 5.9; before, the raw flavour below serves.
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_typed, struct sock *sk, int old_state, int new_state) {
  if (!wanted(new_state, STATES)) return 0;
  struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
  if (tp) state_changed(sk, tp, old_state, new_state, false, true);
  return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_again_typed, struct sock *sk, int old_state, int new_state) {
  if (!wanted(new_state, STATES_AGAIN) || is_done(sk, new_state)) return 0;
  struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
  if (tp) state_changed(sk, tp, old_state, new_state, true, true);
  return 0;
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(tcp_state_raw, struct sock *sk, int old_state, int new_state) {
  if (wanted(new_state, STATES) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
    state_changed(sk, (struct tcp_sock *)sk, old_state, new_state, false, false);
  return 0;
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(tcp_state_again_raw, struct sock *sk, int old_state, int new_state) {
  if (wanted(new_state, STATES_AGAIN) && !is_done(sk, new_state) &&
      BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
    state_changed(sk, (struct tcp_sock *)sk, old_state, new_state, true, false);
  return 0;
}

// The socket may be none (a segment for a closed port), a request or a time-wait one: those have no
// cgroup and count to the kernel.
static __always_inline __u64 reset_owner(const struct sock *sk) {
  if (!sk) return 0;
  int state = BPF_CORE_READ(sk, __sk_common.skc_state);
  if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV) return 0;
  struct connection *connection = connection_of(sk);
  if (connection) return connection->cgroup;
  // close(2) ends a connection before it sends the RST for it: the task that runs now is its owner.
  if (state == TCP_CLOSE) return owner_of((struct sock *)sk, false);
  return socket_cgroup((struct sock *)sk, false);
}

SEC("raw_tp/tcp_send_reset")
int BPF_PROG(tcp_reset_sent, const struct sock *sk) {
  struct reset_counts *counts = reset_counts_of(reset_owner(sk));
  if (counts) __sync_fetch_and_add(&counts->sent, 1);
  return 0;
}

SEC("raw_tp/tcp_receive_reset")
int BPF_PROG(tcp_reset_received, const struct sock *sk) {
  struct reset_counts *counts = reset_counts_of(reset_owner(sk));
  if (counts) __sync_fetch_and_add(&counts->received, 1);
  return 0;
}

// One socket as a walk has met it; `task` holds it open where nothing is remembered of it.
static __always_inline void tell_socket(struct seq_file *seq, struct sock *sk,
                                        const struct connection *connection,
                                        struct task_struct *task) {
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  if (family != AF_INET && family != AF_INET6) return;
  int state = BPF_CORE_READ(sk, __sk_common.skc_state);
  if (state == TCP_CLOSE || state == TCP_SYN_RECV) return;
  if (state == TCP_LISTEN && !task) return;
  struct tcp_record record = {};
  record.kind = state == TCP_LISTEN     ? TCP_KIND_LISTEN
                : state == TCP_SYN_SENT ? TCP_KIND_CONNECTING
                                        : TCP_KIND_OPEN;
  record.state = state;
  record.direction = TCP_DIRECTION_UNKNOWN;
  if (connection) fill_connection(&record, connection);
  record.time_ns = bpf_ktime_get_ns();
  fill_socket(&record, sk, (struct tcp_sock *)sk, false);
  if (state == TCP_LISTEN)
    record.drops = BPF_CORE_READ(sk, sk_drops.counter);
  else
    fill_totals(&record, sk, (struct tcp_sock *)sk, state, false);
  if (task && !connection) {
    __u64 legacy = task_legacy_cgroup(task);
    record.cgroup = legacy ? legacy : socket_cgroup(sk, false);
    record.pid = BPF_CORE_READ(task, tgid);
    BPF_CORE_READ_STR_INTO(&record.comm, task, comm);
    // Its end is told, and its entry deleted, just before the state is stored: one that is ending
    // now must not be taken for one from before the start.
    state = BPF_CORE_READ(sk, __sk_common.skc_state);
    if (state == TCP_CLOSE) return;
  }
  if (state == TCP_LISTEN && keep_listeners) {
    struct listener_key where = {record.netns, record.local_port};
    struct listener listener = {.cgroup = record.cgroup, .pid = record.pid};
    __builtin_memcpy(listener.comm, record.comm, sizeof listener.comm);
    remember_listener(where, &listener, BPF_NOEXIST);
  }
  bpf_seq_write(seq, &record, sizeof record);
}

// Set by the daemon where the walk below goes over the connections that are remembered, too.
__u32 connections_walked = 0;

// Every TCP socket that a task holds open, in all network namespaces. Read by the daemon at start
// and every few seconds; a socket that several descriptors share comes more than once.
SEC("iter/task_file")
int tcp_open(struct bpf_iter__task_file *ctx) {
  struct file *file = ctx->file;
  struct task_struct *task = ctx->task;
  if (!file || !task) return 0;
  if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != SOCKFS_MAGIC) return 0;
  struct socket *socket = BPF_CORE_READ(file, private_data);
  struct sock *sk = BPF_CORE_READ(socket, sk);
  if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) return 0;
  struct connection *connection = connection_of(sk);
  if (!connection || !connections_walked) tell_socket(ctx->meta->seq, sk, connection, task);
  return 0;
}

// Whoever has asked for the error has taken it along (SO_ERROR). A SYN that was sent again was not
// answered.
static __always_inline int failure_seen_late(struct sock *sk, struct tcp_sock *tp) {
  int error = failure(sk, tp, false);
  return error == ECANCELED && BPF_CORE_READ(tp, total_retrans) ? ETIMEDOUT : error;
}

// So long after its SYN is remembered a socket certainly has the state of one that connects.
#define CONNECT_STORED_NS 500000000ULL

// The state is stored after its change is told: an entry that is still there when the socket says
// it is closed is one whose end no program was called for. What the socket counted, it still says.
static __always_inline bool told_late(struct seq_file *seq, struct sock *sk,
                                      const struct connection *walked) {
  if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE) return false;
  __u64 now_ns = bpf_ktime_get_ns();
  bool connecting = walked->stage == STAGE_CONNECTING;
  if (connecting && now_ns - walked->start_ns < CONNECT_STORED_NS) return false;
  struct connection *connection = connection_of(sk);
  if (!connection || connection->start_ns != walked->start_ns || connection->stage != walked->stage)
    return true;  // it ended, or another came, while we looked
  struct tcp_sock *tp = (struct tcp_sock *)sk;
  struct tcp_record record = {};
  record.kind = connecting ? TCP_KIND_FAILED : TCP_KIND_CLOSED;
  record.time_ns = now_ns;
  fill_connection(&record, walked);
  fill_socket(&record, sk, tp, false);
  // As most end: with a FIN.
  fill_totals(&record, sk, tp, connecting ? TCP_SYN_SENT : TCP_LAST_ACK, false);
  if (connecting) record.error = failure_seen_late(sk, tp);
  if (bpf_seq_write(seq, &record, sizeof record) != 0) return true;  // called again
  __sync_fetch_and_add(&ends_lost, 1);
  forget(sk, connection);
  return true;
}

// Every connection that is remembered: those that nobody has accepted yet, or that are closed and
// not yet over, have no descriptor. The entry goes before its socket does. (Linux 5.9)
SEC("iter/bpf_map_elem")
int tcp_remembered(struct bpf_iter__bpf_map_elem *ctx) {
  __u64 *key = ctx->key;
  struct connection *value = ctx->value;
  if (!key || !value) return 0;
  struct connection connection = *value;
  struct sock *sk = (struct sock *)*key;
  if (connection.stage != STAGE_ENDED && !told_late(ctx->meta->seq, sk, &connection))
    tell_socket(ctx->meta->seq, sk, &connection, 0);
  return 0;
}
