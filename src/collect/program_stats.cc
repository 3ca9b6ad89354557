#include "collect/program_stats.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>

#include "base/file.h"

namespace kubepulse {

std::vector<ProgramStats> read_program_stats(const std::vector<const bpf_program*>& programs,
                                             const std::string& proc_root) {
  std::vector<ProgramStats> all;
  for (const bpf_program* program : programs) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    const char* name = bpf_program__name(program);
    auto same = std::find_if(all.begin(), all.end(),
                             [name](const ProgramStats& one) { return one.name == name; });
    if (same == all.end()) same = all.insert(same, {name, 0, 0});
    same->runs += info.run_cnt;
    same->run_time_ns += info.run_time_ns;
  }
  Result<std::string> enabled = read_file(proc_root + "/sys/kernel/bpf_stats_enabled", 16);
  bool counts = enabled.ok() && enabled.value().substr(0, 1) == "1";
  bool has_counted =
      std::any_of(all.begin(), all.end(), [](const ProgramStats& one) { return one.runs != 0; });
  if (!counts && !has_counted) all.clear();
  return all;
}

}  // namespace kubepulse
