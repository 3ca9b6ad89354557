#include "identity/pod_reader.h"

#include <charconv>
#include <iterator>

#include "base/cut_middle.h"

namespace kubepulse {
namespace {

// "containerd://<id>" and "cri-o://<id>"; "" where it is no id that we could hold.
void set_id(ShortText<64>& id, std::string_view text) {
  size_t scheme = text.find("://");
  if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  if (!id.assign(text)) id.clear();
}

// Not for others, which are yet to be begun.
bool is_own(std::string_view reason) {
  return reason != "PodInitializing" && reason != "ContainerCreating" && !reason.empty();
}

Pod::Phase phase_of(std::string_view text) {
  if (text == "Pending") return Pod::Phase::pending;
  if (text == "Running") return Pod::Phase::running;
  if (text == "Succeeded") return Pod::Phase::succeeded;
  if (text == "Failed") return Pod::Phase::failed;
  return Pod::Phase::unknown;
}

Pod::Qos qos_of(std::string_view text) {
  if (text == "Guaranteed") return Pod::Qos::guaranteed;
  if (text == "Burstable") return Pod::Qos::burstable;
  if (text == "BestEffort") return Pod::Qos::best_effort;
  return Pod::Qos::unknown;
}

}  // namespace

PodReader::Members PodReader::members_of(Spot place) {
#define MEMBERS(...)                                   \
  {                                                    \
    static constexpr Member members[] = {__VA_ARGS__}; \
    return {std::begin(members), std::end(members)};   \
  }
  switch (place) {
    case Spot::pod:
      MEMBERS({"metadata", Spot::metadata}, {"spec", Spot::spec}, {"status", Spot::status})
    case Spot::metadata:
      MEMBERS({"name", Spot::name}, {"namespace", Spot::ns}, {"uid", Spot::uid},
              {"labels", Spot::labels}, {"annotations", Spot::annotations},
              {"deletionTimestamp", Spot::deletion}, {"ownerReferences", Spot::owners})
    case Spot::owner:
      MEMBERS({"kind", Spot::owner_kind}, {"name", Spot::owner_name},
              {"controller", Spot::controller})
    case Spot::annotations:
      MEMBERS({"kubernetes.io/config.hash", Spot::hash},
              {"kubernetes.io/config.mirror", Spot::mirror},
              {"kubernetes.io/config.source", Spot::source})
    case Spot::spec:
      MEMBERS({"containers", Spot::containers}, {"initContainers", Spot::init_containers},
              {"ephemeralContainers", Spot::ephemeral_containers},
              {"hostNetwork", Spot::host_network}, {"restartPolicy", Spot::pod_restart_policy})
    case Spot::status:
      MEMBERS({"containerStatuses", Spot::statuses}, {"initContainerStatuses", Spot::init_statuses},
              {"ephemeralContainerStatuses", Spot::ephemeral_statuses}, {"phase", Spot::phase},
              {"podIP", Spot::pod_ip}, {"podIPs", Spot::addresses}, {"qosClass", Spot::qos},
              {"conditions", Spot::conditions})
    case Spot::condition:
      MEMBERS({"type", Spot::condition_type}, {"status", Spot::condition_status},
              {"reason", Spot::reason}, {"message", Spot::message})
    case Spot::address:
      MEMBERS({"ip", Spot::ip})
    case Spot::container:
      MEMBERS({"name", Spot::container_name}, {"restartPolicy", Spot::restart_policy})
    case Spot::container_status:
      MEMBERS({"name", Spot::container_name}, {"containerID", Spot::container_id},
              {"restartCount", Spot::restarts}, {"ready", Spot::ready}, {"state", Spot::state},
              {"lastState", Spot::last_state})
    case Spot::state:
      MEMBERS({"waiting", Spot::waiting}, {"running", Spot::running},
              {"terminated", Spot::terminated})
    case Spot::last_state:
      MEMBERS({"terminated", Spot::last_terminated})
    case Spot::waiting:
      MEMBERS({"reason", Spot::reason}, {"message", Spot::message})
    case Spot::terminated:
      MEMBERS({"reason", Spot::reason}, {"exitCode", Spot::exit_code},
              {"containerID", Spot::terminated_id})
    case Spot::last_terminated:
      MEMBERS({"reason", Spot::last_reason}, {"exitCode", Spot::last_exit_code},
              {"containerID", Spot::last_id})
    default:
      return {nullptr, nullptr};
  }
#undef MEMBERS
}

// What the elements of an array are; nothing where `array` is none.
PodReader::Spot PodReader::element_of(Spot array) {
  switch (array) {
    case Spot::owners:
      return Spot::owner;
    case Spot::conditions:
      return Spot::condition;
    case Spot::addresses:
      return Spot::address;
    case Spot::containers:
    case Spot::init_containers:
    case Spot::ephemeral_containers:
      return Spot::container;
    case Spot::statuses:
    case Spot::init_statuses:
    case Spot::ephemeral_statuses:
      return Spot::container_status;
    default:
      return Spot::nothing;
  }
}

void PodReader::begin() {
  place_count_ = 0;
  places_[place_count_++] = Spot::pod;
  next_ = Spot::nothing;
  begin(Spot::pod);
}

void PodReader::take(JsonReader& json, JsonToken token) {
  if (place_count_ == 0) return;
  json_ = &json;
  switch (token) {
    case JsonToken::key:
      return take_key();
    case JsonToken::object:
    case JsonToken::array:
      return enter(token);
    case JsonToken::object_end:
    case JsonToken::array_end:
      return leave();
    default:
      return take_value(token);
  }
}

void PodReader::take_key() {
  Spot place = places_[place_count_ - 1];
  std::string_view key = json_->text();
  next_ = Spot::nothing;
  if (place == Spot::labels) {
    next_ = Spot::label;
    label_key_cut_ = !label_key_.assign(key);
    return;
  }
  Members members = members_of(place);
  for (const Member* member = members.begin; member != members.end; member++)
    if (member->key == key) next_ = member->spot;
  if (next_ == Spot::nothing) json_->skip();
}

// Follows where something in it is wanted, and skips it otherwise.
void PodReader::enter(JsonToken token) {
  Spot spot = element_of(places_[place_count_ - 1]);
  if (spot == Spot::nothing) spot = next_;
  bool is_array = element_of(spot) != Spot::nothing;
  bool is_object =
      spot == Spot::labels || spot == Spot::running || members_of(spot).begin != nullptr;
  if (token == JsonToken::array ? !is_array : !is_object) return json_->skip();
  places_[place_count_++] = spot;  // no path through members_of() is longer than kPlacesMax
  begin(spot);
}

void PodReader::begin(Spot spot) {
  using Kind = PodContainer::Kind;
  using State = PodContainer::State;
  switch (spot) {
    case Spot::pod:
      pod_.clear();
      hash_.clear();
      mirror_.clear();
      source_.clear();
      break;
    case Spot::labels:
      pod_.labels.clear();
      break;
    case Spot::owners:
      pod_.owner_kind.clear();
      pod_.owner_name.clear();
      break;
    case Spot::owner:
      owner_kind_.clear();
      owner_name_.clear();
      is_controller_ = false;
      break;
    case Spot::conditions:
      if (!pod_.unscheduled.empty()) pod_.message.clear();
      pod_.unscheduled.clear();
      break;
    case Spot::condition:
      condition_.clear();
      condition_status_.clear();
      condition_reason_.clear();
      message_.clear();
      break;
    case Spot::containers:
    case Spot::statuses:
      container_kind_ = Kind::regular;
      break;
    case Spot::init_containers:
    case Spot::init_statuses:
      container_kind_ = Kind::init;
      break;
    case Spot::ephemeral_containers:
    case Spot::ephemeral_statuses:
      container_kind_ = Kind::ephemeral;
      break;
    case Spot::container:
    case Spot::container_status:
      container_ = PodContainer();
      always_restarted_ = false;
      message_.clear();
      break;
    case Spot::waiting:
      container_.state = State::waiting;
      break;
    case Spot::running:
      container_.state = State::running;
      break;
    case Spot::terminated:
      container_.state = State::terminated;
      break;
    case Spot::last_terminated:
      container_.has_last = true;
      break;
    default:
      break;
  }
}

void PodReader::leave() {
  Spot place = places_[--place_count_];
  if (place == Spot::pod) end_pod();
  if (place == Spot::owner) end_owner();
  if (place == Spot::condition) end_condition();
  if (place == Spot::container || place == Spot::container_status)
    end_container(place == Spot::container_status);
}

void PodReader::take_value(JsonToken token) {
  if (element_of(places_[place_count_ - 1]) != Spot::nothing) return;
  switch (token) {
    case JsonToken::string:
      take_text(json_->text());
      break;
    case JsonToken::number:
      take_number(json_->text());
      break;
    case JsonToken::boolean_true:
    case JsonToken::boolean_false:
      if (next_ == Spot::host_network) pod_.host_network = token == JsonToken::boolean_true;
      if (next_ == Spot::controller) is_controller_ = token == JsonToken::boolean_true;
      if (next_ == Spot::ready) container_.ready = token == JsonToken::boolean_true;
      break;
    default:
      break;
  }
}

void PodReader::take_text(std::string_view text) {
  switch (next_) {
    case Spot::name:
      set(pod_.name, text);
      break;
    case Spot::ns:
      set(pod_.ns, text);
      break;
    case Spot::uid:
      set(pod_.uid, text);
      break;
    case Spot::label:
      // Half a label would be another label.
      if (label_key_cut_ || json_->cut())
        pod_.labels.set_cut();
      else
        pod_.labels.add(label_key_.view(), text);
      break;
    case Spot::hash:
      hash_.assign(text);
      break;
    case Spot::mirror:
      mirror_.assign(text);
      break;
    case Spot::source:
      source_.assign(text);
      break;
    case Spot::deletion:
      pod_.deleting = true;
      break;
    case Spot::phase:
      pod_.phase = phase_of(text);
      break;
    case Spot::qos:
      pod_.qos = qos_of(text);
      break;
    case Spot::pod_restart_policy:
      pod_.restarts_always = text == "Always";
      break;
    case Spot::owner_kind:
      owner_kind_.assign(text);
      break;
    case Spot::owner_name:
      // Half a name would be another's.
      if (!owner_name_.assign(text)) owner_name_.clear();
      break;
    case Spot::pod_ip:
    case Spot::ip:
      add_address(text);
      break;
    default:
      take_status_text(text);
  }
}

void PodReader::take_status_text(std::string_view text) {
  switch (next_) {
    case Spot::container_name:
      set(container_.name, text);
      break;
    case Spot::restart_policy:
      always_restarted_ = text == "Always";
      break;
    case Spot::condition_type:
      condition_.assign(text);
      break;
    case Spot::condition_status:
      condition_status_.assign(text);
      break;
    case Spot::reason:
      if (places_[place_count_ - 1] == Spot::condition)
        condition_reason_.assign(text);
      else
        container_.reason.assign(text);
      break;
    case Spot::message:
      message_.assign(cut_middle(text, Pod::kMessageBytesMax));
      break;
    case Spot::last_reason:
      container_.last_reason.assign(text);
      break;
    case Spot::container_id:
      set_id(container_.id, text);
      break;
    case Spot::terminated_id:
      if (container_.id.empty()) set_id(container_.id, text);
      break;
    case Spot::last_id:
      set_id(container_.last_id, text);
      break;
    default:
      break;
  }
}

void PodReader::take_number(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return;
  if (next_ == Spot::restarts && value >= 0 && value <= UINT32_MAX)
    container_.restarts = static_cast<uint32_t>(value);
  bool is_code = value >= INT32_MIN && value <= INT32_MAX;
  if (next_ == Spot::exit_code && is_code) container_.exit_code = static_cast<int32_t>(value);
  if (next_ == Spot::last_exit_code && is_code)
    container_.last_exit_code = static_cast<int32_t>(value);
}

void PodReader::add_address(std::string_view text) {
  for (size_t i = 0; i < pod_.address_count; i++)
    if (pod_.addresses[i].view() == text) return;
  if (pod_.address_count < Pod::kAddressesMax) pod_.addresses[pod_.address_count++].assign(text);
}

// Spec and status tell of the same containers, in any order: names are unique in a pod.
void PodReader::end_container(bool is_status) {
  using Kind = PodContainer::Kind;
  if (container_.name.empty()) return;
  PodContainer* held = pod_.container(container_.name.view());
  if (held == nullptr) return;
  if (!is_status) {
    bool is_sidecar = container_kind_ == Kind::init && always_restarted_;
    held->kind = is_sidecar ? Kind::sidecar : container_kind_;
    return;
  }
  // Only the spec says that an init container is a sidecar.
  Kind kind = held->kind == Kind::sidecar ? held->kind : container_kind_;
  *held = container_;
  held->kind = kind;
  if (held->last_id.view() == held->id.view()) held->last_id.clear();
  choose_waiting(*held);
}

void PodReader::choose_waiting(const PodContainer& container) {
  auto index = static_cast<uint8_t>(&container - pod_.containers);
  bool waits = container.state == PodContainer::State::waiting &&
               container.kind != PodContainer::Kind::ephemeral;
  bool is_chosen = pod_.waiting == index;
  if (waits && !is_chosen && pod_.waiting != Pod::kNobody)
    waits = is_own(container.reason.view()) && !is_own(pod_.containers[pod_.waiting].reason.view());
  if (!waits && !is_chosen) return;
  pod_.waiting = waits ? index : Pod::kNobody;
  if (!pod_.unscheduled.empty()) return;
  pod_.message.clear();
  if (waits) pod_.message = message_;
}

void PodReader::end_owner() {
  if (!is_controller_) return;
  pod_.owner_kind = owner_kind_;
  pod_.owner_name = owner_name_;
}

void PodReader::end_condition() {
  if (condition_.view() != "PodScheduled" || condition_status_.view() != "False") return;
  if (condition_reason_.empty()) return;
  pod_.unscheduled = condition_reason_;
  pod_.message = message_;
}

void PodReader::end_pod() {
  if (pod_.ns.empty()) pod_.ns.assign("default");
  // The kubelet sets the source of every pod. Whoever writes a hash into a pod of the API gets no
  // other pod's name by it.
  if (!mirror_.empty())
    pod_.static_uid = mirror_;
  else if (source_.view() == "file" || source_.view() == "http")
    pod_.static_uid = hash_;
}

}  // namespace kubepulse
