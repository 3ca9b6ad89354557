// The root of cgroup v2, where programs are hung that are to see the whole node.
#ifndef KUBEPULSE_COLLECT_CGROUP_ROOT_H
#define KUBEPULSE_COLLECT_CGROUP_ROOT_H

#include <string>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse {

// `mount_point` is of cgroup2, "" where it is not mounted. Refuses what is a part of the tree only,
// as a container sees it: the rest of the node would go uncounted.
Result<Fd> open_cgroup_root(const std::string& mount_point);

}  // namespace kubepulse

#endif
