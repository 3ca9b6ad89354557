// Waits on run queues and context switches, by cgroup, from one hook: a task leaves its CPU.
//
// The kernel itself measures what a task waits, from when it is woken, made or preempted until it
// runs, whichever CPUs it is moved between: task->sched_info (kernel/sched/stats.h). It adds it up;
// what it has grown by since the task left a CPU last is the wait before the run that ends now. Nor
// is there any guess of what is voluntary: __schedule() has counted it just before it calls us, in
// nvcsw or nivcsw. So no wakeup has to be seen, and our sums are those of /proc/PID/schedstat and
// /proc/PID/status. The price: a wait is told when the run after it ends, not when it begins, and a
// task that never leaves its CPU tells nothing.
//
// There are waits that the kernel does not measure, some 0.02 % of all where it is preemptible: of
// a task that is preempted just when it is about to sleep (sched_info_depart). It does not count
// them in pcount either, and we have none.
//
// A task that has left a CPU before we saw it tells nothing the first time: what of its sums was
// before our start is not known.
#include "bpf/kernel.h"
#include "bpf/owner.h"
#include "bpf/power_bucket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Not per CPU, for the memory's sake. The daemon sets BPF_F_NO_PREALLOC where that is safe.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);  // cgroup id
  __type(value, struct sched_counts);
} sched_counts SEC(".maps");

// Freed by the kernel together with the task.
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct sched_base);
} sched_storage SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __type(key, __u32);  // pid of a task
  __type(value, struct sched_base);
} sched_pids SEC(".maps");

// Read by the daemon through the mapped .bss: switches, each with its wait, that no table had room
// for.
__u64 sched_dropped = 0;
__u64 sched_bases_dropped = 0;

static const struct sched_counts no_counts;

static __always_inline __u64 cgroup_of(struct task_struct *task, const bool typed) {
  if (legacy_subsys >= 0) {
    __u64 legacy = typed ? task_legacy_cgroup_typed(task) : task_legacy_cgroup(task);
    if (legacy) return legacy;
  }
  return typed ? task->cgroups->dfl_cgrp->kn->id : BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline struct sched_counts *counts_of(__u64 cgroup) {
  struct sched_counts *counts = bpf_map_lookup_elem(&sched_counts, &cgroup);
  if (counts) return counts;
  bpf_map_update_elem(&sched_counts, &cgroup, &no_counts, BPF_NOEXIST);
  return bpf_map_lookup_elem(&sched_counts, &cgroup);
}

static __always_inline void take_base(struct sched_base *base, struct task_struct *task,
                                      const bool typed) {
  base->run_delay = READ(typed, task, sched_info.run_delay);
  base->pcount = READ(typed, task, sched_info.pcount);
  base->nvcsw = READ(typed, task, nvcsw);
}

// It has never left a CPU before.
static __always_inline bool is_new(struct task_struct *task, const bool typed) {
  return READ(typed, task, nvcsw) + READ(typed, task, nivcsw) == 1;
}

static __always_inline void leaves(struct task_struct *task, struct sched_base *base,
                                   const bool typed) {
  struct sched_base last = *base;
  take_base(base, task, typed);
  struct sched_counts *counts = counts_of(cgroup_of(task, typed));
  if (!counts) {
    __sync_fetch_and_add(&sched_dropped, 1);
    return;
  }
  bool voluntary = base->nvcsw != last.nvcsw;
  __sync_fetch_and_add(voluntary ? &counts->voluntary : &counts->preempted, 1);
  if (base->pcount == last.pcount) return;
  __u64 waited_ns = base->run_delay - last.run_delay;
  __u32 bucket = power_bucket(waited_ns);
  if (bucket >= POWER_BUCKETS) return;  // for the verifier
  __sync_fetch_and_add(&counts->waited_ns, waited_ns);
  __sync_fetch_and_add(&counts->waits[bucket], 1);
}

static __always_inline bool is_dead(struct task_struct *task) {
  if (bpf_core_field_exists(task->__state)) return BPF_CORE_READ(task, __state) == TASK_DEAD;
  return BPF_CORE_READ((struct task_struct___before_5_14 *)task, state) == TASK_DEAD;
}

// A task without a base: `fresh` becomes it. False where none is needed.
static __always_inline bool begins(struct task_struct *task, struct sched_base *fresh,
                                   const bool typed) {
  if (is_new(task, typed))
    leaves(task, fresh, typed);
  else
    take_base(fresh, task, typed);
  return !is_dead(task);
}

// It is the next leave that is lost with a base that could not be kept.
static __always_inline void no_room(void) {
  __sync_fetch_and_add(&sched_bases_dropped, 1);
}

// See allocates_anywhere() in src/collect/flavours.h for the kernels where this is safe.
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_storage, bool preempt, struct task_struct *prev) {
  if (!prev->pid) return 0;  // idle
  struct sched_base *base = bpf_task_storage_get(&sched_storage, prev, 0, 0);
  if (base) {
    leaves(prev, base, true);
    return 0;
  }
  struct sched_base fresh = {};
  if (!begins(prev, &fresh, true)) return 0;
  if (!bpf_task_storage_get(&sched_storage, prev, &fresh, BPF_LOCAL_STORAGE_GET_F_CREATE))
    no_room();
  return 0;
}

static __always_inline void leaves_by_pid(struct task_struct *task, const bool typed) {
  __u32 pid = READ(typed, task, pid);
  if (!pid) return;  // idle
  struct sched_base *base = bpf_map_lookup_elem(&sched_pids, &pid);
  if (base && !is_new(task, typed)) {  // else it is of an earlier task with this pid
    leaves(task, base, typed);
    if (is_dead(task)) bpf_map_delete_elem(&sched_pids, &pid);
    return;
  }
  struct sched_base fresh = {};
  if (begins(task, &fresh, typed) && bpf_map_update_elem(&sched_pids, &pid, &fresh, BPF_ANY))
    no_room();
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_typed, bool preempt, struct task_struct *prev) {
  leaves_by_pid(prev, true);
  return 0;
}

SEC("raw_tp/sched_switch")
int BPF_PROG(sched_switch_raw, bool preempt, struct task_struct *prev) {
  leaves_by_pid(prev, false);
  return 0;
}
