// DNS over UDP by stable interfaces alone (see stable.h), on the root cgroup: each packet as it
// leaves a socket, behind NAT, and as it is delivered to one, before. The addresses of query and
// answer may therefore differ; the socket is the same, and its cookie goes with both.
#include "bpf/dns_output.h"
#include "bpf/stable.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct packet {
  __u32 message_at;  // offset
  __u32 message_length;
  __u16 source_port;
  __u16 destination_port;
};

static __always_inline bool parse(struct packet *packet, struct __sk_buff *skb) {
  const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  __u32 header = ip_header(data, end, IPPROTO_UDP, UDP_HEADER);
  if (!header) return false;
  const __u8 *udp = data + header;
  if (udp + UDP_HEADER > end) return false;
  packet->source_port = be16(udp);
  packet->destination_port = be16(udp + 2);
  __u32 udp_length = be16(udp + 4);
  packet->message_length = udp_length > UDP_HEADER ? udp_length - UDP_HEADER : 0;
  packet->message_at = header + UDP_HEADER;
  return true;
}

// The third byte of a message begins its flags; the top bit tells an answer (RFC 1035 4.1.1).
static __always_inline bool is_answer(struct __sk_buff *skb, const struct packet *packet) {
  __u8 flags = 0;
  if (packet->message_length < 3) return false;
  bpf_skb_load_bytes(skb, packet->message_at + 2, &flags, 1);
  return flags & 0x80;
}

static __always_inline void fill_addresses(struct dns_record *record, struct __sk_buff *skb,
                                           bool query) {
  __builtin_memset(record->client, 0, sizeof record->client);
  __builtin_memset(record->server, 0, sizeof record->server);
  if (record->family == AF_INET) {
    bpf_skb_load_bytes(skb, query ? 12 : 16, record->client, 4);
    bpf_skb_load_bytes(skb, query ? 16 : 12, record->server, 4);
  } else {
    bpf_skb_load_bytes(skb, query ? 8 : 24, record->client, 16);
    bpf_skb_load_bytes(skb, query ? 24 : 8, record->server, 16);
  }
}

// `size` is a constant, as the verifier wants for a reservation.
static __always_inline struct dns_record *begin(struct __sk_buff *skb, const struct packet *packet,
                                                bool query, const __u32 size) {
  struct dns_record *record = bpf_ringbuf_reserve(&dns_ring, sizeof *record + size, 0);
  if (!record) {
    __sync_fetch_and_add(&dns_dropped, 1);
    return 0;
  }
  __u8 first = 0;
  bpf_skb_load_bytes(skb, 0, &first, 1);
  record->time_ns = bpf_ktime_get_ns();
  record->cgroup = 0;
  record->socket = bpf_get_socket_cookie(skb);
  record->pid = record->netns = 0;
  record->kind = query ? DNS_KIND_QUERY : DNS_KIND_ANSWER;
  record->family = first >> 4 == 4 ? AF_INET : AF_INET6;
  record->message_length = packet->message_length;
  record->client_port = query ? packet->source_port : packet->destination_port;
  record->server_port = query ? packet->destination_port : packet->source_port;
  __builtin_memset(record->unused, 0, sizeof record->unused);
  __builtin_memset(record->comm, 0, sizeof record->comm);
  fill_addresses(record, skb, query);
  __u64 last = (packet->message_length < size ? packet->message_length : size) - 1ULL;
  barrier_var(last);  // the verifier of 5.10 learns from < but not from !=
  record->captured =
      last < size && bpf_skb_load_bytes(skb, packet->message_at, record + 1, last + 1) == 0
          ? last + 1
          : 0;
  return record;
}

static __always_inline void query(struct __sk_buff *skb, const struct packet *packet,
                                  struct bpf_sock *sk, const __u32 size) {
  struct dns_record *record = begin(skb, packet, true, size);
  if (!record) return;
  record->cgroup = bpf_sk_cgroup_id(sk);
  // A connected socket knows whom it asked, whatever NAT has made of the packet. A field at a time:
  // of a socket's fields the verifier takes no computed address.
  const volatile struct bpf_sock *fields = sk;
  if (fields->dst_port == bpf_htons(DNS_PORT)) {
    __u32 *server = (__u32 *)record->server;
    record->server_port = DNS_PORT;
    if (record->family == AF_INET) {
      server[0] = fields->dst_ip4;
    } else {
      server[0] = fields->dst_ip6[0];
      server[1] = fields->dst_ip6[1];
      server[2] = fields->dst_ip6[2];
      server[3] = fields->dst_ip6[3];
    }
  }
  bpf_ringbuf_submit(record, 0);
}

SEC("cgroup_skb/egress")
int dns_query_cgroup(struct __sk_buff *skb) {
  struct packet packet;
  if (!parse(&packet, skb)) return 1;
  struct bpf_sock *sk = skb->sk ? bpf_sk_fullsock(skb->sk) : 0;
  if (!sk || sk->protocol != IPPROTO_UDP) return 1;
  if (packet.destination_port != DNS_PORT && sk->dst_port != bpf_htons(DNS_PORT)) return 1;
  if (is_answer(skb, &packet)) return 1;
  if (packet.message_length <= DNS_PAYLOAD_SHORT)
    query(skb, &packet, sk, DNS_PAYLOAD_SHORT);
  else
    query(skb, &packet, sk, DNS_PAYLOAD_MAX);
  return 1;
}

SEC("cgroup_skb/ingress")
int dns_answer_cgroup(struct __sk_buff *skb) {
  struct packet packet;
  if (!parse(&packet, skb)) return 1;
  if (packet.source_port != DNS_PORT || !is_answer(skb, &packet)) return 1;
  struct dns_record *record = begin(skb, &packet, false, DNS_HEADER_SIZE + 4);
  if (record) bpf_ringbuf_submit(record, 0);
  return 1;
}
