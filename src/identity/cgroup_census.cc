#include "identity/cgroup_census.h"

#include "identity/cgroup_path.h"

namespace kubepulse {

namespace {

bool is_same(const CgroupOwner& one, const CgroupOwner& other) {
  return one.kind == other.kind && one.ns == other.ns && one.name == other.name &&
         one.container_id == other.container_id;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

bool CgroupCensus::is_counted(std::string_view path) {
  CgroupOwner owner = owner_of_path(path);
  bool is_container = (owner.kind == CgroupOwner::pod && !owner.container_id.empty()) ||
                      owner.kind == CgroupOwner::container;
  bool is_unit = owner.kind == CgroupOwner::unit && !ends_with(owner.name, ".slice");
  if (!is_container && !is_unit) return false;
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos || !is_same(owner, owner_of_path(path.substr(0, slash)));
}

bool CgroupCensus::born(uint64_t id, std::string_view path) {
  if (!is_counted(path)) return false;
  std::string key(path);
  auto known = cgroups_.find(key);
  if (known != cgroups_.end()) {
    uint64_t before = known->second;
    if (before == id) return true;
    if (((before ^ id) & kLegacyBit) != 0) return false;
    known->second = id;
    replaced_(before);
  } else if (cgroups_.size() < kCgroupsMax) {
    cgroups_.emplace(std::move(key), id);
  } else {
    overflow_++;
    return false;
  }
  return true;
}

void CgroupCensus::scan(CgroupTree& tree) {
  tree.each([this](uint64_t id, const std::string& path) { born(id, path); });
}

void CgroupCensus::each(const std::function<bool(uint64_t id, const std::string& path)>& visit) {
  for (auto at = cgroups_.begin(); at != cgroups_.end();)
    at = visit(at->second, at->first) ? std::next(at) : cgroups_.erase(at);
}

}  // namespace kubepulse
