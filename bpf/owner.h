// Whose is it: the cgroup of a socket or of the current task, as one id.
#ifndef KUBEPULSE_BPF_OWNER_H
#define KUBEPULSE_BPF_OWNER_H

#include "bpf/event.h"
#include "bpf/kernel.h"

// Index in css_set.subsys of the cgroup v1 controller that tells owners; negative on pure v2.
const volatile int legacy_subsys = -1;

// The socket keeps the cgroup that its maker was in, and an accepted one that of its listener:
// right in softirq and when the process is gone. 0 where the kernel has it not.
static __always_inline __u64 socket_cgroup(struct sock *sk, const bool typed) {
  struct cgroup *cgroup;
  if (bpf_core_field_exists(struct sock_cgroup_data, cgroup)) {
    cgroup = typed ? sk->sk_cgrp_data.cgroup : BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
    if (!cgroup) return 0;
    return typed ? cgroup->kn->id : BPF_CORE_READ(cgroup, kn, id);
  }
  struct sock_cgroup_data___before_5_15 *data = (void *)&sk->sk_cgrp_data;
  __u64 value = BPF_CORE_READ(data, val);
  // Low bits set: net_cls or net_prio of cgroup v1 use the word for themselves.
  if (!value || (value & 3)) return 0;
  cgroup = (struct cgroup *)value;
  return BPF_CORE_READ(cgroup, kn, id);
}

// On v1 and hybrid hosts only: the task's cgroup in the chosen v1 hierarchy; 0 where that is its
// root, which says nothing.
static __always_inline __u64 task_legacy_cgroup(struct task_struct *task) {
  if (legacy_subsys < 0 || legacy_subsys >= 16) return 0;
  struct css_set *set = BPF_CORE_READ(task, cgroups);
  struct cgroup_subsys_state *state = 0;
  bpf_core_read(&state, sizeof state, &set->subsys[legacy_subsys & 15]);
  __u64 id = BPF_CORE_READ(state, cgroup, kn, id);
  return id > 1 ? id | CGROUP_LEGACY_BIT : 0;
}

// The same for programs that are typed by BTF.
static __always_inline __u64 task_legacy_cgroup_typed(struct task_struct *task) {
  if (legacy_subsys < 0 || legacy_subsys >= 16) return 0;
  __u64 id = task->cgroups->subsys[legacy_subsys & 15]->cgroup->kn->id;
  return id > 1 ? id | CGROUP_LEGACY_BIT : 0;
}

static __always_inline __u64 current_legacy_cgroup(void) {
  if (legacy_subsys < 0) return 0;
  return task_legacy_cgroup((struct task_struct *)bpf_get_current_task());
}

static __always_inline __u32 socket_netns(struct sock *sk, const bool typed) {
  return typed ? sk->__sk_common.skc_net.net->ns.inum
               : BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

#endif
