// TCP life by stable interfaces alone (see stable.h), on the root cgroup: sock_ops tells of
// connects, accepts and every change of state; cgroup_skb sees the SYN, FIN and RST that say whose
// a socket is and why it ended; the sock hooks see sockets made, connected and closed by a task.
#include "bpf/stable.h"
#include "bpf/tcp_output.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define EADDRNOTAVAIL 99
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113
#define ECANCELED 125

enum {
  SIDE_CONNECTING = 1,  // in connect(2), and no SYN yet
  SIDE_RELEASED = 2,    // the application has closed it
  SIDE_EXPIRED = 4,     // sent again too often, or for too long
  SIDE_RESET = 8,       // an RST came
  SIDE_FIN_IN = 16,     // a FIN came: fin_in is the sequence number behind it
  SIDE_FIN_OUT = 32,    // a FIN was sent, likewise
};

// What stays with a socket. An accepted one begins with what its listener has: the owner.
struct side {
  __u64 cgroup;  // 0: not known yet
  __u64 close_ns;
  __u32 pid;
  __u32 marks;
  __u32 fin_in;
  __u32 fin_out;
  char comm[16];
};

struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct side);
} sides SEC(".maps");

// Not an LRU: a connection that is open is never forgotten for a new one. The daemon looks up here
// what a walk has met, which it cannot do in the storage of sockets that are not its own.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);  // cookie of the socket
  __type(value, struct tcp_connection);
} connections SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);  // cookie of the socket
  __type(value, struct tcp_ending);
} endings SEC(".maps");

// Failed updates; of the other maps in tcp_output.h.
__u64 sides_errors = 0;
__u64 endings_errors = 0;

static __always_inline struct side *side_of(struct bpf_sock *sk) {
  return sk ? bpf_sk_storage_get(&sides, sk, 0, 0) : 0;
}

static __always_inline struct side *make_side(struct bpf_sock *sk) {
  struct side *side = bpf_sk_storage_get(&sides, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!side) __sync_fetch_and_add(&sides_errors, 1);
  return side;
}

static __always_inline bool remember(__u64 cookie, const struct tcp_connection *connection) {
  if (bpf_map_update_elem(&connections, &cookie, connection, BPF_ANY) == 0) return true;
  __sync_fetch_and_add(&connections_errors, 1);
  return false;
}

static __always_inline void fill_socket(struct tcp_record *record, struct bpf_sock_ops *ctx) {
  record->netns = 0;
  record->local_port = ctx->local_port;
  record->remote_port = bpf_ntohl(ctx->remote_port);
  __u32 *local = (__u32 *)record->local, *remote = (__u32 *)record->remote;
  __builtin_memset(local, 0, 16);
  __builtin_memset(remote, 0, 16);
  record->family = ctx->family;
  if (ctx->family == AF_INET6) {
    remote[0] = ctx->remote_ip6[0];
    remote[1] = ctx->remote_ip6[1];
    remote[2] = ctx->remote_ip6[2];
    if (remote[0] != 0 || remote[1] != 0 || remote[2] != bpf_htonl(0xFFFF)) {
      remote[3] = ctx->remote_ip6[3];
      local[0] = ctx->local_ip6[0];
      local[1] = ctx->local_ip6[1];
      local[2] = ctx->local_ip6[2];
      local[3] = ctx->local_ip6[3];
      return;
    }
    remote[2] = 0;
    record->family = AF_INET;
  }
  remote[0] = ctx->remote_ip4;
  local[0] = ctx->local_ip4;
}

static __always_inline void fill_owner(struct tcp_record *record, const struct side *side,
                                       const struct tcp_connection *connection) {
  record->cgroup = side ? side->cgroup : connection ? connection->cgroup : 0;
  record->close_ns = side ? side->close_ns : 0;
  record->pid = side ? side->pid : 0;
  if (side)
    __builtin_memcpy(record->comm, side->comm, sizeof record->comm);
  else
    __builtin_memset(record->comm, 0, sizeof record->comm);
}

