// libFuzzer: any bytes as a cgroup path, as /proc/PID/cgroup and as /proc/self/mountinfo.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "identity/cgroup_path.h"
#include "identity/cgroup_tree.h"
#include "identity/proc_cgroup.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool same(const CgroupOwner& a, const CgroupOwner& b) {
  return a.kind == b.kind && a.ns == b.ns && a.name == b.name && a.pod_uid == b.pod_uid &&
         a.container_id == b.container_id;
}

void check_owner(const std::string& path) {
  CgroupOwner owner = owner_of_path(path);
  require(!owner.ns.empty() && !owner.name.empty());
  require(owner.name.size() <= std::max(path.size(), std::string("kernel").size()));
  bool is_pod = owner.kind == CgroupOwner::pod;
  require(is_pod == !owner.pod_uid.empty());
  require(!is_pod || owner.pod_uid.size() == 36 || owner.pod_uid.size() == 32);
  require(!is_pod || owner.container_id.empty() || owner.container_id.size() == 64);
  if (owner.kind == CgroupOwner::container) require(!owner.container_id.empty());
  if (owner.kind == CgroupOwner::unit || owner.kind == CgroupOwner::other) {
    require(owner.container_id.empty());
  }
  // Where the reader stands changes nothing, nor does what the node itself runs in.
  require(same(owner, owner_of_path("/../.." + std::string("/") + path)));
  if (is_pod) require(same(owner, owner_of_path("/docker/x.service/" + path)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check_owner(text);
  std::string path = best_path(text);
  require(path.empty() || (path[0] == '/' && text.find(path) != std::string::npos));
  check_owner(path);
  CgroupMounts mounts = parse_cgroup_mounts(text);
  require(mounts.legacy.empty() == mounts.legacy_controller.empty());
  return 0;
}
