#include "tests/live/kubelet_files.h"

#include "base/text.h"

// clang-format off
#define EMBED(name, path)                                                \
  __asm__(".pushsection .rodata\n"                                       \
          ".globl live_" #name "_begin, live_" #name "_end\n"            \
          "live_" #name "_begin:\n"                                      \
          ".incbin \"tests/data/kubelet/" path "\"\n"                    \
          "live_" #name "_end:\n"                                        \
          ".popsection\n");                                              \
  extern "C" {                                                           \
  __attribute__((visibility("hidden"))) extern const char live_##name##_begin[]; \
  __attribute__((visibility("hidden"))) extern const char live_##name##_end[];   \
  }
// clang-format on

EMBED(systemd_pods, "systemd/pods.json")
EMBED(systemd_procs, "systemd/proc-cgroup.txt")
EMBED(cgroupfs_pods, "cgroupfs/pods.json")
EMBED(cgroupfs_procs, "cgroupfs/proc-cgroup.txt")
EMBED(systemd_api_pods, "systemd-api/pods.json")
EMBED(systemd_api_procs, "systemd-api/proc-cgroup.txt")

#define EMBEDDED(name)                  \
  std::string_view(live_##name##_begin, \
                   static_cast<size_t>(live_##name##_end - live_##name##_begin))

namespace kubepulse::live {

std::vector<std::string> KubeletFiles::pod_cgroups() const {
  std::vector<std::string> paths;
  std::string_view rest = procs;
  while (!rest.empty()) {
    std::string_view line = next_piece(rest, '\n');
    std::string_view path = line.substr(line.rfind(':') + 1);
    path = path.substr(0, path.find(' '));
    if (path.substr(0, 9) == "/kubepods") paths.emplace_back(path);
  }
  return paths;
}

KubeletFiles systemd_files() {
  return {"systemd", EMBEDDED(systemd_pods), EMBEDDED(systemd_procs)};
}
KubeletFiles cgroupfs_files() {
  return {"cgroupfs", EMBEDDED(cgroupfs_pods), EMBEDDED(cgroupfs_procs)};
}
KubeletFiles systemd_api_files() {
  return {"systemd-api", EMBEDDED(systemd_api_pods), EMBEDDED(systemd_api_procs)};
}

}  // namespace kubepulse::live
