#include "container_views.h"

#include <unistd.h>

#include <algorithm>

#include "collect/cgroup_processes.h"
#include "groups.h"

namespace kubepulse {

namespace {

constexpr const char* kProc = "/proc";
constexpr uint32_t kHostPid = 1;
constexpr uint64_t kRootCgroup = 1;  // of the host, in either version

// A minute, if ticks are not to the moment.
constexpr uint64_t kAskNs = 55 * kNsPerSecond;

// A node has one for each pod: its other end stands under the pod.
constexpr size_t kHostInterfacesMax = 1024;
constexpr std::string_view kEndsOfPods[] = {"veth", "cali", "lxc", "eni", "azv"};

bool is_end_of_pod(std::string_view name) {
  return std::any_of(std::begin(kEndsOfPods), std::end(kEndsOfPods), [&](std::string_view prefix) {
    return name.substr(0, prefix.size()) == prefix;
  });
}

std::array<uint64_t, 8> values_of(const Interface& each) {
  return {each.receive.bytes,  each.receive.packets,  each.receive.errors,  each.receive.drops,
          each.transmit.bytes, each.transmit.packets, each.transmit.errors, each.transmit.drops};
}

}  // namespace

ContainerViews::ContainerViews(Loop& loop, uint32_t groups, const Sinks& sinks,
                               const CgroupMounts& mounts)
    : with_interfaces_((groups & kGroupInterfaces) != 0),
      with_filesystems_((groups & kGroupFilesystems) != 0),
      sinks_(sinks),
      mounts_(mounts),
      filesystems_(loop, kProc) {}

ContainerViews::Look ContainerViews::due(uint64_t now_ns) const {
  if (!with_filesystems_) return Look::nothing;
  bool asks = asked_ns_ == 0 || now_ns - asked_ns_ >= kAskNs;
  if (asks && filesystems_.due()) return Look::filesystems;
  return filesystems_.told_ns() == shown_ns_ ? Look::nothing : Look::answers;
}

void ContainerViews::begin(Look look, uint64_t now_ns) {
  look_ = look;
  now_ns_ = now_ns;
  shown_ns_ = filesystems_.told_ns();
  if (look == Look::answers) return show_filesystems(kRootCgroup, "/");
  seen_.clear();
  owners_.clear();
  host_network_ = 0;
  host_mounts_ = 0;
  if (with_interfaces_ && look == Look::all) host_network_ = host_network_namespace(kProc);
  if (with_filesystems_) host_mounts_ = mount_namespace(kProc, kHostPid);
  // 1 may have capabilities that we lack.
  if (with_filesystems_ && host_mounts_ == 0)
    host_mounts_ = mount_namespace(kProc, static_cast<uint32_t>(getpid()));
  look_at(kRootCgroup, "/", {kHostPid});
}

// On hybrid hosts processes may be in the one hierarchy and not in the other.
void ContainerViews::look(uint64_t cgroup, const std::string& path) {
  if (look_ == Look::answers) return show_filesystems(cgroup, path);
  for (const std::string* mount : {&mounts_.unified, &mounts_.legacy}) {
    if (mount->empty()) continue;
    auto pids = first_processes(*mount + path);
    if (!pids.ok() || pids.value().empty()) continue;
    look_at(cgroup, path, pids.value());
    return;
  }
}

// The first that is still there tells.
void ContainerViews::look_at(uint64_t cgroup, const std::string& path,
                             const std::vector<uint32_t>& pids) {
  bool is_host = cgroup == kRootCgroup;
  for (uint32_t pid : pids) {
    bool counts = with_interfaces_ && look_ == Look::all;
    uint64_t network = counts ? network_namespace(kProc, pid) : 0;
    uint64_t mounts = with_filesystems_ ? mount_namespace(kProc, pid) : 0;
    if (network == 0 && mounts == 0) continue;
    if (network != 0 && (is_host || network != host_network_))
      count_interfaces(sinks_.workloads.of_path(cgroup, path, now_ns_), pid, network);
    if (mounts != 0 && (is_host || mounts != host_mounts_)) {
      owners_.push_back({cgroup, pid});
      show_filesystems(cgroup, path);
    }
    return;
  }
}

void ContainerViews::count_interfaces(Workloads::Owner owner, uint32_t pid, uint64_t name_space) {
  if (!seen_.insert(name_space).second) return;
  Workloads::Index index = sinks_.workloads.index(owner);
  if (index == Workloads::kFiltered) return;
  bool is_host = pid == kHostPid;
  auto read = read_interfaces(kProc, pid, is_host ? kHostInterfacesMax : kInterfacesMax);
  if (!read.ok() || read.value().network_namespace != name_space) return;
  Told& told = told_[name_space];
  // Its number is another's by now.
  if (told.owner != owner) told = Told{owner, 0, {}};
  told.met_ns = now_ns_;
  for (const Interface& each : read.value().interfaces) {
    if (told.interfaces.size() == kInterfacesMax) break;
    if (is_host && is_end_of_pod(each.name.view())) continue;
    std::array<uint64_t, 8> now = values_of(each);
    auto before = std::find_if(told.interfaces.begin(), told.interfaces.end(),
                               [&](const auto& held) { return held.name == each.name.view(); });
    if (before == told.interfaces.end())
      before = told.interfaces.insert(before, {std::string(each.name.view()), {}});
    InterfaceCount& sum = sinks_.store.interface(index, before->name);
    for (size_t i = 0; i < now.size(); i++)
      // One that was made again under its name begins at zero.
      sum.values[i] += now[i] >= before->values[i] ? now[i] - before->values[i] : now[i];
    before->values = now;
  }
}

void ContainerViews::show_filesystems(uint64_t cgroup, const std::string& path) {
  Workloads& containers = sinks_.containers;
  Workloads::Index index = containers.index(containers.of_path(cgroup, path, now_ns_));
  if (index == Workloads::kFiltered) return;
  std::vector<FilesystemSizes>& shown = sinks_.container_store.of(index).filesystems;
  for (const Filesystem& each : filesystems_.of(cgroup)) {
    bool known = std::any_of(shown.begin(), shown.end(), [&](const FilesystemSizes& held) {
      return held.mountpoint == each.point;
    });
    if (!known)
      shown.push_back({each.point, each.size.capacity_bytes, each.size.usage_bytes,
                       each.size.available_bytes, device_of(cgroup, each), shown_ns_});
  }
}

// What a container writes on its root is on a disk of the host.
uint64_t ContainerViews::device_of(uint64_t cgroup, const Filesystem& filesystem) {
  if (cgroup == kRootCgroup || filesystem.upper.empty()) return filesystem.device;
  const Filesystem* below = nullptr;
  for (const Filesystem& each : filesystems_.of(kRootCgroup))
    if (lies_in(filesystem.upper, each.point) &&
        (below == nullptr || each.point.size() > below->point.size()))
      below = &each;
  return below == nullptr ? filesystem.device : below->device;
}

void ContainerViews::end() {
  for (auto at = told_.begin(); look_ == Look::all && at != told_.end();)
    at = now_ns_ - at->second.met_ns < Workloads::kGoneKeptNs ? std::next(at) : told_.erase(at);
  if (look_ == Look::answers || !with_filesystems_ || !filesystems_.due()) return;
  asked_ns_ = now_ns_;
  filesystems_.refresh(owners_);
}

}  // namespace kubepulse
