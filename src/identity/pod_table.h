// The pods of this node, by what the path of a cgroup says: a pod's uid and a container's id.
// Filled from whole lists; what a list no longer has is still known for a while, so that a late
// event gets its name. Pure.
#ifndef KUBEPULSE_IDENTITY_POD_TABLE_H
#define KUBEPULSE_IDENTITY_POD_TABLE_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/flat_map.h"
#include "identity/pod.h"
#include "identity/pod_status.h"
#include "identity/service.h"

namespace kubepulse {

// The views are valid until the next commit().
struct PodName {
  std::string_view ns, pod;
  std::string_view container;  // "": the sandbox, the pod's own cgroup, or not known
  bool watched = true;         // as given to add()
  bool host_network = false;
};

class PodTable {
 public:
  // A kubelet takes 110 pods unless it is told otherwise, and what is told is rarely above 500.
  static constexpr size_t kPodsMax = 1024;      // of one list
  static constexpr size_t kGonePodsMax = 1024;  // the newest stay
  // Ids: a container has one or two, and those of its lives before for a while. And as many
  // containers.
  static constexpr size_t kContainersMax = 8192;
  static constexpr uint64_t kGoneKeptNs = 300 * kNsPerSecond;

  // A new list: begin, add each pod, and commit it as a whole, or drop it where it turned out to be
  // broken; the last good one is what is asked until then. A uid that was added before is ignored.
  void begin();
  // `watched`: an opinion of the caller's, handed back with each answer.
  void add(const Pod& pod, bool watched = true);
  // Takes over what the last list says of the pod with that uid (or static uid), its containers'
  // ids included. False where it was not listed, or known by its logs alone: add() tells as much.
  bool keep(std::string_view uid);
  void commit(uint64_t now_ns);
  void drop();
  // One pod alone: a list with all that the last one had but it, to which it may be added before
  // it is committed. What the logs alone have told is not in it.
  void begin_without(std::string_view uid);

  // As a cgroup's path has them: `pod_uid` with dashes, or the 32 hex digits of a static pod;
  // `container_id` of 64 hex digits, or "". By the container, else by the pod; nothing is
  // guessed, but where just the one name of a pod's containers is known (Pod::only_container)
  // every id is taken for it, the sandbox's too. O(log N), below a microsecond.
  std::optional<PodName> find(std::string_view pod_uid, std::string_view container_id) const;

  // The pod of the last list that has the address. Nothing is guessed: of what two have, of that of
  // a pod that has ended, and of that of a node, which its hostNetwork pods have, it is none's.
  std::optional<PodName> find_address(const IpBytes& address) const;
  // It is the node's own: a hostNetwork pod has it.
  bool is_host_address(const IpBytes& address) const;

  // Changes whenever find() may answer otherwise than before.
  uint64_t generation() const { return generation_; }

  size_t pods() const { return held_.listed; }  // of the last list
  size_t gone_pods() const { return held_.pods.size() - held_.listed; }
  size_t containers() const { return held_.containers.size(); }  // ids, gone ones included
  // Calls visit(ns, pods) for each namespace of the last list.
  template <typename Visit>
  void each_namespace(Visit&& visit) const {
    for (const Namespace& each : held_.namespaces)
      visit(view(held_, each.name), each.pods);
  }

  // Calls visit(const PodStatus&) for each pod of the last list, by their index. What it says may
  // differ after each commit(), whatever generation() does.
  template <typename Visit>
  void each_pod(Visit&& visit) const {
    for (uint32_t i = 0; i < held_.listed; i++)
      visit(pod_status(i));
  }

  // Calls visit(const ContainerStatus&) for each container of each pod of the last list, in the
  // order of each_pod(), likewise.
  template <typename Visit>
  void each_container(Visit&& visit) const {
    for (uint32_t i = 0; i < held_.listed; i++)
      for (uint32_t at = 0; at < held_.pods[i].status_count; at++)
        visit(container_status(i, at));
  }

  // Pods, containers and ids that were left out for want of room, in all lists so far.
  uint64_t overflow() const { return overflow_; }
  size_t bytes() const;  // memory held

