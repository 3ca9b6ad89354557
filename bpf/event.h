// The records that the kernel programs and the daemon share. Fixed widths, no padding; the size of
// each is asserted on both sides. Times are CLOCK_MONOTONIC in ns, addresses are in network byte
// order, ports in host byte order, an IPv4 address stands in the first four bytes of its field.
#ifndef KUBEPULSE_BPF_EVENT_H
#define KUBEPULSE_BPF_EVENT_H

#include <linux/types.h>

#ifdef __cplusplus
#define RECORD_ASSERT static_assert
#else
#define RECORD_ASSERT _Static_assert
#endif

// Set in a cgroup id of the cgroup v1 hierarchy that the daemon chose; the others are of v2.
// Ids count up from 1 (kernel fs/kernfs/dir.c), so that the bit is free.
#define CGROUP_LEGACY_BIT (1ULL << 63)

enum tcp_kind {
  TCP_KIND_OPENED = 1,  // established; start_ns to time_ns is the handshake of a connect
  TCP_KIND_FAILED = 2,  // a connect that ended before it was established; `error` says why
  TCP_KIND_CLOSED = 3,  // an established connection has ended
  TCP_KIND_OPEN = 4,    // seen open by a walk, not an event
  TCP_KIND_LISTEN = 5,  // seen listening by a walk, not an event; or listens again, with `drops`
  TCP_KIND_CONNECTING = 6,  // seen connecting by a walk, not an event
  TCP_KIND_UNLISTENED = 7,  // a listener that has dropped anything listens no more
};

enum tcp_direction {
  TCP_DIRECTION_OUT = 0,
  TCP_DIRECTION_IN = 1,
  TCP_DIRECTION_UNKNOWN = 2,  // established before the daemon looked, or beyond the table's bound
};

// What is counted comes first, so that without the event log a reader touches two cache lines.
struct tcp_record {
  __u64 time_ns;
  __u64 cgroup;      // of the socket; 0: not known
  __u64 socket;      // its address or its cookie; with start_ns the identity of a connection
  __u64 start_ns;    // connect: SYN sent; accept: established; 0: not known
  __u64 close_ns;    // when the application closed it; 0: it was ended by the peer or the network
  __u64 sent_bytes;  // payload acknowledged by the peer so far
  __u64 received_bytes;  // payload received so far
  __u32 retransmits;     // segments sent again so far
  __u32 rtt_us;          // smoothed; 0: never measured
  __u32 pid;             // 0: not known
  __u32 netns;           // inode number of the network namespace; 0: not known
  __u16 local_port;
  __u16 remote_port;
  __u16 error;  // errno of a failed connect; ECANCELED: closed by the application
  __u8 family;  // AF_INET or AF_INET6 (IPv4-mapped: AF_INET); 0: addresses and ports are not known
  __u8 kind;
  __u8 direction;
  __u8 state;   // as a walk has met it, of include/net/tcp_states.h
  __u8 untold;  // CLOSED: that it was established was not told; it is with this
  __u8 unused;
  __u32 drops;  // of a listener: segments of handshakes that it has dropped so far
  __u8 local[16];
  __u8 remote[16];
  char comm[16];  // only with the event log
};
RECORD_ASSERT(sizeof(struct tcp_record) == 136, "tcp_record has padding");

// What the flavour `cgroup` keeps of an open connection, under its socket's cookie. The tracing
// flavours keep it in a shape of their own.
struct tcp_connection {
  __u64 start_ns;
  __u64 cgroup;
  __u32 pid;
  __u16 direction;
  __u16 established;
};
RECORD_ASSERT(sizeof(struct tcp_connection) == 24, "tcp_connection has padding");

// The last totals of a connection that began before that flavour was attached: such a one has no
// hook that tells its end.
struct tcp_ending {
  __u64 sent_bytes;
  __u64 received_bytes;
  __u32 retransmits;
  __u32 rtt_us;
};
RECORD_ASSERT(sizeof(struct tcp_ending) == 24, "tcp_ending has padding");

enum dns_kind {
  DNS_KIND_QUERY = 1,   // left a socket of this node
  DNS_KIND_ANSWER = 2,  // arrived at this node
};

// The longest query that matters: header, a name of 255 bytes, type and class (RFC 1035 4.1).
#define DNS_PAYLOAD_MAX 272
#define DNS_PAYLOAD_SHORT 72  // enough for nearly every query; keeps the record small
#define DNS_HEADER_SIZE 12

struct dns_record {
  __u64 time_ns;
  __u64 cgroup;  // of the asking socket; 0 in an answer
  __u64 socket;  // its cookie, where an answer is known by it; 0: by namespace and addresses
  __u32 pid;     // 0: not known
  __u32 netns;   // 0: not known
  __u8 client[16];
  __u8 server[16];
  __u16 client_port;
  __u16 server_port;
  __u16 captured;        // bytes of the message that follow
  __u16 message_length;  // bytes of the message in the packet
  __u8 family;
  __u8 kind;
  __u8 unused[6];
  char comm[16];
  // then the first `captured` bytes of the DNS message
};
RECORD_ASSERT(sizeof(struct dns_record) == 96, "dns_record has padding");

