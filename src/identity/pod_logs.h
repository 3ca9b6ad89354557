// The pods of this node by the folders that the kubelet keeps their logs in, for where nobody can
// be asked: <root>/<namespace>_<pod>_<uid>/<container>/. It takes no credential and no network.
//
// They tell a pod's namespace, name and uid (of a static pod its hash: what its cgroups have too).
// They tell the names of its containers but not their ids, so which of them a cgroup is can only
// be told where there is one (Pod::only_container); labels, addresses and all else are unknown. A
// container whose folder is still to be made may make one of two seem the only one, for a moment.
#ifndef KUBEPULSE_IDENTITY_POD_LOGS_H
#define KUBEPULSE_IDENTITY_POD_LOGS_H

#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "identity/pod.h"

namespace kubepulse {

struct PodLogs {
  size_t pods = 0;
  bool cut = false;  // there were more than kPodLogsMax entries
};

constexpr size_t kPodLogsMax = 4096;

// The namespace, name and uid in the name of a folder. False, with `pod` undefined, for any other.
bool read_pod_log_name(std::string_view name, Pod& pod);

// Calls `pod` for each, in any order; what it is given is valid meanwhile. What is not of that
// shape, and symbolic links below `root`, are passed over. Fails where `root` cannot be read.
Result<PodLogs> read_pod_logs(const std::string& root, const std::function<void(const Pod&)>& pod);

}  // namespace kubepulse

#endif
