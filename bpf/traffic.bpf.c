// Packets of each cgroup's sockets, counted where they are: no event leaves the kernel. By stable
// interfaces alone (see stable.h), on the root of cgroup v2: each packet when it leaves a socket,
// and when it is delivered to one, in all network namespaces, whichever way it took.
//
// A packet is what the stack hands over as one sk_buff, with the IP header and without that of the
// link. So what a network card cuts up (GSO), or has put together (GRO), is one, and a datagram
// that is sent in fragments is one whole at either end: fragments are made behind us, and put
// together before us. That is also what the counters of a veth tell (`ip -s link`), but for
// fragments and 14 bytes of Ethernet header for each packet. What has no socket is not seen here:
// forwarded packets, echo requests that the kernel answers, segments to a socket in TIME_WAIT.
//
// Per CPU, so that CPUs do not fight for the lines of a busy pod; and yet added atomically: the
// program of a task may be interrupted by a softirq that runs it, too.
//
// Where flows are asked for, each packet is counted under its remote address as well, before it is
// counted as a packet. The daemon reads the packets first and then takes the flows away, so that
// what it has of flows is never less than what it has of packets, but for what was lost: entries
// that the LRU has thrown away, and the odd packet that another CPU added to an entry just then.
#include "bpf/packet_kind.h"
#include "bpf/peer_sketch.h"
#include "bpf/stable.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// The daemon sets its size and flags by how many CPUs there are.
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);  // cgroup id
  __type(value, struct traffic_counts);
} packets SEC(".maps");

// Read by the daemon through the mapped .bss: packets that the table had no room for.
__u64 packets_dropped = 0;

static const struct traffic_counts no_traffic;

// Set before load: what flows need costs nothing where nobody wants them.
const volatile __u8 with_flows = 0;
const volatile __u64 peer_seed = 0;

// One for all CPUs: with counts for each it would be as many times as large. The daemon sets sizes.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct flow_key);
  __type(value, struct flow_counts);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 2048);
  __type(key, __u64);  // cgroup and direction, as in flow_key
  __type(value, struct peer_sketch);
} peers SEC(".maps");

// Likewise in .bss: flows that found no room, and peers whose cgroup found none for its sketch.
__u64 flows_dropped = 0;
__u64 peers_dropped = 0;

// Set there by the daemon while there is too much to do: packets then have no peer. A load for each
// packet, and no call to the kernel to switch it.
volatile __u32 flows_shed = 0;

// No sketch: what has a lock may not stand in .rodata.
static const __u64 no_peers[sizeof(struct peer_sketch) / 8];

// They may stand outside of the linear part. Seldom, so that a call for each does not matter.
static __noinline __u32 behind_extensions(struct __sk_buff *skb, __u32 next) {
  __u32 at = IPV6_HEADER;
  for (int i = 0; i < IPV6_EXTENSIONS_MAX && is_ipv6_extension(next); i++) {
    __u8 header[4];
    if (bpf_skb_load_bytes(skb, at, header, sizeof header) != 0) return PACKET_OTHER;
    // What follows the first fragment's headers is in no other.
    bool ends = next == IPV6_FRAGMENT && (header[2] | (header[3] & 0xF8)) != 0;
    at += next == IPV6_FRAGMENT ? 8 : (header[1] + 1) * 8;
    next = header[0];
    if (ends) break;
  }
  return packet_protocol(next);
}

static __always_inline __u32 protocol_of(struct __sk_buff *skb) {
  const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  if (data + IPV4_HEADER_MIN > end) return PACKET_OTHER;
  if (data[0] >> 4 == 4) return packet_protocol(data[9]);
  __u8 next = data[6];
  return is_ipv6_extension(next) ? behind_extensions(skb, next) : packet_protocol(next);
}

