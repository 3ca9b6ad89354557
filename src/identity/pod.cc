#include "identity/pod.h"

#include <cstring>

namespace kubepulse {

void PodLabels::clear() {
  size_ = bytes_ = 0;
  cut_ = false;
}

std::string_view PodLabels::store(std::string_view text) {
  char* at = texts_ + bytes_;
  if (!text.empty()) memcpy(at, text.data(), text.size());
  bytes_ += text.size();
  return {at, text.size()};
}

void PodLabels::add(std::string_view key, std::string_view value) {
  for (size_t i = 0; i < size_; i++) {
    if (labels_[i].key != key) continue;
    if (value.size() > kBytesMax - bytes_)
      cut_ = true;
    else
      labels_[i].value = store(value);
    return;
  }
  if (size_ == kLabelsMax || key.size() + value.size() > kBytesMax - bytes_) {
    cut_ = true;
    return;
  }
  Label& label = labels_[size_++];
  label.key = store(key);
  label.value = store(value);
}

void Pod::clear() {
  ns.clear();
  name.clear();
  uid.clear();
  static_uid.clear();
  only_container.clear();
  owner_kind.clear();
  owner_name.clear();
  waiting = kNobody;
  unscheduled.clear();
  message.clear();
  address_count = container_count = 0;
  phase = Phase::unknown;
  qos = Qos::unknown;
  host_network = deleting = cut = by_logs = false;
  restarts_always = true;
  labels.clear();
}

// O(N): N is at most kContainersMax, and most pods have one or two.
PodContainer* Pod::container(std::string_view name_of_it) {
  for (size_t i = 0; i < container_count; i++)
    if (containers[i].name.view() == name_of_it) return &containers[i];
  if (container_count == kContainersMax) {
    cut = true;
    return nullptr;
  }
  PodContainer& made = containers[container_count++];
  made = PodContainer();
  made.name.assign(name_of_it);
  return &made;
}

}  // namespace kubepulse
