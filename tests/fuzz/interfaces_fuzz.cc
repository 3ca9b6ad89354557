// libFuzzer: any bytes as /proc/PID/net/dev and as cgroup.procs.
#include <cstdlib>
#include <set>
#include <string>

#include "collect/cgroup_processes.h"
#include "collect/interfaces.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  Interfaces found = parse_interfaces(text, 3);
  require(found.interfaces.size() <= 3);
  require(found.left_out == 0 || found.interfaces.size() == 3);
  std::set<std::string> names;
  for (const Interface& interface : found.interfaces) {
    std::string name(interface.name.view());
    require(!name.empty() && name != "lo" && text.find(name) != text.npos);
    require(names.insert(name).second);
  }
  std::vector<uint32_t> pids = parse_cgroup_processes(text);
  require(pids.size() <= kCgroupProcessesMax);
  for (uint32_t pid : pids)
    require(pid != 0 && text.find(std::to_string(pid)) != text.npos);
  return 0;
}
