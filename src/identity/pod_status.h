// What Kubernetes says of a pod and of its containers, as PodTable shows them. Plain views: valid
// until the next commit().
#ifndef KUBEPULSE_IDENTITY_POD_STATUS_H
#define KUBEPULSE_IDENTITY_POD_STATUS_H

#include <cstdint>
#include <optional>
#include <string_view>

#include "identity/pod.h"

namespace kubepulse {

// Of a pod that is known by its logs alone: names, and nothing else.
struct PodStatus {
  std::string_view ns, pod, uid;
  Pod::Phase phase = Pod::Phase::unknown;
  bool deleting = false;
  bool watched = true;  // as given to PodTable::add()
  // Those that are to run all the time, so regular ones and sidecars, but for what has ended well
  // and is not begun again; and how many of those are ready.
  unsigned containers = 0, ready = 0;
  // Why it does not get on: "Unschedulable", or why a container waits, and which: one that waits
  // for a reason of its own rather than "PodInitializing" or "ContainerCreating". "": none does.
  std::string_view waiting_reason, waiting_container;
  std::string_view message;  // in more words; cut
  // Of the owner reference with controller=true, and the label pod-template-hash; "": there is
  // none.
  std::string_view owner_kind, owner_name, template_hash;
  uint32_t index = 0;  // as ContainerStatus::pod_index has it
};

// Of each container that the pod's spec or status names, whether it has ever run or not.
struct ContainerStatus {
  std::string_view ns, pod, container;
  bool watched = true;
  uint32_t pod_index = 0;  // one pod's containers come one after the other
  PodContainer::Kind kind = PodContainer::Kind::regular;
  PodContainer::State state = PodContainer::State::unknown;
  bool ready = false;
  std::string_view waiting_reason;  // where it waits: "CrashLoopBackOff", "ErrImagePull"
  // Of its last end, which is this one where it is terminated: "OOMKilled", 137. "" and none: it
  // has never ended, or the kubelet has forgotten.
  std::string_view last_reason;
  std::optional<int> last_exit_code;
  uint32_t restarts = 0;
};

}  // namespace kubepulse

#endif
