// What PodTable keeps of how pods fare.
#include "identity/pod_status.h"

#include "identity/pod_table.h"

namespace kubepulse {
namespace {

// Of a pod whose containers are not always begun again, one that has ended well has done its work.
bool runs_all_the_time(const Pod& pod, const PodContainer& container) {
  using Kind = PodContainer::Kind;
  if (container.kind == Kind::sidecar) return true;
  bool is_done = container.state == PodContainer::State::terminated && container.exit_code == 0;
  return container.kind == Kind::regular && (pod.restarts_always || !is_done);
}

}  // namespace

void PodTable::add_status(const Pod& pod, PodRow& row) {
  row.phase = pod.phase;
  row.deleting = pod.deleting;
  row.owner_kind = put_once(pod.owner_kind.view());
  row.owner_name = put_once(pod.owner_name.view());
  for (const Label& label : pod.labels)
    if (label.key == "pod-template-hash")
      row.template_hash = put_once(label.value.substr(0, kDnsLabelBytesMax));
  row.unscheduled = put_once(pod.unscheduled.view());
  row.message = put(pod.message.view());
  row.first_status = static_cast<uint32_t>(next_.statuses.size());
}

void PodTable::add_container_status(const Pod& pod, size_t index) {
  const PodContainer& container = pod.containers[index];
  PodRow& row = next_.pods.back();
  if (runs_all_the_time(pod, container)) {
    row.containers++;
    row.ready += container.ready;
  }
  if (next_.statuses.size() == kContainersMax) {
    // Where there is no room for its id either, that counts.
    if (container.id.empty() || next_.containers.size() < kContainersMax) overflow_++;
    return;
  }
  if (index == pod.waiting) row.waiting = row.status_count;
  row.status_count++;
  next_.statuses.push_back(status_row(container));
}

PodTable::StatusRow PodTable::status_row(const PodContainer& container) {
  bool is_over = container.state == PodContainer::State::terminated;
  StatusRow row;
  row.name = put_once(container.name.view());
  row.kind = container.kind;
  row.state = container.state;
  row.ready = container.ready;
  row.restarts = container.restarts;
  row.has_ended = is_over || container.has_last;
  row.last_exit_code = is_over ? container.exit_code : container.last_exit_code;
  if (container.state == PodContainer::State::waiting)
    row.waiting_reason = put_once(container.reason.view());
  row.last_reason = put_once((is_over ? container.reason : container.last_reason).view());
  return row;
}

void PodTable::keep_status(PodRow& row) {
  const uint32_t from = row.first_status;
  row.first_status = static_cast<uint32_t>(next_.statuses.size());
  for (uint32_t i = 0; i < row.status_count; i++) {
    if (next_.statuses.size() == kContainersMax) {
      row.status_count = static_cast<uint8_t>(i);
      overflow_++;
      return;
    }
    StatusRow status = held_.statuses[from + i];
    for (Text* text : {&status.name, &status.waiting_reason, &status.last_reason})
      *text = put_once(view(held_, *text));
    next_.statuses.push_back(status);
  }
}

// Nobody asks how a pod fares that is gone.
void PodTable::forget_status(PodRow& row) {
  row.owner_kind = row.owner_name = row.template_hash = row.unscheduled = row.message = Text();
  row.status_count = row.containers = row.ready = 0;
  row.waiting = Pod::kNobody;
}

PodStatus PodTable::pod_status(uint32_t index) const {
  const PodRow& row = held_.pods[index];
  PodStatus status;
  status.ns = view(held_, row.ns);
  status.pod = view(held_, row.name);
  status.uid = view(held_, row.uid);
  status.phase = row.phase;
  status.deleting = row.deleting;
  status.watched = row.watched;
  status.containers = row.containers;
  status.ready = row.ready;
  if (row.unscheduled.size > 0) {
    status.waiting_reason = view(held_, row.unscheduled);
  } else if (row.waiting < row.status_count) {
    const StatusRow& waiting = held_.statuses[row.first_status + row.waiting];
    status.waiting_reason = view(held_, waiting.waiting_reason);
    status.waiting_container = view(held_, waiting.name);
  }
  status.message = view(held_, row.message);
  status.owner_kind = view(held_, row.owner_kind);
  status.owner_name = view(held_, row.owner_name);
  status.template_hash = view(held_, row.template_hash);
  status.index = index;
  return status;
}

ContainerStatus PodTable::container_status(uint32_t pod, uint32_t at) const {
  const PodRow& pod_row = held_.pods[pod];
  const StatusRow& row = held_.statuses[pod_row.first_status + at];
  ContainerStatus status;
  status.ns = view(held_, pod_row.ns);
  status.pod = view(held_, pod_row.name);
  status.container = view(held_, row.name);
  status.watched = pod_row.watched;
  status.pod_index = pod;
  status.kind = row.kind;
  status.state = row.state;
  status.ready = row.ready;
  status.waiting_reason = view(held_, row.waiting_reason);
  status.last_reason = view(held_, row.last_reason);
  if (row.has_ended) status.last_exit_code = row.last_exit_code;
  status.restarts = row.restarts;
  return status;
}

}  // namespace kubepulse
