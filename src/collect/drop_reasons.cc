#include "collect/drop_reasons.h"

#include <bpf/btf.h>

#include <string_view>

namespace kubepulse {

namespace {

constexpr std::string_view kCore = "skb_drop_reason";
constexpr std::string_view kOfSubsystem = "_drop_reason";
constexpr std::string_view kPrefix = "SKB_DROP_REASON_";
// Above it stands the number of the subsystem (SKB_DROP_REASON_SUBSYS_MASK, since 6.4).
constexpr uint32_t kCoreMax = 0xFFFF;
// What subsystems call the bare number of theirs.
constexpr std::string_view kInternal = "__";

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

template <typename Visit>
void each_value(const btf* kernel, const btf_type* type, const Visit& visit) {
  const struct btf_enum* values = btf_enum(type);
  for (int i = 0; i < btf_vlen(type); i++)
    if (const char* name = btf__name_by_offset(kernel, values[i].name_off))
      visit(static_cast<uint32_t>(values[i].val), std::string_view(name));
}

}  // namespace

DropReasons DropReasons::from(const btf* kernel) {
  DropReasons reasons;
  for (uint32_t id = 1; id < btf__type_cnt(kernel); id++) {
    const btf_type* type = btf__type_by_id(kernel, id);
    if (!btf_is_enum(type)) continue;
    const char* text = btf__name_by_offset(kernel, type->name_off);
    std::string_view name = text != nullptr ? text : "";
    if (!ends_with(name, kOfSubsystem)) continue;
    bool is_core = name == kCore;
    each_value(kernel, type, [&](uint32_t value, std::string_view reason) {
      if ((value <= kCoreMax) != is_core || begins_with(reason, kInternal)) return;
      if (is_core && begins_with(reason, kPrefix)) reason.remove_prefix(kPrefix.size());
      reasons.names_.emplace(value, reason);
    });
  }
  if (reasons.names_.empty()) reasons.names_.emplace(0, "NOT_SPECIFIED");
  return reasons;
}

std::string DropReasons::name(uint32_t reason) const {
  auto known = names_.find(reason);
  return known != names_.end() ? known->second : std::to_string(reason);
}

uint32_t tracepoint_arguments(const btf* kernel, const char* tracepoint) {
  std::string name = std::string("btf_trace_") + tracepoint;
  int id = btf__find_by_name_kind(kernel, name.c_str(), BTF_KIND_TYPEDEF);
  const btf_type* type = id > 0 ? btf__type_by_id(kernel, static_cast<uint32_t>(id)) : nullptr;
  if (type != nullptr) type = btf__type_by_id(kernel, type->type);
  if (type == nullptr || !btf_is_ptr(type)) return 0;
  type = btf__type_by_id(kernel, type->type);
  if (type == nullptr || !btf_is_func_proto(type) || btf_vlen(type) == 0) return 0;
  return btf_vlen(type) - 1;  // the first is the tracepoint's own
}

}  // namespace kubepulse
