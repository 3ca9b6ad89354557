// Packets that the kernel drops, by the owner of their socket and by the kernel's own reason: the
// tracepoint kfree_skb is called once for each, when the last who has it lets go of it. A packet
// that has served its purpose has another one, consume_skb. No event for each: they come in floods.
//
// No socket is read through a typed pointer. The verifier takes arguments of tracepoints for never
// null, and what skb->sk points to for a socket, and so removes checks, and the guards of loads,
// that say otherwise (6.2 to 6.12, 6.4 to 6.8). But the receiver is often null, and of a fragment
// that waits for the others skb->sk is its offset, which shares the memory (until 6.8).
#include "bpf/kernel.h"
#include "bpf/owner.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Not per CPU, for the memory's sake. The daemon sets BPF_F_NO_PREALLOC where that is safe.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8192);
  __type(key, struct drop_key);
  __type(value, __u64);
} packet_drops SEC(".maps");

// Read by the daemon through the mapped .bss: drops that found no room, and failed updates.
__u64 packet_drops_missed = 0;
__u64 packet_drops_errors = 0;

// Of the tracepoint: skb, location; since 5.17, and where it was brought back, reason; since 6.11
// the socket that the packet was received for. The verifier does not see what is not read, nor does
// the kernel when it compares our arguments with its own.
const volatile __u32 kfree_skb_arguments = 2;
#define ARGUMENTS_WITH_REASON 3
#define ARGUMENTS_WITH_RECEIVER 4

struct socket_of_packet {
  bool is_network;  // else its messages never are packets
  __u64 cgroup;     // 0: not known
};

// False: there is none. Reads of what is not memory give 0, which no socket has.
static __always_inline bool look_at(struct sock *sk, struct socket_of_packet *found) {
  if (!sk) return false;
  int state = BPF_CORE_READ(sk, __sk_common.skc_state);
  if (!state) return false;
  __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  found->is_network = family != AF_UNIX && family != AF_NETLINK;
  // These have no more than the first part of a socket.
  bool is_whole = state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
  found->cgroup = is_whole && found->is_network ? socket_cgroup(sk, false) : 0;
  return true;
}

// Whether this kernel has the reason, and `reason` is it.
#define IS(reason, name)                                     \
  (bpf_core_enum_value_exists(enum skb_drop_reason, name) && \
   (reason) == bpf_core_enum_value(enum skb_drop_reason, name))

// What a socket had not read when it was closed, by the name that this kernel has for that.
static __always_inline bool was_left_unread(__u32 reason) {
  if (kfree_skb_arguments < ARGUMENTS_WITH_REASON) return true;
  if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE))
    return IS(reason, SKB_DROP_REASON_QUEUE_PURGE);
  return IS(reason, SKB_DROP_REASON_NOT_SPECIFIED);
}

// Where our side closes first, the peer's FIN is left in the queue: there is nothing in it to read,
// and it was heeded.
static __always_inline bool is_drop(__u32 reason, struct sk_buff *skb, const bool typed) {
  if (IS(reason, SKB_NOT_DROPPED_YET) || IS(reason, SKB_CONSUMED)) return false;
  return !was_left_unread(reason) || READ(typed, skb, len) != 0;
}

static __always_inline __u64 *drops_of(const struct drop_key *key) {
  __u64 *count = bpf_map_lookup_elem(&packet_drops, key);
  if (count) return count;
  __u64 zero = 0;
  long error = bpf_map_update_elem(&packet_drops, key, &zero, BPF_NOEXIST);
  if (error && error != -EEXIST) __sync_fetch_and_add(&packet_drops_errors, 1);
  return bpf_map_lookup_elem(&packet_drops, key);
}

static __always_inline int dropped(const __u64 *arguments, const bool typed) {
  struct drop_key key = {};
  struct sk_buff *skb = (struct sk_buff *)arguments[0];
  if (kfree_skb_arguments >= ARGUMENTS_WITH_REASON) key.reason = arguments[2];
  if (!is_drop(key.reason, skb, typed)) return 0;
  struct socket_of_packet found = {.is_network = true};
  bool received = kfree_skb_arguments >= ARGUMENTS_WITH_RECEIVER &&
                  look_at((struct sock *)arguments[3], &found);
  if (!received) look_at(READ(typed, skb, sk), &found);
  if (!found.is_network) return 0;
  key.cgroup = found.cgroup;
  __u64 *count = drops_of(&key);
  if (count)
    __sync_fetch_and_add(count, 1);
  else
    __sync_fetch_and_add(&packet_drops_missed, 1);
  return 0;
}

SEC("tp_btf/kfree_skb")
int packet_dropped_typed(const __u64 *arguments) {
  return dropped(arguments, true);
}

SEC("raw_tp/kfree_skb")
int packet_dropped_raw(const __u64 *arguments) {
  return dropped(arguments, false);
}
