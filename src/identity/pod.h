// A pod as far as its name, its containers and how they fare go. Bounded: it fits in 48 KiB.
#ifndef KUBEPULSE_IDENTITY_POD_H
#define KUBEPULSE_IDENTITY_POD_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/short_text.h"

namespace kubepulse {

// Kubernetes' own bounds of names (RFC 1123): of a label, and of a subdomain.
constexpr size_t kDnsLabelBytesMax = 63;
constexpr size_t kDnsNameBytesMax = 253;

struct PodContainer {
  enum class Kind : uint8_t { regular, init, sidecar, ephemeral };  // sidecar: a restartable init
  enum class State : uint8_t { unknown, waiting, running, terminated };

  ShortText<kDnsLabelBytesMax> name;
  Kind kind = Kind::regular;
  State state = State::unknown;
  bool ready = false;
  bool has_last = false;       // a life before this one has ended
  int32_t exit_code = 0;       // where terminated
  int32_t last_exit_code = 0;  // of the life before
  uint32_t restarts = 0;
  ShortText<64> reason;       // of waiting or terminated: "CrashLoopBackOff", "OOMKilled"
  ShortText<64> last_reason;  // of the life before: "OOMKilled"
  // Without "containerd://". Between two lives it is that of the last one.
  ShortText<64> id;
  ShortText<64> last_id;  // of the life before; "" where there was none
};

// A label of Kubernetes, app.kubernetes.io/name=web.
struct Label {
  std::string_view key, value;
};

class PodLabels {
 public:
  static constexpr size_t kLabelsMax = 64;
  static constexpr size_t kBytesMax = 16384;  // of all keys and values

  const Label* begin() const { return labels_; }
  const Label* end() const { return labels_ + size_; }
  size_t size() const { return size_; }
  // Some were left out for want of room.
  bool cut() const { return cut_; }

  void clear();
  // A key that is held already takes the new value.
  void add(std::string_view key, std::string_view value);
  void set_cut() { cut_ = true; }

  // The labels point into their own object.
  PodLabels() = default;
  PodLabels(const PodLabels&) = delete;
  PodLabels& operator=(const PodLabels&) = delete;

 private:
  std::string_view store(std::string_view text);

  size_t size_ = 0;
  size_t bytes_ = 0;
  bool cut_ = false;
  Label labels_[kLabelsMax];
  char texts_[kBytesMax];
};

struct Pod {
  enum class Phase : uint8_t { unknown, pending, running, succeeded, failed };
  enum class Qos : uint8_t { unknown, guaranteed, burstable, best_effort };

  static constexpr size_t kContainersMax = 64;
  static constexpr size_t kAddressesMax = 2;  // one of each family
  static constexpr uint8_t kNobody = UINT8_MAX;
  static constexpr size_t kMessageBytesMax = 256;

  ShortText<kDnsLabelBytesMax> ns;
  ShortText<kDnsNameBytesMax> name;  // of a static pod it ends in -NODE
  ShortText<64> uid;
  // A pod that the kubelet took from a file or a URL, or the API's mirror of it: the uid in the
  // paths of its cgroups, which may be its `uid` or not. "" for all others.
  ShortText<64> static_uid;
  ShortText<45> addresses[kAddressesMax];
  size_t address_count = 0;
  Phase phase = Phase::unknown;
  Qos qos = Qos::unknown;
  bool host_network = false;
  bool restarts_always = true;  // what has ended well is begun again, too
  bool deleting = false;        // has a deletionTimestamp
  bool cut = false;             // containers or names beyond a bound were left out or cut
  bool by_logs = false;  // known by its folder of logs alone: containers have names but no ids
  // Where containers are known by name only, their ids unknown, and there is just one: it.
  ShortText<kDnsLabelBytesMax> only_container;

  // The owner reference with controller=true: "ReplicaSet", "web-7d9c5b7f6d"; "" without one.
  ShortText<kDnsLabelBytesMax> owner_kind;
  ShortText<kDnsNameBytesMax> owner_name;

  // Whose waiting keeps it from running: the first container's that waits for a reason of its own,
  // else the first's that waits at all, ephemeral ones aside. An index of `containers`.
  uint8_t waiting = kNobody;
  ShortText<64> unscheduled;            // why it has no node: "Unschedulable"; "": it has one
  ShortText<kMessageBytesMax> message;  // of `unscheduled`, else of `waiting`; cut in the middle

  PodContainer containers[kContainersMax];
  size_t container_count = 0;
  PodLabels labels;

  void clear();
  // The container of that name, made where there was none; null beyond kContainersMax.
  PodContainer* container(std::string_view name_of_it);
};

}  // namespace kubepulse

#endif