 private:
  // Of List::texts, which put() keeps so short.
  static constexpr unsigned kTextAtBits = 23, kTextSizeBits = 9;
  struct Text {
    uint32_t at : kTextAtBits;
    uint32_t size : kTextSizeBits;
    Text() : at(0), size(0) {}
  };
  struct PodRow {
    Text uid, static_uid, ns, name, only_container;
    Text owner_kind, owner_name, template_hash, unscheduled, message;
    uint64_t gone_since_ns = 0;      // 0: listed
    uint32_t first_status = 0;       // of List::statuses
    uint8_t status_count = 0;        // none where it is gone
    uint8_t waiting = Pod::kNobody;  // index of those
    uint8_t containers = 0, ready = 0;
    Pod::Phase phase = Pod::Phase::unknown;
    bool deleting = false;
    bool watched = true;
    bool host_network = false;
    bool by_logs = false;
  };
  struct StatusRow {
    Text name;
    Text waiting_reason, last_reason;
    uint32_t restarts = 0;
    int32_t last_exit_code = 0;
    PodContainer::Kind kind = PodContainer::Kind::regular;
    PodContainer::State state = PodContainer::State::unknown;
    bool ready = false;
    bool has_ended = false;
  };
  struct AddressRow {
    IpBytes address;
    uint32_t pod;
  };
  struct ContainerId {
    unsigned char bytes[32];
  };
  struct ContainerRow {
    ContainerId id;
    uint32_t pod;
    Text name;
    uint64_t gone_since_ns = 0;
  };
  struct UidRow {
    Text uid;
    uint32_t pod;
    uint8_t rank;  // the lowest of a uid answers
  };
  struct Namespace {
    Text name;
    size_t pods;
  };
  struct List {
    std::string texts;
    std::vector<PodRow> pods;              // `listed` of them, then the gone, the newest first
    std::vector<ContainerRow> containers;  // once committed by id
    std::vector<StatusRow> statuses;       // of those that are listed, pod by pod
    std::vector<UidRow> uids;              // once committed by uid and rank
    std::vector<AddressRow> addresses;     // once committed by address; of pods that have not ended
    std::vector<Namespace> namespaces;
    size_t listed = 0;
  };

  static std::string_view view(const List& list, Text text) {
    return std::string_view(list.texts).substr(text.at, text.size);
  }
  static bool parse_id(std::string_view text, ContainerId& id);
  static const ContainerRow* find_container(const List& list, const ContainerId& id);
  static const PodRow* find_pod(const List& list, std::string_view uid);
  static void sort_containers(std::vector<ContainerRow>& containers);
  static void index_uids(List& list);
  static void sort_addresses(List& list);
  static void count_namespaces(List& list);
  static uint64_t digest_of(const List& list);

  Text put(std::string_view text);
  Text put_once(std::string_view text);  // for what many have in common
  bool is_added(std::string_view uid);
  void add_row(const PodRow& row, std::string_view uid);
  void add_addresses(const Pod& pod);
  void add_status(const Pod& pod, PodRow& row);
  void add_container_status(const Pod& pod, size_t index);
  StatusRow status_row(const PodContainer& container);
  void keep_status(PodRow& row);
  void keep_texts(PodRow& row);
  static void forget_status(PodRow& row);
  void add_container(std::string_view id, Text name);
  PodStatus pod_status(uint32_t index) const;
  ContainerStatus container_status(uint32_t pod, uint32_t at) const;
  void take_kept_containers();
  void take_kept_addresses();
  void keep_gone_pods(uint64_t now_ns, std::vector<uint32_t>& places);
  void keep_gone_containers(uint64_t now_ns, const std::vector<uint32_t>& places);

  List held_;
  List next_;
  std::vector<uint32_t> kept_;  // of the rows of held_, where keep() has put them in next_
  // While a list is made, by hash: the texts of put_once(), and the rows of next_ by uid.
  FlatMap<Text> shared_{kContainersMax};
  FlatMap<uint32_t> uids_{kPodsMax};
  uint64_t digest_ = 0;
  uint64_t generation_ = 1;
  uint64_t overflow_ = 0;
};

}  // namespace kubepulse

#endif
