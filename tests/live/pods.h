// Pods of the tests' own: their cgroups as kubelets and runtimes name them, and what a kubelet says
// of them.
#ifndef KUBEPULSE_TESTS_LIVE_PODS_H
#define KUBEPULSE_TESTS_LIVE_PODS_H

#include <map>
#include <string>
#include <vector>

#include "tests/live/cgroups.h"

namespace kubepulse::live {

class LivePod {
 public:
  // How a node names cgroups.
  enum Layout {
    kSystemdGuaranteed,   // kubepods.slice/kubepods-podUID.slice/cri-containerd-ID.scope
    kSystemdBurstable,    // with one more slice
    kSystemdStatic,       // the uid is a hash, without any '-'
    kCgroupfsGuaranteed,  // kubepods/podUID/ID
    kCgroupfsBestEffort,  // kubepods/besteffort/podUID/ID
  };
  static constexpr int kLayouts = 5;

  // With a uid that no other has.
  explicit LivePod(const Owner& named, Layout layout = kSystemdBurstable);

  const std::string& uid() const { return uid_; }
  Owner owner() const { return owner_; }
  Owner nameless() const { return {"unknown", uid_}; }

  // The cgroup of a container, made where it was not; the pod is Running with it.
  Cgroup container(const std::string& name = "main");
  // The container has died and a new one runs; the old cgroup is left.
  Cgroup restart(const std::string& name = "main");
  // Of the process that holds the pod's namespaces: its id is in no list.
  Cgroup sandbox();

  LivePod& address(const std::string& text);  // one of its podIPs
  LivePod& label(const std::string& key, const std::string& value);
  // As an element of a kubelet's list.
  std::string json() const;
  // The folders of its logs.
  void write_logs(const std::string& root) const;

 private:
  struct Container {
    std::string id, last_id;
    int restarts = 0;
  };
  Cgroup cgroup_of(const std::string& id) const;

  Owner owner_;
  Layout layout_;
  std::string uid_;
  std::map<std::string, Container> containers_;
  std::map<std::string, std::string> labels_;
  std::vector<std::string> addresses_;
  std::string sandbox_id_;
};

// What a kubelet answers.
std::string pod_list(const std::vector<LivePod>& pods);

}  // namespace kubepulse::live

#endif
