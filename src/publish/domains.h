// The DNS domains that are label values, each held once. Ids are dense and re-used.
#ifndef KUBEPULSE_PUBLISH_DOMAINS_H
#define KUBEPULSE_PUBLISH_DOMAINS_H

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kubepulse {

class Domains {
 public:
  using Id = uint32_t;

  static constexpr size_t kDomainsMax = 10000;

  // None where it is not held.
  std::optional<Id> find(std::string_view name) const;
  // Holds it once more; none where it is new and the table is full.
  std::optional<Id> hold(std::string_view name);
  // The last release forgets it.
  void release(Id id);

  const std::string& name(Id id) const { return slots_[id].name; }
  size_t size() const { return by_name_.size(); }

 private:
  struct Slot {
    std::string name;
    uint32_t holders = 0;
  };

  std::deque<Slot> slots_;  // does not move what by_name_ points at
  std::vector<Id> free_;
  std::unordered_map<std::string_view, Id> by_name_;
};

}  // namespace kubepulse

#endif
