// What real nodes have said (tests/data/kubelet), inside the binary: a test machine has no other
// file.
#ifndef KUBEPULSE_TESTS_LIVE_KUBELET_FILES_H
#define KUBEPULSE_TESTS_LIVE_KUBELET_FILES_H

#include <string>
#include <string_view>
#include <vector>

namespace kubepulse::live {

struct KubeletFiles {
  std::string_view name;   // of the folder in tests/data/kubelet
  std::string_view pods;   // the answer to GET /pods
  std::string_view procs;  // a line for each process; what is behind its last ':' is its cgroup

  // The cgroups of pods' processes, "/kubepods.slice/...".
  std::vector<std::string> pod_cgroups() const;
};

// Of cgroup v2, by the cgroup driver; `api`: static and other pods, as the API server told them.
KubeletFiles systemd_files();
KubeletFiles cgroupfs_files();
KubeletFiles systemd_api_files();

}  // namespace kubepulse::live

#endif
