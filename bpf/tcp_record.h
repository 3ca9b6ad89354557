// Fills a tcp_record from a socket and from what is remembered of its connection.
#ifndef KUBEPULSE_BPF_TCP_RECORD_H
#define KUBEPULSE_BPF_TCP_RECORD_H

#include "bpf/tcp_tables.h"

static __always_inline void read_address(__u8 *out, struct in6_addr *in, const bool typed) {
  __u32 *words = (__u32 *)out;
  if (typed) {
    words[0] = in->in6_u.u6_addr32[0];
    words[1] = in->in6_u.u6_addr32[1];
    words[2] = in->in6_u.u6_addr32[2];
    words[3] = in->in6_u.u6_addr32[3];
  } else {
    bpf_core_read(out, 16, in);
  }
}

static __always_inline void fill_socket(struct tcp_record *record, struct sock *sk,
                                        struct tcp_sock *tp, const bool typed) {
  record->socket = (__u64)sk;
  record->netns = socket_netns(sk, typed);
  // Not skc_num: tcp_set_state() gives the port back before it tells of TCP_CLOSE.
  record->local_port = bpf_ntohs(READ(typed, tp, inet_conn.icsk_inet.inet_sport));
  record->remote_port = bpf_ntohs(READ(typed, sk, __sk_common.skc_dport));
  __u64 *local = (__u64 *)record->local, *remote = (__u64 *)record->remote;
  local[0] = local[1] = remote[0] = remote[1] = 0;
  __u16 family = READ(typed, sk, __sk_common.skc_family);
  __u32 daddr = READ(typed, sk, __sk_common.skc_daddr);
  if (family == AF_INET6) {
    read_address(record->remote, &sk->__sk_common.skc_v6_daddr, typed);
    read_address(record->local, &sk->__sk_common.skc_v6_rcv_saddr, typed);
    __u32 *words = (__u32 *)record->remote;
    if (words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xFFFF)) {
      family = AF_INET;
      remote[0] = remote[1] = local[0] = local[1] = 0;
    }
  }
  if (family == AF_INET) {
    *(__u32 *)record->remote = daddr;
    *(__u32 *)record->local = READ(typed, sk, __sk_common.skc_rcv_saddr);
  }
  record->family = family;
}

// Both totals count sequence numbers (RFC 4898), of which a SYN that we sent and a FIN take one
// each.
static __always_inline void fill_totals(struct tcp_record *record, struct sock *sk,
                                        struct tcp_sock *tp, int state, const bool typed) {
  __u64 sent = READ(typed, tp, bytes_acked);
  if (record->direction == TCP_DIRECTION_OUT && sent > 0) sent--;
  bool fin_sent = state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
                  state == TCP_LAST_ACK || state == TCP_TIME_WAIT;
  if (fin_sent && sent > 0 && READ(typed, tp, snd_una) == READ(typed, tp, write_seq)) sent--;
  record->sent_bytes = sent;
  // tcp_fin() sets the flag when the peer's FIN has been taken in; the state alone does not tell.
  __u64 received = READ(typed, tp, bytes_received);
  __u64 done = 1ULL << bpf_core_enum_value(enum sock_flags, SOCK_DONE);
  if ((READ(typed, sk, __sk_common.skc_flags) & done) && received > 0) received--;
  record->received_bytes = received;
  record->retransmits = READ(typed, tp, total_retrans);
  record->rtt_us = READ(typed, tp, srtt_us) >> 3;
}

static __always_inline void fill_connection(struct tcp_record *record,
                                            const struct connection *connection) {
  record->start_ns = connection->start_ns;
  record->close_ns = connection->close_ns;
  record->cgroup = connection->cgroup;
  record->pid = connection->pid;
  record->direction = connection->direction;
  __builtin_memcpy(record->comm, connection->comm, sizeof record->comm);
}

// Of a socket that is new: an entry is of one that was in the same memory, and whose end no program
// was called for. It is told now; what that socket had counted, and its addresses, are gone.
static __always_inline void forget_predecessor(struct sock *sk, const bool typed) {
  struct connection *connection = connection_of(sk);
  if (!connection) return;
  __sync_fetch_and_add(&ends_lost, 1);
  struct tcp_record *record = 0;
  if (connection->stage == STAGE_ESTABLISHED) record = reserve(TCP_KIND_CLOSED, bpf_ktime_get_ns());
  if (record) {
    fill_connection(record, connection);
    record->socket = (__u64)sk;
    record->netns = socket_netns(sk, typed);
    record->family = 0;
    record->local_port = record->remote_port = 0;
    __builtin_memset(record->local, 0, sizeof record->local);
    __builtin_memset(record->remote, 0, sizeof record->remote);
    record->sent_bytes = record->received_bytes = 0;
    record->retransmits = record->rtt_us = 0;
    bpf_ringbuf_submit(record, 0);
  }
  forget(sk, connection);
}

#endif
