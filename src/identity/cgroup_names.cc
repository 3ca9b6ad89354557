#include "identity/cgroup_names.h"

namespace kubepulse {

void CgroupNames::born(uint64_t id, std::string_view path) {
  if (path.size() > path_bytes_max_) {
    size_t end = path.rfind('/', path_bytes_max_);
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
  if (path.empty()) return;
  auto [entry, is_new] = paths_.try_emplace(id);
  entry->second.assign(path);
  if (!is_new) return;
  if (by_age_.size() < kCgroupNamesMax) {
    by_age_.push_back(id);
    return;
  }
  paths_.erase(by_age_[oldest_]);
  by_age_[oldest_] = id;
  oldest_ = (oldest_ + 1) % kCgroupNamesMax;
}

const std::string* CgroupNames::find(uint64_t id) const {
  auto entry = paths_.find(id);
  return entry == paths_.end() ? nullptr : &entry->second;
}

}  // namespace kubepulse
