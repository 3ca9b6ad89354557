// Syscalls by cgroup: how many, how many failed, how long they took. Only those of a table; for the
// others each program is a load and a compare.
//
// A call is counted when it returns, as it is then known how it went. So
// - one that runs when we begin is counted, without a latency;
// - one that is refused before it begins (seccomp) is counted, without a latency;
// - exit, exit_group and rt_sigreturn, which do not return, are counted when they begin;
// - fork and its kin, which return in the new task, too, are counted in the old one;
// - one that a signal interrupts and that is begun anew is counted each time that it returns.
// Nothing nests: a signal is delivered once the call that it interrupts has returned.
//
// Calls of 32-bit programs have other numbers and are left out; those of x32 have numbers beyond
// the table. So is an execve that makes a 32-bit program of a task.
#include "bpf/kernel.h"
#include "bpf/owner.h"
#include "bpf/power_bucket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// By number: 0, or the slot plus one and flags (SYSCALL_*).
const volatile __u8 syscall_table[SYSCALL_NUMBERS] = {};

// Set where a task may be preempted within a tracepoint: see is_counted().
const volatile __u8 preemptible = 0;

// Calls that are not in `syscalls`, as it was full.
__u64 syscalls_dropped = 0;
// Calls without a latency: no place to note when they began.
__u64 running_errors = 0;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct syscall_key);
  __type(value, struct syscall_counts);
} syscalls SEC(".maps");

enum state {
  STATE_NONE,
  STATE_RUNNING,
  STATE_COUNTED,  // by the first program; not used where one is enough
};

// The tracked call that a task is in, or was in last.
struct running {
  __u64 start_ns;
  __u32 number;
  __u32 state;
};

// Since 5.11, for tracing programs since 5.13.
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct running);
} running_by_task SEC(".maps");

// Before. Who is pushed out of it has no latency.
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);
  __type(value, struct running);
} running_by_thread SEC(".maps");

enum flavour { BY_TASK, BY_THREAD };

static const struct syscall_counts no_counts = {};

static __always_inline struct task_struct *current_task(const enum flavour flavour) {
  return flavour == BY_TASK ? bpf_get_current_task_btf() : (void *)bpf_get_current_task();
}

