#include "publish/domains.h"

namespace kubepulse {

std::optional<Domains::Id> Domains::find(std::string_view name) const {
  auto known = by_name_.find(name);
  if (known == by_name_.end()) return std::nullopt;
  return known->second;
}

std::optional<Domains::Id> Domains::hold(std::string_view name) {
  if (auto known = find(name)) {
    slots_[*known].holders++;
    return known;
  }
  if (by_name_.size() >= kDomainsMax) return std::nullopt;
  Id id;
  if (free_.empty()) {
    id = static_cast<Id>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  slots_[id] = Slot{std::string(name), 1};
  by_name_.emplace(slots_[id].name, id);
  return id;
}

void Domains::release(Id id) {
  if (--slots_[id].holders > 0) return;
  by_name_.erase(slots_[id].name);
  slots_[id] = Slot{};
  free_.push_back(id);
}

}  // namespace kubepulse
