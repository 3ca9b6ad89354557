#include "collect/cgroup_processes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"

namespace kubepulse {

namespace {

Result<std::vector<uint32_t>> read_first(const std::string& path) {
  char text[96];  // kCgroupProcessesMax times a number and a line end
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ssize_t size = file ? read(file.get(), text, sizeof text) : -1;
  if (size < 0) return Status::from_errno(path, errno);
  return parse_cgroup_processes({text, static_cast<size_t>(size)});
}

}  // namespace

std::vector<uint32_t> parse_cgroup_processes(std::string_view text) {
  std::vector<uint32_t> pids;
  while (pids.size() < kCgroupProcessesMax && text.find('\n') != text.npos) {
    auto pid = parse_number(next_piece(text, '\n'), INT32_MAX);
    if (pid && *pid != 0) pids.push_back(static_cast<uint32_t>(*pid));
  }
  return pids;
}

Result<std::vector<uint32_t>> first_processes(const std::string& cgroup) {
  auto pids = read_first(cgroup + "/cgroup.procs");
  // kernel/cgroup/cgroup.c, __cgroup_procs_start: processes are of the domain, not of a threaded
  // cgroup in it.
  if (!pids.ok() && pids.status().error_number() == EOPNOTSUPP)
    return read_first(cgroup + "/cgroup.threads");
  return pids;
}

}  // namespace kubepulse
