// DNS over UDP: queries as they leave a socket of this node, answers as they arrive. The kernel
// side copies bytes; what they mean is decided in user space.
//
// Three flavours of each side, the best that the kernel offers is used:
//   fentry, kprobe  ip_send_skb, ip6_send_skb and __udp_enqueue_schedule_skb: the packet is whole
//                   there, before NAT on the way out and after NAT on the way in
//   tracepoint      net_dev_queue and netif_receive_skb, where kprobes are compiled out. They see
//                   every packet, so that what is no UDP must be turned away cheaply, and they see
//                   it once per device: user space takes the repetitions for retransmissions.
#include "bpf/dns_output.h"
#include "bpf/owner.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021Q 0x8100
#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40
#define VLAN_TAG 4

struct packet {
  __u8 ip[IPV6_HEADER + UDP_HEADER];  // the headers as they stand, IPv4 without its options
  const unsigned char *message;
  __u32 message_length;  // by the UDP header
  __u32 readable;        // bytes of it that stand in the linear part
  __u32 netns;
  __u16 source_port;
  __u16 destination_port;
  __u8 family;
};

static __always_inline __u16 be16(const __u8 *at) {
  return (__u16)(at[0] << 8 | at[1]);
}

// `network` is where the IP header stands. False: no DNS, or not its first fragment. Nearly every
// packet is turned away at the first look, which therefore is short.
static __always_inline bool parse(struct packet *packet, struct sk_buff *skb,
                                  const unsigned char *network, const bool typed) {
  __u8 first[12];
  if (bpf_probe_read_kernel(first, sizeof first, network) != 0) return false;
  __u8 version = first[0] >> 4;
  if (!(version == 4 && first[9] == IPPROTO_UDP) && !(version == 6 && first[6] == IPPROTO_UDP))
    return false;
  if (bpf_probe_read_kernel(packet->ip, sizeof packet->ip, network) != 0) return false;
  __u32 header;
  const __u8 *udp;
  __u8 udp_copy[UDP_HEADER];
  if (version == 4) {
    if ((be16(packet->ip + 6) & 0x1FFF) != 0) return false;
    header = (packet->ip[0] & 15) * 4;
    packet->family = AF_INET;
  } else {
    header = IPV6_HEADER;
    packet->family = AF_INET6;
  }
  if (version == 6) {
    udp = packet->ip + IPV6_HEADER;
  } else if (header == IPV4_HEADER_MIN) {
    udp = packet->ip + IPV4_HEADER_MIN;
  } else {
    if (bpf_probe_read_kernel(udp_copy, sizeof udp_copy, network + header) != 0) return false;
    udp = udp_copy;
  }
  packet->source_port = be16(udp);
  packet->destination_port = be16(udp + 2);
  if (packet->source_port != DNS_PORT && packet->destination_port != DNS_PORT) return false;
  __u32 udp_length = be16(udp + 4);
  packet->message_length = udp_length > UDP_HEADER ? udp_length - UDP_HEADER : 0;
  packet->message = network + header + UDP_HEADER;
  __u32 linear = READ(typed, skb, len) - READ(typed, skb, data_len);
  const unsigned char *end = READ(typed, skb, data) + linear;
  __s64 readable = end - packet->message;
  if (readable < 0) readable = 0;
  packet->readable = readable > packet->message_length ? packet->message_length : readable;
  return true;
}

static __always_inline void copy_address(__u8 *out, const struct packet *packet, int at_v4,
                                         int at_v6) {
  __builtin_memset(out, 0, 16);
  if (packet->family == AF_INET)
    __builtin_memcpy(out, packet->ip + at_v4, 4);
  else
    __builtin_memcpy(out, packet->ip + at_v6, 16);
}

// The third byte of a message begins its flags; the top bit tells an answer (RFC 1035 4.1.1). Too
// short to tell: what goes to port 53 counts as a query.
static __always_inline bool is_answer(const struct packet *packet) {
  __u8 flags = 0;
  if (packet->readable < 3) return false;
  bpf_probe_read_kernel(&flags, 1, packet->message + 2);
  return flags & 0x80;
}

// Whoever runs now is the sender, but for a packet that has waited in the kernel, for ARP say: then
// the cgroup of the running task hardly is the socket's.
static __always_inline void fill_task(struct dns_record *record, __u64 socket_id) {
  record->pid = 0;
  __builtin_memset(record->comm, 0, sizeof record->comm);
  if (bpf_get_current_cgroup_id() != socket_id) return;
  record->pid = bpf_get_current_pid_tgid() >> 32;
  bpf_get_current_comm(record->comm, sizeof record->comm);
  __u64 legacy = current_legacy_cgroup();
  if (legacy) record->cgroup = legacy;
}

