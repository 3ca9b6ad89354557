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

std::string LivePod::json() const {
  std::string labels, specs, statuses;
  for (const auto& [key, value] : labels_)
    labels += (labels.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
  std::string addresses;
  for (const std::string& text : addresses_)
    addresses += (addresses.empty() ? "" : ",") + (R"({"ip":)" + quoted(text) + "}");
  for (const auto& [name, container] : containers_) {
    std::string comma = specs.empty() ? "" : ",";
    specs += comma + R"({"name":)" + quoted(name) + R"(,"image":"example/image:1","resources":{}})";
    statuses += comma + R"({"name":)" + quoted(name) +
                R"(,"state":{"running":{"startedAt":"2026-11-20T21:33:26Z"}},"lastState":{)";
    if (!container.last_id.empty())
      statuses +=
          R"("terminated":{"exitCode":137,"reason":"OOMKilled","containerID":"containerd://)" +
          container.last_id + R"("})";
    statuses += R"(},"ready":true,"restartCount":)" + std::to_string(container.restarts) +
                R"(,"containerID":"containerd://)" + container.id + R"(","started":true})";
  }
  std::string json = R"({"metadata":{"name":)" + quoted(owner_.pod) + R"(,"namespace":)" +
                     quoted(owner_.name_space) + R"(,"uid":)" + quoted(uid_) + R"(,"labels":{)" +
                     labels + "}";
  if (layout_ == kSystemdStatic)
    json += R"(,"annotations":{"kubernetes.io/config.hash":)" + quoted(uid_) +
            R"(,"kubernetes.io/config.source":"file"})";
  return json + R"(},"spec":{"containers":[)" + specs +
         R"(],"nodeName":"live"},"status":{"phase":"Running","podIPs":[)" + addresses +
         R"(],"containerStatuses":[)" + statuses + "]}}";
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
