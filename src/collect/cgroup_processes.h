// Somebody who is in a cgroup, for what only /proc/PID tells.
#ifndef KUBEPULSE_COLLECT_CGROUP_PROCESSES_H
#define KUBEPULSE_COLLECT_CGROUP_PROCESSES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse {

// A few: the first may be on its way out.
constexpr size_t kCgroupProcessesMax = 8;

// The first whole lines of cgroup.procs, at most kCgroupProcessesMax. A process that is outside of
// our PID namespace is "0" there, and is left out. Pure.
std::vector<uint32_t> parse_cgroup_processes(std::string_view text);

// Of the folder of a cgroup, v1 or v2; v2 has the oldest first, v1 the lowest number. Empty where
// the processes are all in cgroups below it. In a threaded cgroup they are threads, for which there
// is a /proc/TID as well. Mind that a process may be gone, and its number another's, as soon as
// this returns.
Result<std::vector<uint32_t>> first_processes(const std::string& cgroup);

}  // namespace kubepulse

#endif