static __always_inline void meet_peer(const struct flow_key *key) {
  __u64 of = key->owner & (FLOW_CGROUP | 1ULL << FLOW_DIRECTION_SHIFT);
  struct peer_sketch *sketch = bpf_map_lookup_elem(&peers, &of);
  if (!sketch) {
    bpf_map_update_elem(&peers, &of, no_peers, BPF_NOEXIST);
    sketch = bpf_map_lookup_elem(&peers, &of);
    if (!sketch) {
      __sync_fetch_and_add(&peers_dropped, 1);
      return;
    }
  }
  __u32 epoch = bpf_ktime_get_ns() / PEER_EPOCH_NS, cell = peer_cell(key->remote, peer_seed);
  bpf_spin_lock(&sketch->lock);
  age_peers(sketch, epoch);
  mark_peer_cell(sketch, cell);
  bpf_spin_unlock(&sketch->lock);
}

// The first packet since the daemon took the entry away, which it does every minute at the least:
// so a peer that is still there marks its cell in each epoch.
static __noinline int begin_flow(const struct flow_key *key, __u32 bytes) {
  struct flow_counts first = {1, bytes};
  meet_peer(key);
  if (bpf_map_update_elem(&flows, key, &first, BPF_NOEXIST) == 0) return 0;
  struct flow_counts *counts = bpf_map_lookup_elem(&flows, key);  // another CPU was faster
  if (!counts) {
    __sync_fetch_and_add(&flows_dropped, 1);
    return 0;
  }
  __sync_fetch_and_add(&counts->packets, 1);
  __sync_fetch_and_add(&counts->bytes, bytes);
  return 0;
}

static __always_inline void count_flow(struct __sk_buff *skb, __u64 cgroup, __u32 protocol,
                                       const int direction) {
  const __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  if (data + IPV4_HEADER_MIN > end) return;
  __u64 shard = bpf_get_smp_processor_id() % FLOW_SHARDS;
  struct flow_key key = {.owner = cgroup | (__u64)direction << FLOW_DIRECTION_SHIFT |
                                  (__u64)protocol << FLOW_PROTOCOL_SHIFT |
                                  shard << FLOW_SHARD_SHIFT};
  const bool is_out = direction == TRAFFIC_OUT;
  if (data[0] >> 4 == 4) {
    key.remote[2] = bpf_htonl(0xFFFF);
    key.remote[3] = *(const __u32 *)(data + (is_out ? 16 : 12));
  } else {
    if (data + IPV6_HEADER > end) return;
    const __u32 *remote = (const void *)(data + (is_out ? 24 : 8));
    for (int i = 0; i < 4; i++)
      key.remote[i] = remote[i];
  }
  struct flow_counts *counts = bpf_map_lookup_elem(&flows, &key);
  if (!counts) {
    begin_flow(&key, skb->len);
    return;
  }
  __sync_fetch_and_add(&counts->packets, 1);
  __sync_fetch_and_add(&counts->bytes, skb->len);
}

static __always_inline int count(struct __sk_buff *skb, const int direction) {
  __u64 cgroup = bpf_skb_cgroup_id(skb);
  struct traffic_counts *all = bpf_map_lookup_elem(&packets, &cgroup);
  if (!all) {
    bpf_map_update_elem(&packets, &cgroup, &no_traffic, BPF_NOEXIST);
    all = bpf_map_lookup_elem(&packets, &cgroup);
    if (!all) {
      __sync_fetch_and_add(&packets_dropped, 1);
      return 1;
    }
  }
  __u32 protocol = protocol_of(skb), bytes = skb->len, bucket = packet_bucket(bytes);
  if (protocol >= PACKET_PROTOCOLS || bucket >= PACKET_BUCKETS) return 1;  // for the verifier
  if (with_flows && !flows_shed) count_flow(skb, cgroup, protocol, direction);
  struct packet_counts *counts = &all->packets[direction][protocol];
  __sync_fetch_and_add(&counts->bytes, bytes);
  __sync_fetch_and_add(&counts->sizes[bucket], 1);
  return 1;
}

SEC("cgroup_skb/egress")
int packet_out(struct __sk_buff *skb) {
  return count(skb, TRAFFIC_OUT);
}

SEC("cgroup_skb/ingress")
int packet_in(struct __sk_buff *skb) {
  return count(skb, TRAFFIC_IN);
}