// Both totals count sequence numbers (RFC 4898), of which a SYN that we sent and a FIN take one
// each. A FIN has the last number of its side: what has reached behind it has it.
static __always_inline void fill_totals(struct tcp_record *record, struct bpf_sock_ops *ctx,
                                        const struct side *side) {
  __u64 sent = ctx->bytes_acked, received = ctx->bytes_received;
  __u32 marks = side ? side->marks : 0;
  if (record->direction == TCP_DIRECTION_OUT && sent > 0) sent--;
  if ((marks & SIDE_FIN_OUT) && side->fin_out == ctx->snd_una && sent > 0) sent--;
  if ((marks & SIDE_FIN_IN) && side->fin_in == ctx->rcv_nxt && received > 0) received--;
  record->sent_bytes = sent;
  record->received_bytes = received;
  record->retransmits = ctx->total_retrans;
  record->rtt_us = ctx->srtt_us >> 3;
}

// What other programs have asked for on this socket stays asked for.
static __always_inline void ask_for(struct bpf_sock_ops *ctx, int flags) {
  bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | flags);
}

// In connect(2), before the SYN. A socket that is older than the daemon gets its owner from the
// SYN.
static __always_inline void connecting(struct bpf_sock_ops *ctx) {
  ask_for(ctx, BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RTO_CB_FLAG);
  struct tcp_connection connection = {.start_ns = bpf_ktime_get_ns(),
                                      .direction = TCP_DIRECTION_OUT};
  struct side *side = side_of(ctx->sk);
  if (side) {
    side->marks = 0;
    side->close_ns = 0;
    connection.cgroup = side->cgroup;
    connection.pid = side->pid;
  }
  __u64 cookie = bpf_get_socket_cookie(ctx);
  if (!remember(cookie, &connection)) __sync_fetch_and_add(&connections_overflow, 1);
}

// Another program may have asked for the state of a socket that is older than we are: without a
// side it is left to the walk, which tells its end as well.
static __always_inline void established(struct bpf_sock_ops *ctx) {
  __u64 cookie = bpf_get_socket_cookie(ctx);
  __u64 now_ns = bpf_ktime_get_ns();
  struct side *side = side_of(ctx->sk);
  struct tcp_connection fresh = {};
  struct tcp_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
  if (!connection && !side) return;
  if (connection) {
    connection->established = 1;
  } else {
    bool accepted = ctx->args[0] != BPF_TCP_SYN_SENT;
    fresh.start_ns = accepted ? now_ns : 0;
    fresh.direction = accepted ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
    fresh.established = 1;
    fresh.cgroup = side->cgroup;
    fresh.pid = side->pid;
    // A connect that found no room has been counted then.
    if (!remember(cookie, &fresh) && accepted) __sync_fetch_and_add(&connections_overflow, 1);
    connection = &fresh;
  }
  struct tcp_record *record = reserve(TCP_KIND_OPENED, now_ns);
  if (!record) return;
  fill_owner(record, side, connection);
  record->socket = cookie;
  record->start_ns = connection->start_ns;
  record->direction = connection->direction;
  fill_socket(record, ctx);
  record->sent_bytes = record->received_bytes = 0;
  record->retransmits = record->rtt_us = 0;
  bpf_ringbuf_submit(record, 0);
}

// Nothing here tells the errno; what is left when the rest is ruled out is a message of ICMP.
// connect(AF_UNSPEC) while connecting leaves no trace either, and passes for one.
static __always_inline int failure(const struct side *side, int old_state) {
  __u32 marks = side ? side->marks : 0;
  if (marks & SIDE_CONNECTING) return EADDRNOTAVAIL;
  if (marks & SIDE_RELEASED) return ECANCELED;
  if (marks & SIDE_RESET) return old_state == BPF_TCP_SYN_SENT ? ECONNREFUSED : ECONNRESET;
  return marks & SIDE_EXPIRED ? ETIMEDOUT : EHOSTUNREACH;
}

