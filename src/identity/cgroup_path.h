// From the path of a cgroup to who lives there. Pure; any bytes are safe.
#ifndef KUBEPULSE_IDENTITY_CGROUP_PATH_H
#define KUBEPULSE_IDENTITY_CGROUP_PATH_H

#include <string>
#include <string_view>

namespace kubepulse {

struct CgroupOwner {
  enum Kind {
    kernel,     // the root cgroup: kernel threads and what no cgroup holds
    pod,        // a pod of Kubernetes, or (container_id not empty) one of its containers
    container,  // a container of docker, podman, containerd, CRI-O or LXC, without a pod
    unit,       // a unit of systemd
    other,      // some other cgroup; its path is all that is known
  };

  Kind kind = kernel;
  // What goes into the labels "namespace" and "pod"; never empty. Those of a pod are "unknown" and
  // its uid: the path does not say more. `name` may be as long as the path.
  std::string ns = "host";
  std::string name = "kernel";
  // As Kubernetes writes it: lower-case with dashes; for a static pod the 32 hex digits of its
  // hash.
  std::string pod_uid;
  // 64 hex digits; a build's or LXC container's name as it is. Empty for a pod's own cgroup and for
  // a monitor beside its containers.
  std::string container_id;
};

// `path` as in /proc/PID/cgroup or below a cgroup mount. The outermost pod owns it, else the
// outermost container (what the node's own `docker ps` shows), else the innermost systemd unit.
// Leading ".." components (a reader in a cgroup namespace of its own sees them) and a trailing
// " (deleted)" say nothing and are dropped; "" and "/" are the kernel's.
CgroupOwner owner_of_path(std::string_view path);

}  // namespace kubepulse

#endif