// A cgroup was made: its name must be learnt now, it may be gone before its first event is read.
#define CGROUP_PATH_MAX 384  // a pod of a kind node has about 300 bytes
struct cgroup_record {
  __u64 cgroup;
  char path[CGROUP_PATH_MAX];  // terminated; a longer path is cut
};
RECORD_ASSERT(sizeof(struct cgroup_record) == 392, "cgroup_record has padding");

struct reset_counts {
  __u64 sent;
  __u64 received;
};

// Upper bounds of the waits on run queues and of system calls: powers of two from 1 us, the last
// but one 16.8 s, inclusive; beyond is the last bucket. Not cumulative: each wait is in one.
#define POWER_BUCKETS 26
#define POWER_BUCKET_FIRST_NS 1000

// The kernel's sums of a task when it left a CPU last.
struct sched_base {
  __u64 run_delay;
  __u64 pcount;
  __u64 nvcsw;
};
RECORD_ASSERT(sizeof(struct sched_base) == 24, "sched_base has padding");

// Of a cgroup's tasks: how often one left a CPU, and how long it had waited for the run before.
struct sched_counts {
  __u64 voluntary;  // it slept, or ended
  __u64 preempted;  // it could have gone on
  __u64 waited_ns;
  __u64 waits[POWER_BUCKETS];
};
RECORD_ASSERT(sizeof(struct sched_counts) == 232, "sched_counts has padding");

// Beyond every number that Linux has given out (471 as of 7.2).
#define SYSCALL_NUMBERS 512
#define SYSCALLS_TRACKED_MAX 32
// What the table of numbers holds for a tracked call: its slot plus one, and how it is counted.
#define SYSCALL_SLOT 0x3F
#define SYSCALL_AT_ENTRY 0x40       // it does not return
#define SYSCALL_RETURNS_TWICE 0x80  // in the new task as well, with 0

struct syscall_key {
  __u64 cgroup;
  __u32 slot;
  __u32 unused;
};
RECORD_ASSERT(sizeof(struct syscall_key) == 16, "syscall_key has padding");

struct syscall_counts {
  __u64 untimed;  // calls in none of the buckets
  __u64 errors;
  __u64 sum_ns;
  __u64 buckets[POWER_BUCKETS];
};
RECORD_ASSERT(sizeof(struct syscall_counts) == 232, "syscall_counts has padding");

struct drop_key {
  __u64 cgroup;  // 0: no socket is known
  __u32 reason;  // of the kernel's enum skb_drop_reason, or of a subsystem's; 0 before Linux 5.17
  __u32 unused;
};
RECORD_ASSERT(sizeof(struct drop_key) == 16, "drop_key has padding");
// Upper bounds of the sizes of packets: powers of two from 64 bytes, the last but one 32768,
// inclusive; beyond is the last bucket. Not cumulative: each packet is in one.
#define PACKET_BUCKETS 11
#define PACKET_BUCKET_FIRST 64

enum packet_kind {
  PACKET_TCP = 0,
  PACKET_UDP = 1,
  PACKET_ICMP = 2,  // of IPv4 and IPv6
  PACKET_SCTP = 3,
  PACKET_OTHER = 4,
};
#define PACKET_PROTOCOLS 5

// Of one protocol in one direction; how many there are is the sum of the sizes. So a packet is two
// adds, which stand beside each other.
struct packet_counts {
  __u64 bytes;
  __u64 sizes[PACKET_BUCKETS];
};

#define TRAFFIC_OUT 0
#define TRAFFIC_IN 1

// Of a cgroup's sockets: by direction, by protocol.
struct traffic_counts {
  struct packet_counts packets[2][PACKET_PROTOCOLS];
};
RECORD_ASSERT(sizeof(struct traffic_counts) == 960, "traffic_counts has padding");

// Packets between a cgroup's sockets and one address. `owner` is the cgroup, whose upper bits no
// id of a cgroup reaches, and above them:
#define FLOW_CGROUP ((1ULL << 56) - 1)
#define FLOW_DIRECTION_SHIFT 56  // TRAFFIC_OUT or TRAFFIC_IN
#define FLOW_PROTOCOL_SHIFT 57   // of enum packet_kind, 3 bits
#define FLOW_SHARD_SHIFT 60      // by the CPU, so that not all of them fight for one line
#define FLOW_SHARDS 4

struct flow_key {
  __u64 owner;
  __u32 remote[4];  // in network order; of IPv4 the mapped address (::ffff:10.0.0.1)
};
RECORD_ASSERT(sizeof(struct flow_key) == 24, "flow_key has padding");

struct flow_counts {
  __u64 packets;
  __u64 bytes;
};

struct frame_counts {
  __u64 packets;
  __u64 bytes;
};

// What came in by an interface, by protocol.
struct interface_counts {
  struct frame_counts frames[PACKET_PROTOCOLS];
};
RECORD_ASSERT(sizeof(struct interface_counts) == 80, "interface_counts has padding");

#endif
