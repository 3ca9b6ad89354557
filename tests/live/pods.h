// Pods of the tests' own: their cgroups as kubelets and runtimes name them, and what a kubelet says
// of them.
#ifndef KUBEPULSE_TESTS_LIVE_PODS_H
#define KUBEPULSE_TESTS_LIVE_PODS_H

#include <map>
#include <optional>
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

  // How a kubelet says that a container fares, where that is not just Running and ready. Without a
  // cgroup it has never run.
  struct Said {
    std::string state = "running";  // "waiting", "terminated"; "": nothing is told of it yet
    std::string reason, message;    // of the latter two
    int exit_code = 0;              // of the last
    bool ready = false;
    int restarts = 0;
    std::string last_reason;  // of the life before; "": there was none
    int last_exit_code = 0;
  };
  // `kind`: "containers", "initContainers"; "sidecar".
  LivePod& says(const std::string& name, const Said& said, const std::string& kind = "containers");
  LivePod& phase(const std::string& text);
  LivePod& unscheduled(const std::string& reason, const std::string& message);
  LivePod& deleting();
  LivePod& owned_by(const std::string& kind, const std::string& name);

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
    std::string kind = "containers";
    std::optional<Said> said;
  };
  static std::string spec_json(const std::string& name, const Container& container);
  static std::string status_json(const std::string& name, const Container& container);
  std::string metadata_json() const;
  Cgroup cgroup_of(const std::string& id) const;

  Owner owner_;
  Layout layout_;
  std::string uid_;
  std::map<std::string, Container> containers_;
  std::map<std::string, std::string> labels_;
  std::vector<std::string> addresses_;
  std::string sandbox_id_;
  std::string phase_ = "Running";
  std::string unscheduled_reason_, unscheduled_message_;
  bool deleting_ = false;
  std::string owner_kind_, owner_name_;  // of who has made it
};

// What a kubelet answers.
std::string pod_list(const std::vector<LivePod>& pods);

}  // namespace kubepulse::live

#endif
