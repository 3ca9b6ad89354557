// One v1 Pod, while it arrives. Pure; any bytes are safe, and memory is bounded: below 64 KiB.
#ifndef KUBEPULSE_IDENTITY_POD_READER_H
#define KUBEPULSE_IDENTITY_POD_READER_H

#include <cstdint>
#include <string_view>

#include "base/json_reader.h"
#include "identity/api_object.h"
#include "identity/pod.h"

namespace kubepulse {

// Members may come in any order, and twice (the later one counts); unknown ones, nulls and values
// of the wrong type are passed over.
class PodReader : public ApiObjectReader {
 public:
  void begin() override;
  void take(JsonReader& json, JsonToken token) override;

  // After its end, until the next begin().
  const Pod& pod() const { return pod_; }
  // Without a name or a uid it is of no use.
  bool is_named() const { return !pod_.name.empty() && !pod_.uid.empty(); }

 private:
  // Where in the document we are: what holds members, and what is taken of them.
  enum class Spot : uint8_t {
    nothing,
    // Objects and arrays.
    pod,
    metadata,
    labels,
    annotations,
    owners,
    owner,
    spec,
    status,
    conditions,
    condition,
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
    name,
    ns,
    uid,
    deletion,
    label,
    hash,
    mirror,
    source,
    owner_kind,
    owner_name,
    controller,
    host_network,
    pod_restart_policy,
    phase,
    condition_type,
    condition_status,
    message,
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
    last_reason,
    last_exit_code,
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
  void take_key();
  void enter(JsonToken token);
  void begin(Spot spot);
  void leave();
  void take_value(JsonToken token);
  void take_text(std::string_view text);
  void take_status_text(std::string_view text);
  void take_number(std::string_view text);
  void end_owner();
  void end_condition();
  void end_container(bool is_status);
  void choose_waiting(const PodContainer& container);
  void end_pod();
  void add_address(std::string_view text);
  template <size_t N>
  void set(ShortText<N>& field, std::string_view text) {
    if (!field.assign(text)) pod_.cut = true;
  }

  JsonReader* json_ = nullptr;  // of the token that is taken
  Spot places_[kPlacesMax] = {};
  int place_count_ = 0;
  Spot next_ = Spot::nothing;  // what the value behind the last key is

  Pod pod_;
  PodContainer container_;  // the element that is being read
  PodContainer::Kind container_kind_ = PodContainer::Kind::regular;
  bool always_restarted_ = false;
  ShortText<Pod::kMessageBytesMax> message_;  // of a state or a condition, likewise
  ShortText<16> condition_, condition_status_;
  ShortText<64> condition_reason_;
  ShortText<kDnsLabelBytesMax> owner_kind_;
  ShortText<kDnsNameBytesMax> owner_name_;
  bool is_controller_ = false;
  ShortText<512> label_key_;  // 253 bytes, a slash and 63 more are allowed
  bool label_key_cut_ = false;
  ShortText<64> hash_, mirror_, source_;
};

}  // namespace kubepulse

#endif
