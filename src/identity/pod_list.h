// The pods in a v1 PodList, such as a kubelet answers to GET /pods, one by one while it arrives.
// Pure; any bytes are safe, and memory does not grow with the answer (below 64 KiB).
#ifndef KUBEPULSE_IDENTITY_POD_LIST_H
#define KUBEPULSE_IDENTITY_POD_LIST_H

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "base/json_reader.h"
#include "base/status.h"
#include "identity/pod.h"

namespace kubepulse {

class PodListReader {
 public:
  // `pod` is called for each pod as soon as it is read whole; what it is given is valid meanwhile.
  // All or nothing: where feed() or finish() then fails, the pods told before count for nothing.
  // Members of the document may come in any order, and twice (the later one counts); unknown ones,
  // nulls and values of the wrong type are passed over.
  explicit PodListReader(std::function<void(const Pod&)> pod) : callback_(std::move(pod)) {}

  // The next piece, cut anywhere. What has failed stays failed.
  Status feed(std::string_view piece);
  // The answer is complete: was it a PodList? An error names the kind of what came instead, and
  // its message: `a "Status", not a PodList: pods is forbidden`.
  Status finish();

  // Without a name or a uid, and so passed over.
  uint64_t nameless() const { return nameless_; }

 private:
  // Where in the document we are: what holds members, and what is taken of them.
  enum class Spot : uint8_t {
    nothing,
    // Objects and arrays.
    list,
    items,
    pod,
    metadata,
    labels,
    annotations,
    spec,
    status,
    addresses,
    address,
    containers,
    init_containers,
    ephemeral_containers,
    container,
    statuses,
    init_statuses,
    ephemeral_statuses,
    container_status,
    state,
    last_state,
    waiting,
    running,
    terminated,
    last_terminated,
    // Values.
    kind,
    api_version,
    message,
    name,
    ns,
    uid,
    deletion,
    label,
    hash,
    mirror,
    source,
    host_network,
    phase,
    pod_ip,
    qos,
    ip,
    container_name,
    restart_policy,
    container_id,
    restarts,
    ready,
    reason,
    exit_code,
    terminated_id,
    last_id,
  };
  struct Member {
    std::string_view key;
    Spot spot;
  };
  struct Members {
    const Member* begin;
    const Member* end;
  };
  static constexpr int kPlacesMax = 12;

  static Members members_of(Spot place);
  static Spot element_of(Spot array);
  Status run();
  void take_key();
  bool enter(JsonToken token);
  void begin(Spot spot);
  void leave();
  void take_value(JsonToken token);
  void take_text(std::string_view text);
  void take_container_text(std::string_view text);
  void take_number(std::string_view text);
  void end_container(bool is_status);
  void end_pod();
  void add_address(std::string_view text);
  template <size_t N>
  void set(ShortText<N>& field, std::string_view text) {
    if (!field.assign(text)) pod_.cut = true;
  }

  std::function<void(const Pod&)> callback_;
  JsonReader reader_;
  Spot places_[kPlacesMax] = {};
  int place_count_ = 0;
  Spot next_ = Spot::nothing;  // what the value behind the last key is
  Status failed_;

  Pod pod_;
  PodContainer container_;  // the element that is being read
  PodContainer::Kind container_kind_ = PodContainer::Kind::regular;
  bool always_restarted_ = false;
  ShortText<512> label_key_;  // 253 bytes, a slash and 63 more are allowed
  bool label_key_cut_ = false;
  ShortText<64> hash_, mirror_, source_;

  ShortText<64> kind_, api_version_;
  ShortText<256> message_;
  uint64_t nameless_ = 0;
};

}  // namespace kubepulse

#endif
