// Names at birth: a container that lives for milliseconds takes its cgroup with it, so the path is
// learnt when the cgroup is made rather than when its first event is read.
#include "bpf/event.h"
#include "bpf/kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 256 << 10);
} cgroup_ring SEC(".maps");

__u64 cgroup_dropped = 0;

// The hierarchy that tells owners on cgroup v1 (its number in /proc/cgroups); negative on pure v2.
const volatile int legacy_hierarchy = -1;

// TRACE_CGROUP_PATH (kernel/cgroup/cgroup-internal.h) makes the path only while this is attached.
SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(cgroup_born, struct cgroup *cgroup, const char *path) {
  int hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
  // The default hierarchy, v2, has the number 0 (kernel/cgroup/cgroup.c, cgroup_init).
  __u64 id = BPF_CORE_READ(cgroup, kn, id);
  if (hierarchy == legacy_hierarchy)
    id |= CGROUP_LEGACY_BIT;
  else if (hierarchy != 0)
    return 0;
  struct cgroup_record *record = bpf_ringbuf_reserve(&cgroup_ring, sizeof *record, 0);
  if (!record) {
    __sync_fetch_and_add(&cgroup_dropped, 1);
    return 0;
  }
  record->cgroup = id;
  long length = bpf_probe_read_kernel_str(record->path, sizeof record->path, path);
  if (length < 0) record->path[0] = 0;
  bpf_ringbuf_submit(record, 0);
  return 0;
}
