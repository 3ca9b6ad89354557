#include "tests/live/pods.h"

#include <unistd.h>

#include <algorithm>

#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

namespace {

// Tests run in processes of their own, and several at a time.
unsigned next_number() {
  static unsigned number = 0;
  return ++number;
}

std::string make_uid(bool is_static) {
  char text[40];
  unsigned own = static_cast<unsigned>(getpid());
  snprintf(text, sizeof text, is_static ? "%08x%04x%04x%04x%012x" : "%08x-%04x-%04x-%04x-%012x",
           own, 0xabcdU, 0x4d21U, 0x8fa0U, next_number());
  return text;
}

std::string make_id() {
  char text[65];
  snprintf(text, sizeof text, "%032x%032x", static_cast<unsigned>(getpid()), next_number());
  return text;
}

std::string pod_folder(LivePod::Layout layout, const std::string& uid) {
  std::string slice = uid;
  std::replace(slice.begin(), slice.end(), '-', '_');
  switch (layout) {
    case LivePod::kSystemdGuaranteed:
      return "kubepods.slice/kubepods-pod" + slice + ".slice";
    case LivePod::kSystemdBurstable:
      return "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + slice + ".slice";
    case LivePod::kSystemdStatic:
      return "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice + ".slice";
    case LivePod::kCgroupfsGuaranteed:
      return "kubepods/pod" + uid;
    case LivePod::kCgroupfsBestEffort:
      return "kubepods/besteffort/pod" + uid;
  }
  return "";
}

bool is_systemd(LivePod::Layout layout) {
  return layout <= LivePod::kSystemdStatic;
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

}  // namespace

LivePod::LivePod(const Owner& named, Layout layout)
    : owner_(named),
      layout_(layout),
      uid_(make_uid(layout == kSystemdStatic)),
      sandbox_id_(make_id()) {}

Cgroup LivePod::cgroup_of(const std::string& id) const {
  std::string leaf = is_systemd(layout_) ? "cri-containerd-" + id + ".scope" : id;
  return make_cgroup(pod_folder(layout_, uid_) + "/" + leaf, owner_);
}

Cgroup LivePod::container(const std::string& name) {
  Container& container = containers_[name];
  if (container.id.empty()) container.id = make_id();
  return cgroup_of(container.id);
}

Cgroup LivePod::restart(const std::string& name) {
  Container& container = containers_[name];
  container.last_id = container.id;
  container.restarts++;
  container.id = make_id();
  return cgroup_of(container.id);
}

Cgroup LivePod::sandbox() {
  return cgroup_of(sandbox_id_);
}

LivePod& LivePod::address(const std::string& text) {
  addresses_.push_back(text);
  return *this;
}

LivePod& LivePod::label(const std::string& key, const std::string& value) {
  labels_[key] = value;
  return *this;
}

LivePod& LivePod::says(const std::string& name, const Said& said, const std::string& kind) {
  containers_[name].said = said;
  containers_[name].kind = kind;
  return *this;
}

LivePod& LivePod::phase(const std::string& text) {
  phase_ = text;
  return *this;
}

LivePod& LivePod::unscheduled(const std::string& reason, const std::string& message) {
  unscheduled_reason_ = reason;
  unscheduled_message_ = message;
  return *this;
}

LivePod& LivePod::deleting() {
  deleting_ = true;
  return *this;
}

LivePod& LivePod::owned_by(const std::string& kind, const std::string& name) {
  owner_kind_ = kind;
  owner_name_ = name;
  return *this;
}

std::string LivePod::spec_json(const std::string& name, const Container& container) {
  std::string json = R"({"name":)" + quoted(name) + R"(,"image":"example/image:1","resources":{})";
  if (container.kind == "sidecar") json += R"(,"restartPolicy":"Always")";
  return json + "}";
}

// In what was said of it there is no quote.
std::string LivePod::status_json(const std::string& name, const Container& container) {
  Said said = container.said.value_or(Said());
  if (!container.said) {
    said.ready = true;
    said.restarts = container.restarts;
    if (!container.last_id.empty()) said.last_reason = "OOMKilled";
    said.last_exit_code = 137;
  }
  std::string json = R"({"name":)" + quoted(name) + R"(,"state":{)";
  if (said.state == "running") json += R"("running":{"startedAt":"2026-11-20T21:33:26Z"})";
  if (said.state == "waiting" || said.state == "terminated")
    json += quoted(said.state) + R"(:{"exitCode":)" + std::to_string(said.exit_code) +
            R"(,"reason":)" + quoted(said.reason) + R"(,"message":)" + quoted(said.message) + "}";
  json += R"(},"lastState":{)";
  if (!said.last_reason.empty()) {
    json += R"("terminated":{"exitCode":)" + std::to_string(said.last_exit_code) + R"(,"reason":)" +
            quoted(said.last_reason);
    if (!container.last_id.empty())
      json += R"(,"containerID":"containerd://)" + container.last_id + "\"";
    json += "}";
  }
  json += R"(},"ready":)" + std::string(said.ready ? "true" : "false") + R"(,"restartCount":)" +
          std::to_string(said.restarts);
  if (!container.id.empty()) json += R"(,"containerID":"containerd://)" + container.id + "\"";
  return json + "}";
}

std::string LivePod::metadata_json() const {
  std::string labels;
  for (const auto& [key, value] : labels_)
    labels += (labels.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
  std::string json = R"({"name":)" + quoted(owner_.pod) + R"(,"namespace":)" +
                     quoted(owner_.name_space) + R"(,"uid":)" + quoted(uid_) + R"(,"labels":{)" +
                     labels + "}";
  if (deleting_) json += R"(,"deletionTimestamp":"2026-11-20T21:40:00Z")";
  if (!owner_kind_.empty())
    json += R"(,"ownerReferences":[{"apiVersion":"apps/v1","kind":)" + quoted(owner_kind_) +
            R"(,"name":)" + quoted(owner_name_) + R"(,"uid":"o","controller":true}])";
  if (layout_ == kSystemdStatic)
    json += R"(,"annotations":{"kubernetes.io/config.hash":)" + quoted(uid_) +
            R"(,"kubernetes.io/config.source":"file"})";
  return json + "}";
}

std::string LivePod::json() const {
  std::string specs, init_specs, statuses, init_statuses, addresses;
  auto append = [](std::string& out, const std::string& element) {
    out += (out.empty() ? "" : ",") + element;
  };
  for (const std::string& text : addresses_)
    append(addresses, R"({"ip":)" + quoted(text) + "}");
  for (const auto& [name, container] : containers_) {
    bool regular = container.kind == "containers";
    append(regular ? specs : init_specs, spec_json(name, container));
    if (!container.said || !container.said->state.empty())
      append(regular ? statuses : init_statuses, status_json(name, container));
  }
  std::string conditions = R"({"type":"PodScheduled","status":"True"})";
  if (!unscheduled_reason_.empty())
    conditions = R"({"type":"PodScheduled","status":"False","reason":)" +
                 quoted(unscheduled_reason_) + R"(,"message":)" + quoted(unscheduled_message_) +
                 "}";
  return R"({"metadata":)" + metadata_json() + R"(,"spec":{"containers":[)" + specs +
         R"(],"initContainers":[)" + init_specs +
         R"(],"nodeName":"live","restartPolicy":"Always"},"status":{"phase":)" + quoted(phase_) +
         R"(,"conditions":[)" + conditions + R"(],"podIPs":[)" + addresses +
         R"(],"initContainerStatuses":[)" + init_statuses + R"(],"containerStatuses":[)" +
         statuses + "]}}";
}

void LivePod::write_logs(const std::string& root) const {
  std::string folder = root + "/" + owner_.name_space + "_" + owner_.pod + "_" + uid_;
  for (const auto& [name, container] : containers_)
    ck_assert(make_folders(folder + "/" + name));
}

std::string pod_list(const std::vector<LivePod>& pods) {
  std::string items;
  for (const LivePod& pod : pods)
    items += (items.empty() ? "" : ",") + pod.json();
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" + items + "]}";
}

}  // namespace kubepulse::live