static __always_inline void ended(struct bpf_sock_ops *ctx) {
  int old_state = ctx->args[0];
  __u64 cookie = bpf_get_socket_cookie(ctx);
  struct tcp_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
  // An accepted socket that never was established, a listener, a connect that found no route.
  if (old_state == BPF_TCP_LISTEN || old_state == BPF_TCP_CLOSE) return;
  if (old_state == BPF_TCP_SYN_RECV && !connection) return;
  bool connecting = old_state == BPF_TCP_SYN_SENT || old_state == BPF_TCP_SYN_RECV;
  struct side *side = side_of(ctx->sk);
  if (!connection && !side) return;
  struct tcp_record *record =
      reserve(connecting ? TCP_KIND_FAILED : TCP_KIND_CLOSED, bpf_ktime_get_ns());
  if (record) {
    fill_owner(record, side, connection);
    record->socket = cookie;
    record->start_ns = connection ? connection->start_ns : 0;
    record->direction = connection   ? connection->direction
                        : connecting ? TCP_DIRECTION_OUT
                                     : TCP_DIRECTION_UNKNOWN;
    fill_socket(record, ctx);
    fill_totals(record, ctx, side);
    if (connecting) record->error = failure(side, old_state);
    bpf_ringbuf_submit(record, 0);
  }
  if (side) side->marks = 0;
  if (connection) bpf_map_delete_elem(&connections, &cookie);
}

SEC("sockops")
int tcp_ops(struct bpf_sock_ops *ctx) {
  switch (ctx->op) {
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
      connecting(ctx);
      break;
    // Just before the state changes; of a Fast Open connection, with its SYN. One whose handshake
    // began before we looked has no owner here, and is left to the walk.
    case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
      if (side_of(ctx->sk)) ask_for(ctx, BPF_SOCK_OPS_STATE_CB_FLAG);
      break;
    case BPF_SOCK_OPS_RTO_CB: {
      struct side *side = side_of(ctx->sk);
      if (side && ctx->args[2]) side->marks |= SIDE_EXPIRED;
      break;
    }
    case BPF_SOCK_OPS_STATE_CB:
      if (ctx->args[1] == BPF_TCP_ESTABLISHED)
        established(ctx);
      else if (ctx->args[1] == BPF_TCP_CLOSE)
        ended(ctx);
      break;
  }
  return 1;
}

static __always_inline void name_task(struct side *side) {
  side->pid = bpf_get_current_pid_tgid() >> 32;
  if (keep_comm) bpf_get_current_comm(side->comm, sizeof side->comm);
}

SEC("cgroup/sock_create")
int tcp_socket_made(struct bpf_sock *ctx) {
  if (ctx->type != SOCK_STREAM || ctx->protocol != IPPROTO_TCP) return 1;
  struct side *side = make_side(ctx);
  if (!side) return 1;
  side->cgroup = bpf_get_current_cgroup_id();
  name_task(side);
  return 1;
}

// A connect that found no free port: it had a route, or the address would not stand in the socket
// (tcp_v4_connect). IPv6 stores the address first, so that there the two cannot be told apart.
static __always_inline void connect_lost(struct side *side, __u64 cookie, __u32 remote) {
  if (!(side->marks & SIDE_CONNECTING)) return;
  side->marks &= ~SIDE_CONNECTING;
  if (!remote) return;
  struct tcp_record *record = reserve(TCP_KIND_FAILED, bpf_ktime_get_ns());
  if (!record) return;
  fill_owner(record, side, 0);
  record->socket = cookie;
  record->start_ns = record->close_ns = 0;
  record->direction = TCP_DIRECTION_OUT;
  record->error = EADDRNOTAVAIL;
  record->family = AF_INET;
  record->netns = 0;
  record->local_port = record->remote_port = 0;
  __builtin_memset(record->local, 0, sizeof record->local);
  __builtin_memset(record->remote, 0, sizeof record->remote);
  __builtin_memcpy(record->remote, &remote, sizeof remote);
  record->sent_bytes = record->received_bytes = 0;
  record->retransmits = record->rtt_us = 0;
  bpf_ringbuf_submit(record, 0);
}

static __always_inline int connect_begins(struct bpf_sock_addr *ctx) {
  if (ctx->type != SOCK_STREAM || ctx->protocol != IPPROTO_TCP) return 1;
  struct bpf_sock *sk = ctx->sk;
  if (!sk) return 1;
  struct side *side = make_side(sk);
  if (!side) return 1;
  connect_lost(side, bpf_get_socket_cookie(ctx), sk->dst_ip4);
  side->marks |= SIDE_CONNECTING;
  name_task(side);
  return 1;
}

SEC("cgroup/connect4")
int tcp_connect4(struct bpf_sock_addr *ctx) {
  return connect_begins(ctx);
}

SEC("cgroup/connect6")
int tcp_connect6(struct bpf_sock_addr *ctx) {
  return connect_begins(ctx);
}

