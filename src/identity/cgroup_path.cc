#include "identity/cgroup_path.h"

#include <algorithm>

#include "base/text.h"

namespace kubepulse {
namespace {

constexpr size_t kContainerIdBytes = 64;
constexpr size_t kShortIdBytes = 12;  // as `docker ps` and `podman ps` show it

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  bool found = ends_with(text, suffix);
  if (found) text.remove_suffix(suffix.size());
  return found;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_lower_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}
bool is_id_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z');
}

template <typename Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool is_container_id(std::string_view text) {
  return text.size() == kContainerIdBytes && all_of(text, is_lower_hex);
}

// BuildKit's own: base 36, 25 digits.
bool is_build_id(std::string_view text) {
  return text.size() == 25 && all_of(text, is_id_char);
}

// The next component that is not empty; "" at the end.
std::string_view next_component(std::string_view& rest) {
  std::string_view component;
  while (component.empty() && !rest.empty())
    component = next_piece(rest, '/');
  return component;
}

std::string_view without_noise(std::string_view path) {
  take_suffix(path, " (deleted)");
  for (std::string_view rest = path; next_component(rest) == "..";)
    path = rest;
  return path;
}

// A runtime that writes "slice:prefix:name" for systemd, under one that takes it for a folder.
struct Colons {
  std::string_view slice, prefix, name;
};

bool split_colons(std::string_view component, Colons& out) {
  out.slice = next_piece(component, ':');
  out.prefix = next_piece(component, ':');
  out.name = component;
  return ends_with(out.slice, ".slice") && !out.prefix.empty() && !out.name.empty();
}

// A UUID with dashes or, as systemd's slices need it, underscores; or 32 hex digits.
bool is_pod_uid(std::string_view text) {
  if (text.size() == 32) return all_of(text, is_hex);
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); i++) {
    bool separator = i == 8 || i == 13 || i == 18 || i == 23;
    if (separator ? text[i] != '-' && text[i] != '_' : !is_hex(text[i])) return false;
  }
  return true;
}

// The uid in "pod<uid>" or "<parents>-pod<uid>.slice"; else "". A folder that is only named like a
// pod ("pod-foo", "podman") has no uid.
std::string_view pod_uid_in(std::string_view component) {
  bool slice = take_suffix(component, ".slice");
  for (size_t bytes : {36, 32}) {
    if (component.size() < bytes) continue;
    std::string_view uid = component.substr(component.size() - bytes);
    std::string_view head = component.substr(0, component.size() - bytes);
    if (!take_suffix(head, "pod") || !is_pod_uid(uid)) continue;
    if (slice ? ends_with(head, "-") : head.empty()) return uid;
  }
  return {};
}

