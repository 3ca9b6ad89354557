// From the text of /proc/PID/cgroup to the one path that says most. Pure; any bytes are safe.
#ifndef KUBEPULSE_IDENTITY_PROC_CGROUP_H
#define KUBEPULSE_IDENTITY_PROC_CGROUP_H

#include <string>
#include <string_view>

namespace kubepulse {

// Lines are "ID:CONTROLLERS:PATH": one ("0::PATH") on a unified host, one a hierarchy on v1 and
// hybrid hosts. These need not agree: a sandbox's `devices:` line may stop at the pod's slice, and
// a controller that systemd does not manage stays at "/". Best is the path of a container of a pod,
// then of a container, a pod, a unit, another cgroup, the root; among equals the unified line, then
// memory, pids, name=systemd, then the first.
// "" where no line holds a path; mind that owner_of_path("") would be the kernel.
std::string best_path(std::string_view text);

}  // namespace kubepulse

#endif