static __always_inline struct running *running_of(struct task_struct *task,
                                                  const enum flavour flavour, const bool make) {
  if (flavour == BY_TASK)
    return bpf_task_storage_get(&running_by_task, task, 0,
                                make ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  __u32 thread = (__u32)bpf_get_current_pid_tgid();
  struct running *running = bpf_map_lookup_elem(&running_by_thread, &thread);
  if (running || !make) return running;
  struct running none = {};
  bpf_map_update_elem(&running_by_thread, &thread, &none, BPF_NOEXIST);
  return bpf_map_lookup_elem(&running_by_thread, &thread);
}

// In a call that came the 32-bit way: in_ia32_syscall(), compat_user_mode() of the kernel.
static __always_inline bool is_compat(struct task_struct *task, void *regs,
                                      const enum flavour flavour) {
#if defined(__TARGET_ARCH_x86)
  const __u32 ts_compat = 2;  // arch/x86/include/asm/thread_info.h
  return READ(flavour == BY_TASK, task, thread_info.status) & ts_compat;
#else
  const __u64 psr_mode32_bit = 0x10;  // arch/arm64/include/uapi/asm/ptrace.h
  return READ(flavour == BY_TASK, (struct pt_regs___kernel_arm64 *)regs, pstate) & psr_mode32_bit;
#endif
}

static __always_inline __u8 tracked(unsigned long number) {
  if (number >= SYSCALL_NUMBERS) return 0;
  barrier_var(number);  // or the mask, which tells the verifier, is optimised away
  return syscall_table[number & (SYSCALL_NUMBERS - 1)];
}

static __always_inline struct syscall_counts *counts_of(__u8 entry) {
  struct syscall_key key = {};
  key.cgroup = current_legacy_cgroup();
  if (!key.cgroup) key.cgroup = bpf_get_current_cgroup_id();
  key.slot = (entry & SYSCALL_SLOT) - 1;
  struct syscall_counts *counts = bpf_map_lookup_elem(&syscalls, &key);
  if (counts) return counts;
  bpf_map_update_elem(&syscalls, &key, &no_counts, BPF_NOEXIST);
  counts = bpf_map_lookup_elem(&syscalls, &key);
  if (!counts) __sync_fetch_and_add(&syscalls_dropped, 1);
  return counts;
}

// Since 7.0 a task may be preempted within a tracepoint, and the kernel skips the program for what
// other tasks do meanwhile on that CPU, for as long as a time slice. So there are two of each
// program, of which it skips one: the second one does what the first was kept from. Where another
// task is preempted within the second, too, both are skipped, and only the kernel's count of
// skipped runs tells of it.
//
// Whether the first program has counted this call already; if this is the first, it notes that.
static __always_inline bool is_counted(struct running *running, long number, const bool again) {
  if (!running) return again;
  bool is_counted = again && running->state == STATE_COUNTED && running->number == number;
  running->number = number;
  running->state = again ? STATE_NONE : STATE_COUNTED;
  return is_counted;
}

static __always_inline int entered(void *regs, long number, const enum flavour flavour,
                                   const bool again) {
  __u8 entry = tracked(number);
  if (!entry) return 0;
  struct task_struct *task = current_task(flavour);
  if (is_compat(task, regs, flavour)) return 0;
  if (entry & SYSCALL_AT_ENTRY) {
    if (preemptible && is_counted(running_of(task, flavour, true), number, again)) return 0;
    struct syscall_counts *counts = counts_of(entry);
    if (counts) __sync_fetch_and_add(&counts->untimed, 1);
    return 0;
  }
  struct running *running = running_of(task, flavour, true);
  if (!running) {
    __sync_fetch_and_add(&running_errors, 1);
    return 0;
  }
  if (again && running->state == STATE_RUNNING && running->number == number) return 0;
  running->number = number;
  running->state = STATE_RUNNING;
  running->start_ns = bpf_ktime_get_ns();
  return 0;
}

// Where the kernel means to begin a call anew once the signal is handled, it returns one of
// ERESTARTSYS to ERESTART_RESTARTBLOCK (include/linux/errno.h). Whether the application gets EINTR
// in its place is not known yet: no error.
static __always_inline bool is_error(long value) {
  return value < 0 && value >= -4095 && !(value <= -512 && value >= -516);
}

// The number that the call came with, for as long as no signal is delivered.
static __always_inline unsigned long number_of(void *regs, const bool typed) {
#if defined(__TARGET_ARCH_x86)
  return READ(typed, (struct pt_regs___kernel_x86 *)regs, orig_ax);
#else
  return READ(typed, (struct pt_regs___kernel_arm64 *)regs, syscallno);
#endif
}

static __always_inline int returned(void *regs, long value, const enum flavour flavour,
                                    const bool again, const bool typed) {
  unsigned long number = number_of(regs, typed);
  __u8 entry = tracked(number);
  if (!entry || (entry & SYSCALL_AT_ENTRY)) return 0;
  __u64 now_ns = again ? 0 : bpf_ktime_get_ns();
  if ((entry & SYSCALL_RETURNS_TWICE) && value == 0) return 0;
  struct task_struct *task = current_task(flavour);
  if (is_compat(task, regs, flavour)) return 0;
  __u64 start_ns = 0;
  struct running *running = running_of(task, flavour, preemptible);
  if (running && running->state == STATE_RUNNING && running->number == number)
    start_ns = running->start_ns;
  if (preemptible) {
    if (is_counted(running, number, again)) return 0;
  } else if (running) {
    running->state = STATE_NONE;
  }
  if (again) now_ns = bpf_ktime_get_ns();
  struct syscall_counts *counts = counts_of(entry);
  if (!counts) return 0;
  if (is_error(value)) __sync_fetch_and_add(&counts->errors, 1);
  if (!start_ns) {
    __sync_fetch_and_add(&counts->untimed, 1);
    return 0;
  }
  __u64 ns = now_ns - start_ns;
  __u32 bucket = power_bucket(ns);
  barrier_var(bucket);  // likewise the comparison
  __sync_fetch_and_add(&counts->sum_ns, ns);
  if (bucket < POWER_BUCKETS) __sync_fetch_and_add(&counts->buckets[bucket], 1);
  return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_entered_task, struct pt_regs *regs, long number) {
  return entered(regs, number, BY_TASK, false);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_returned_task, struct pt_regs *regs, long value) {
  return returned(regs, value, BY_TASK, false, true);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_entered_again, struct pt_regs *regs, long number) {
  return entered(regs, number, BY_TASK, true);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_returned_again, struct pt_regs *regs, long value) {
  return returned(regs, value, BY_TASK, true, true);
}

// Without a second one: older kernels, and those whose types are not known, where it is not worth
// it.
SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_entered_thread, struct pt_regs *regs, long number) {
  return entered(regs, number, BY_THREAD, false);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_returned_thread, struct pt_regs *regs, long value) {
  return returned(regs, value, BY_THREAD, false, true);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(syscall_entered_raw, struct pt_regs *regs, long number) {
  return entered(regs, number, BY_THREAD, false);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(syscall_returned_raw, struct pt_regs *regs, long value) {
  return returned(regs, value, BY_THREAD, false, false);
}