// close(2) of the last descriptor, before the connection takes notice.
SEC("cgroup/sock_release")
int tcp_socket_released(struct bpf_sock *ctx) {
  if (ctx->type != SOCK_STREAM || ctx->protocol != IPPROTO_TCP) return 1;
  struct side *side = bpf_sk_storage_get(&sides, ctx, 0, 0);
  if (!side) return 1;
  int state = ctx->state;
  if (state == BPF_TCP_CLOSE) {
    connect_lost(side, bpf_get_socket_cookie(ctx), ctx->dst_ip4);
    return 1;
  }
  side->marks |= SIDE_RELEASED;
  if (state != BPF_TCP_LISTEN) side->close_ns = bpf_ktime_get_ns();
  return 1;
}

struct segment {
  struct bpf_sock *sk;  // a full one
  __u32 ack;
  __u32 end;  // the sequence number behind it
  __u8 flags;
};

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

// False: none of `flags`, as nearly every packet.
static __always_inline bool parse(struct segment *segment, struct __sk_buff *skb, __u8 flags) {
  const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  __u32 header = ip_header(data, end, IPPROTO_TCP, 20);
  if (!header) return false;
  const __u8 *tcp = data + header;
  if (tcp + 20 > end) return false;
  segment->flags = tcp[13];
  if (!(segment->flags & flags)) return false;
  __u32 headers = header + (tcp[12] >> 4) * 4;
  segment->ack = be32(tcp + 8);
  segment->end =
      be32(tcp + 4) + skb->len - headers + !!(segment->flags & SYN) + !!(segment->flags & FIN);
  struct bpf_sock *sk = skb->sk;
  segment->sk = sk ? bpf_sk_fullsock(sk) : 0;
  return segment->sk != 0;
}

// A FIN or an RST of a connection that is older than the daemon: there is no hook on it that would
// tell its end, so this may be the last that is seen. Foresees what the segment brings about.
static __always_inline void ending(struct __sk_buff *skb, const struct segment *segment,
                                   const bool incoming) {
  struct bpf_tcp_sock *tp = bpf_tcp_sock(segment->sk);
  if (!tp) return;
  __u64 cookie = bpf_get_socket_cookie(skb);
  struct tcp_ending now = {.sent_bytes = tp->bytes_acked,
                           .received_bytes = tp->bytes_received,
                           .retransmits = tp->total_retrans,
                           .rtt_us = tp->srtt_us >> 3};
  bool fin = segment->flags & FIN;
  if (fin) {
    // All that we have sent will be acknowledged, or the segment acknowledges it.
    __s32 more = (incoming ? segment->ack : segment->end) - tp->snd_una;
    if (more > 0) now.sent_bytes += more;
    more = incoming ? segment->end - tp->rcv_nxt : 0;
    if (more > 0) now.received_bytes += more;
  }
  int state = segment->sk->state;
  bool fin_in = state == BPF_TCP_CLOSE_WAIT || state == BPF_TCP_LAST_ACK ||
                state == BPF_TCP_CLOSING || (incoming && fin);
  bool fin_out = state == BPF_TCP_FIN_WAIT2 || (!incoming && fin) ||
                 (incoming && fin && state == BPF_TCP_FIN_WAIT1 && segment->ack == tp->snd_nxt);
  if (fin_in && now.received_bytes > 0) now.received_bytes--;
  if (fin_out && now.sent_bytes > 0) now.sent_bytes--;
  struct tcp_ending *told = bpf_map_lookup_elem(&endings, &cookie);
  if (told && told->sent_bytes > now.sent_bytes) now.sent_bytes = told->sent_bytes;
  if (bpf_map_update_elem(&endings, &cookie, &now, BPF_ANY) != 0)
    __sync_fetch_and_add(&endings_errors, 1);
}

// While connecting, an RST that does not is none (RFC 9293 3.10.7.3). The answer may be here before
// snd_nxt is moved on, so that what may have gone with the SYN is only bounded.
static __always_inline bool acknowledges_syn(const struct segment *segment) {
  struct bpf_tcp_sock *tp = bpf_tcp_sock(segment->sk);
  return tp && (segment->flags & ACK) && segment->ack - tp->snd_una - 1 <= 0xFFFF;
}