std::string canonical_uid(std::string_view uid) {
  std::string out(uid);
  for (char& c : out) {
    if (c == '_') c = '-';
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The id in "<id>", "<runtime>-<id>" and "<runtime>-<id>.scope"; "" for crio-conmon-<id>, the
// monitor: it runs beside the container, not in it.
std::string_view container_of_pod(std::string_view component) {
  take_suffix(component, ".scope");
  if (component.size() < kContainerIdBytes) return {};
  std::string_view id = component.substr(component.size() - kContainerIdBytes);
  std::string_view head = component.substr(0, component.size() - kContainerIdBytes);
  if (!is_container_id(id) || ends_with(head, "conmon-")) return {};
  return head.empty() || ends_with(head, "-") ? id : std::string_view();
}

bool find_pod(std::string_view path, CgroupOwner& owner) {
  while (true) {
    std::string_view component = next_component(path);
    if (component.empty()) return false;
    Colons colons;
    bool has_colons = split_colons(component, colons);
    std::string_view uid = pod_uid_in(has_colons ? colons.slice : component);
    if (uid.empty()) continue;
    // Only what is directly below the pod is the kubelet's; further down a pod keeps its own house.
    std::string_view container = has_colons ? colons.name : container_of_pod(next_component(path));
    owner.kind = CgroupOwner::pod;
    owner.pod_uid = canonical_uid(uid);
    owner.ns = "unknown";
    owner.name = owner.pod_uid;
    if (is_container_id(container)) owner.container_id = container;
    return true;
  }
}

struct Runtime {
  std::string_view prefix, ns;
};

constexpr Runtime kRuntimes[] = {
    {"docker-", "docker"},
    {"libpod-", "podman"},
    {"libpod-payload-", "podman"},  // --cgroups=split
    {"libpod-conmon-", "podman"},
    {"nerdctl-", "containerd"},
    {"cri-containerd-", "containerd"},
    {"crio-", "crio"},
    {"crio-conmon-", "crio"},
};

struct Container {
  std::string_view ns, id;
};

constexpr std::string_view kLxc = "lxc";

// "lxc.payload.<name>" since LXC 4.0 on either cgroup version, "lxc/<name>" before.
Container lxc_container(std::string_view component, std::string_view next) {
  for (std::string_view prefix : {"lxc.payload", "lxc.monitor"}) {
    if (!starts_with(component, prefix)) continue;
    std::string_view name = component.substr(prefix.size());
    if (name.empty()) return {kLxc, next};
    if (name[0] == '.') return {kLxc, name.substr(1)};
  }
  if (component == kLxc) return {kLxc, next};
  return {};
}

// A folder that is named by nothing but the id: its parent tells the runtime.
Container bare_container(std::string_view parent, std::string_view id) {
  if (parent == "libpod_parent") return {};  // a podman pod; its containers follow
  if (parent == "k8s.io" || parent == "default") return {"containerd", id};  // its namespaces
  return {"docker", id};
}

Container container_at(std::string_view grandparent, std::string_view parent,
                       std::string_view component, std::string_view next) {
  if (Container lxc = lxc_container(component, next); !lxc.id.empty()) return lxc;
  if (is_container_id(component)) return bare_container(parent, component);
  if (is_build_id(component) && parent == "buildkit" && grandparent == "docker") {
    return {"docker", component};
  }
  if (Colons colons; split_colons(component, colons)) {
    bool is_build = colons.prefix == "docker" && is_build_id(colons.name);
    if (is_build) return {"docker", colons.name};
    if (!is_container_id(colons.name)) return {};
    for (const Runtime& runtime : kRuntimes) {
      if (runtime.prefix.substr(0, runtime.prefix.size() - 1) == colons.prefix) {
        return {runtime.ns, colons.name};
      }
    }
    return {};
  }
  take_suffix(component, ".scope");
  for (const Runtime& runtime : kRuntimes) {
    if (!starts_with(component, runtime.prefix)) continue;
    std::string_view id = component.substr(runtime.prefix.size());
    if (is_container_id(id)) return {runtime.ns, id};
  }
  return {};
}

bool find_container(std::string_view path, CgroupOwner& owner) {
  std::string_view grandparent, parent;
  std::string_view component = next_component(path);
  while (!component.empty()) {
    std::string_view next = next_component(path);
    Container found = container_at(grandparent, parent, component, next);
    if (!found.id.empty()) {
      owner.kind = CgroupOwner::container;
      owner.ns = found.ns;
      owner.name = found.ns == kLxc ? found.id : found.id.substr(0, kShortIdBytes);
      owner.container_id = found.id;
      return true;
    }
    grandparent = parent;
    parent = component;
    component = next;
  }
  return false;
}

bool is_unit(std::string_view component) {
  for (std::string_view suffix : {".service", ".scope", ".socket", ".mount", ".swap"}) {
    if (ends_with(component, suffix)) return component.size() > suffix.size();
  }
  return false;
}

bool find_unit(std::string_view path, CgroupOwner& owner) {
  std::string_view unit, slice;
  bool in_machines = false;
  while (true) {
    std::string_view component = next_component(path);
    if (component.empty()) break;
    // systemd puts one '_' before a name that cgroupfs could take for a file of its own
    // (cg_escape).
    if (component[0] == '_') component.remove_prefix(1);
    if (is_unit(component)) {
      // user@1000.service/init.scope is that manager itself, not the node's /init.scope.
      if (component == "init.scope" && !unit.empty()) continue;
      unit = component;
      if (in_machines) break;  // what is deeper are units of that machine, not of this node
    } else if (ends_with(component, ".slice")) {
      slice = component;
      in_machines = in_machines || component == "machine.slice";
    }
  }
  std::string_view name = unit.empty() ? slice : unit;
  if (name.empty()) return false;
  owner.kind = CgroupOwner::unit;
  owner.ns = "systemd";
  owner.name = name;
  return true;
}

}  // namespace

CgroupOwner owner_of_path(std::string_view path) {
  CgroupOwner owner;
  path = without_noise(path);
  std::string_view rest = path;
  std::string_view component = next_component(rest);
  if (component.empty()) return owner;
  if (find_pod(path, owner) || find_container(path, owner) || find_unit(path, owner)) return owner;
  owner.kind = CgroupOwner::other;
  owner.name = component;
  while (!(component = next_component(rest)).empty()) {
    owner.name += '/';
    owner.name += component;
  }
  return owner;
}

}  // namespace kubepulse