// `size` is a constant, as the verifier wants for a reservation.
static __always_inline void emit_sized(const struct packet *packet, int kind, __u64 cgroup,
                                       const __u32 size) {
  struct dns_record *record = bpf_ringbuf_reserve(&dns_ring, sizeof *record + size, 0);
  if (!record) {
    __sync_fetch_and_add(&dns_dropped, 1);
    return;
  }
  record->time_ns = bpf_ktime_get_ns();
  record->cgroup = cgroup;
  record->socket = 0;
  record->netns = packet->netns;
  record->kind = kind;
  record->family = packet->family;
  record->message_length = packet->message_length;
  __builtin_memset(record->unused, 0, sizeof record->unused);
  if (kind == DNS_KIND_QUERY) {
    copy_address(record->client, packet, 12, 8);
    copy_address(record->server, packet, 16, 24);
    record->client_port = packet->source_port;
    record->server_port = packet->destination_port;
    fill_task(record, cgroup);
  } else {
    copy_address(record->server, packet, 12, 8);
    copy_address(record->client, packet, 16, 24);
    record->server_port = packet->source_port;
    record->client_port = packet->destination_port;
    record->pid = 0;
    __builtin_memset(record->comm, 0, sizeof record->comm);
  }
  __u32 length = packet->readable;
  if (length > size) length = size;
  record->captured = length;
  bpf_probe_read_kernel(record + 1, length, packet->message);
  bpf_ringbuf_submit(record, 0);
}

// Not inlined: eight programs share them.
static __noinline int emit_query(const struct packet *packet, __u64 cgroup) {
  if (packet->readable <= DNS_PAYLOAD_SHORT)
    emit_sized(packet, DNS_KIND_QUERY, cgroup, DNS_PAYLOAD_SHORT);
  else
    emit_sized(packet, DNS_KIND_QUERY, cgroup, DNS_PAYLOAD_MAX);
  return 0;
}

static __noinline int emit_answer(const struct packet *packet) {
  emit_sized(packet, DNS_KIND_ANSWER, 0, DNS_HEADER_SIZE + 4);
  return 0;
}

static __always_inline void query(struct sk_buff *skb, const bool typed) {
  struct sock *sk = READ(typed, skb, sk);
  if (!sk) return;
  // Only a full socket has a protocol (sk_fullsock, include/net/sock.h): of the others this reads
  // something else, which the second look finds out.
  if (READ(typed, sk, sk_protocol) != IPPROTO_UDP) return;
  int state = READ(typed, sk, __sk_common.skc_state);
  if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV) return;
  struct packet packet;
  const unsigned char *network = READ(typed, skb, head) + READ(typed, skb, network_header);
  if (!parse(&packet, skb, network, typed)) return;
  if (packet.destination_port != DNS_PORT || is_answer(&packet)) return;
  packet.netns = socket_netns(sk, typed);
  emit_query(&packet, socket_cgroup(sk, typed));
}

static __always_inline bool is_dns_answer(struct packet *packet, struct sk_buff *skb,
                                          const unsigned char *network, const bool typed) {
  if (!parse(packet, skb, network, typed) || packet->source_port != DNS_PORT) return false;
  // A header outside the linear part cannot be read here; user space counts it as unread.
  return packet->readable < 3 ? packet->message_length >= DNS_HEADER_SIZE : is_answer(packet);
}

static __always_inline void received(struct sk_buff *skb, const bool typed) {
  __u16 protocol = bpf_ntohs(READ(typed, skb, protocol));
  // At this point data is the network header, or a VLAN tag that the device has left in place.
  const unsigned char *network = READ(typed, skb, data);
  if (protocol == ETH_P_8021Q)
    network += VLAN_TAG;
  else if (protocol != ETH_P_IP && protocol != ETH_P_IPV6)
    return;
  struct packet packet;
  if (!is_dns_answer(&packet, skb, network, typed)) return;
  packet.netns =
      typed ? skb->dev->nd_net.net->ns.inum : BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
  emit_answer(&packet);
}

static __always_inline void enqueued(struct sock *sk, struct sk_buff *skb, const bool typed) {
  struct packet packet;
  const unsigned char *network = READ(typed, skb, head) + READ(typed, skb, network_header);
  if (!is_dns_answer(&packet, skb, network, typed)) return;
  packet.netns = socket_netns(sk, typed);
  emit_answer(&packet);
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(dns_query_tracepoint, struct sk_buff *skb) {
  query(skb, true);
  return 0;
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(dns_answer_tracepoint, struct sk_buff *skb) {
  received(skb, true);
  return 0;
}

SEC("fentry/ip_send_skb")
int BPF_PROG(dns_query4_fentry, struct net *net, struct sk_buff *skb) {
  query(skb, true);
  return 0;
}

SEC("fentry/ip6_send_skb")
int BPF_PROG(dns_query6_fentry, struct sk_buff *skb) {
  query(skb, true);
  return 0;
}

SEC("fentry/__udp_enqueue_schedule_skb")
int BPF_PROG(dns_answer_fentry, struct sock *sk, struct sk_buff *skb) {
  enqueued(sk, skb, true);
  return 0;
}

SEC("kprobe/ip_send_skb")
int BPF_KPROBE(dns_query4_kprobe, struct net *net, struct sk_buff *skb) {
  query(skb, false);
  return 0;
}

SEC("kprobe/ip6_send_skb")
int BPF_KPROBE(dns_query6_kprobe, struct sk_buff *skb) {
  query(skb, false);
  return 0;
}

SEC("kprobe/__udp_enqueue_schedule_skb")
int BPF_KPROBE(dns_answer_kprobe, struct sock *sk, struct sk_buff *skb) {
  enqueued(sk, skb, false);
  return 0;
}