SEC("cgroup_skb/ingress")
int tcp_segment_in(struct __sk_buff *skb) {
  struct segment segment;
  if (!parse(&segment, skb, FIN | RST)) return 1;
  struct bpf_sock *sk = segment.sk;
  int state = sk->state;
  // A listener stands in for those that are not accepted yet.
  if (state == BPF_TCP_LISTEN) return 1;
  struct side *side = side_of(sk);
  if (segment.flags & RST) {
    if (state == BPF_TCP_SYN_SENT && !acknowledges_syn(&segment)) return 1;
    struct reset_counts *counts =
        reset_counts_of(side && side->cgroup ? side->cgroup : bpf_sk_cgroup_id(sk));
    if (counts) __sync_fetch_and_add(&counts->received, 1);
    if (side) side->marks |= SIDE_RESET;
  } else if (side) {
    side->fin_in = segment.end;
    side->marks |= SIDE_FIN_IN;
  }
  if (!side) ending(skb, &segment, true);
  return 1;
}

// The kernel answers in its own name what it has no established socket for, and some that it has.
// Whose it is stands in the other direction: where it goes to, its sender is looked up.
static __always_inline __u64 answered_for(struct __sk_buff *skb) {
  const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  __u32 header = ip_header(data, end, IPPROTO_TCP, 20);
  const __u8 *tcp = data + header;
  if (!header || tcp + 20 > end) return 0;
  struct bpf_sock_tuple tuple = {};
  struct bpf_sock *sk;
  if (header == IPV6_HEADER && data[0] >> 4 == 6) {
    if (data + IPV6_HEADER > end) return 0;
    __builtin_memcpy(tuple.ipv6.saddr, data + 24, 16);
    __builtin_memcpy(tuple.ipv6.daddr, data + 8, 16);
    __builtin_memcpy(&tuple.ipv6.sport, tcp + 2, 2);
    __builtin_memcpy(&tuple.ipv6.dport, tcp, 2);
    sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof tuple.ipv6, BPF_F_CURRENT_NETNS, 0);
  } else {
    __builtin_memcpy(&tuple.ipv4.saddr, data + 16, 4);
    __builtin_memcpy(&tuple.ipv4.daddr, data + 12, 4);
    __builtin_memcpy(&tuple.ipv4.sport, tcp + 2, 2);
    __builtin_memcpy(&tuple.ipv4.dport, tcp, 2);
    sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof tuple.ipv4, BPF_F_CURRENT_NETNS, 0);
  }
  if (!sk) return 0;
  __u64 cgroup = bpf_sk_cgroup_id(sk);
  bpf_sk_release(sk);
  return cgroup;
}

static __always_inline void reset_sent(struct __sk_buff *skb, struct bpf_sock *sk,
                                       const struct side *side) {
  __u64 cgroup = side ? side->cgroup : 0;
  if (!cgroup) cgroup = sk->type == SOCK_STREAM ? bpf_sk_cgroup_id(sk) : answered_for(skb);
  struct reset_counts *counts = reset_counts_of(cgroup);
  if (counts) __sync_fetch_and_add(&counts->sent, 1);
}

// Of a SYN and an ACK of it the socket is the listener: what its children will have.
static __always_inline void name_owner(struct __sk_buff *skb, struct bpf_sock *sk) {
  struct side *side = side_of(sk);
  if (side && side->cgroup) return;
  __u64 cgroup = bpf_sk_cgroup_id(sk);
  side = make_side(sk);
  if (side)
    side->cgroup = cgroup;
  else
    __sync_fetch_and_add(&connections_overflow, 1);  // no memory: what it becomes is not seen
  __u64 cookie = bpf_get_socket_cookie(skb);
  struct tcp_connection *connection = bpf_map_lookup_elem(&connections, &cookie);
  if (connection) connection->cgroup = cgroup;
}

SEC("cgroup_skb/egress")
int tcp_segment_out(struct __sk_buff *skb) {
  struct segment segment;
  if (!parse(&segment, skb, FIN | SYN | RST)) return 1;
  struct bpf_sock *sk = segment.sk;
  if (segment.flags & SYN) {
    name_owner(skb, sk);
    return 1;
  }
  struct side *side = side_of(sk);
  if (segment.flags & RST) {
    reset_sent(skb, sk, side);
  } else if (side) {
    side->fin_out = segment.end;
    side->marks |= SIDE_FIN_OUT;
  }
  if (!side && sk->type == SOCK_STREAM) ending(skb, &segment, false);
  return 1;
}
