// Only the kernel's fields that we read. The layouts are not the kernel's: each access is relocated
// when the program is loaded (CO-RE), by the names of the struct and of the field.
#ifndef KUBEPULSE_BPF_KERNEL_H
#define KUBEPULSE_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
  __u64 id;  // a plain u64 since 5.5
};

struct cgroup_root {
  int hierarchy_id;
};

struct cgroup {
  struct kernfs_node *kn;
  struct cgroup_root *root;
};

struct cgroup_subsys_state {
  struct cgroup *cgroup;
};

struct css_set {
  struct cgroup_subsys_state *subsys[16];
  struct cgroup *dfl_cgrp;
};

struct sched_info {
  unsigned long pcount;          // how often it was given a CPU, and
  unsigned long long run_delay;  // ns that it waited for one; with CONFIG_SCHED_INFO
};

struct thread_info {
  __u32 status;  // x86
};

struct task_struct {
  struct thread_info thread_info;
  int pid;
  int tgid;
  char comm[16];
  struct css_set *cgroups;
  unsigned int __state;  // since 5.14
  unsigned long nvcsw;   // switches away from it: voluntary
  unsigned long nivcsw;  // and involuntary
  struct sched_info sched_info;
};

struct task_struct___before_5_14 {
  volatile long state;
};

struct ns_common {
  unsigned int inum;
};

struct net {
  struct ns_common ns;
};

typedef struct {
  struct net *net;
} possible_net_t;

struct in6_addr {
  union {
    __u32 u6_addr32[4];
  } in6_u;
};

struct sock_common {
  __u32 skc_daddr;
  __u32 skc_rcv_saddr;
  __u16 skc_dport;
  __u16 skc_num;
  unsigned short skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  unsigned long skc_flags;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};

enum sock_flags {
  SOCK_DONE = 1,
};

struct sock_cgroup_data {
  struct cgroup *cgroup;  // since 5.15
};

// Until 5.14 the pointer shares a word with flags in its low bits (include/linux/cgroup-defs.h).
struct sock_cgroup_data___before_5_15 {
  __u64 val;
};

typedef struct {
  int counter;
} atomic_t;

struct sock {
  struct sock_common __sk_common;
  atomic_t sk_drops;
  int sk_err;
  __u16 sk_protocol;
  __u8 sk_shutdown;
  struct socket *sk_socket;
  struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
  __u16 inet_sport;
};

struct inet_connection_sock {
  struct inet_sock icsk_inet;
};

struct tcp_sock {
  struct inet_connection_sock inet_conn;
  __u64 bytes_received;
  __u64 bytes_acked;
  __u32 total_retrans;
  __u32 srtt_us;  // eighths of a microsecond
  __u32 snd_una;
  __u32 write_seq;
  __u32 segs_out;
};

struct socket {
  short type;
  struct sock *sk;
};

struct super_block {
  unsigned long s_magic;
};

struct inode {
  struct super_block *i_sb;
};

struct file {
  struct inode *f_inode;
  void *private_data;
};

struct seq_file;

struct bpf_iter_meta {
  struct seq_file *seq;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
  struct file *file;
};

// Registers at the entry to the kernel; <linux/ptrace.h> has the name for those of user space.
struct pt_regs___kernel_x86 {
  unsigned long orig_ax;
};

struct pt_regs___kernel_arm64 {
  __u64 pstate;
  int syscallno;
};

struct bpf_map;

struct bpf_iter__bpf_map_elem {
  struct bpf_iter_meta *meta;
  struct bpf_map *map;
  void *key;
  void *value;
};

struct net_device {
  possible_net_t nd_net;
};

struct sk_buff {
  struct net_device *dev;
  struct sock *sk;
  unsigned int len;
  unsigned int data_len;
  __u16 protocol;
  __u16 transport_header;
  __u16 network_header;
  unsigned char *head;
  unsigned char *data;
};

#pragma clang attribute pop

// Before 5.17 there is none, and its values are others in each version; see bpf/drops.bpf.c.
enum skb_drop_reason {
  SKB_NOT_DROPPED_YET,  // since 5.18
  SKB_CONSUMED,         // since 6.2
  SKB_DROP_REASON_NOT_SPECIFIED,
  SKB_DROP_REASON_QUEUE_PURGE,  // not in 6.1, in 6.12
};

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define SOCK_STREAM 1
#define SOCKFS_MAGIC 0x534F434B  // include/uapi/linux/magic.h
#define SHUTDOWN_MASK 3          // include/net/sock.h: both directions, what close() sets
#define TASK_DEAD 0x80           // include/linux/sched.h: leaves the CPU for the last time
#define EEXIST 17
#define ETIMEDOUT 110
#define ECANCELED 125
#define EADDRNOTAVAIL 99

// include/net/tcp_states.h
enum {
  TCP_ESTABLISHED = 1,
  TCP_SYN_SENT = 2,
  TCP_SYN_RECV = 3,
  TCP_FIN_WAIT1 = 4,
  TCP_FIN_WAIT2 = 5,
  TCP_TIME_WAIT = 6,
  TCP_CLOSE = 7,
  TCP_CLOSE_WAIT = 8,
  TCP_LAST_ACK = 9,
  TCP_LISTEN = 10,
  TCP_CLOSING = 11,
  TCP_NEW_SYN_RECV = 12,
};

// A program that is typed by BTF (tp_btf, fentry) loads kernel fields directly, at no cost; the
// others copy each with bpf_probe_read_kernel(). `typed` is a constant wherever this is used.
#define READ(typed, pointer, field) ((typed) ? (pointer)->field : BPF_CORE_READ((pointer), field))

#endif
