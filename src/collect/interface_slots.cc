#include "collect/interface_slots.h"

#include <cerrno>

#include "base/clock.h"
#include "base/log.h"

namespace kubepulse {

namespace {

constexpr uint64_t kRetryNs = 60 * kNsPerSecond;
constexpr const char* kNobody = "no interface has that name";

bool is_same(const InterfaceState& one, const InterfaceState& other) {
  return one.index == other.index && one.mtu == other.mtu && one.xdp_program == other.xdp_program &&
         one.xdp_attached == other.xdp_attached;
}

// Reasons that need not be the interface's own, such as a program of the bond above it: it is no
// news of the interface when they go.
bool may_pass(int error) {
  return error == EEXIST || error == EBUSY || error == ENOMEM;
}

}  // namespace

InterfaceSlots::InterfaceSlots(const std::vector<std::string>& names, Kernel kernel)
    : kernel_(std::move(kernel)) {
  for (const std::string& name : names) {
    slots_.emplace_back();
    slots_.back().name = name;
    slots_.back().outcome.signal = signal_of(name);
  }
}

void InterfaceSlots::look_at_all() {
  for (size_t i = 0; i < slots_.size(); i++)
    look(i);
}

void InterfaceSlots::changed(std::string_view name, uint32_t index) {
  for (size_t i = 0; i < slots_.size(); i++)
    if (slots_[i].name == name || (index != 0 && slots_[i].tried.index == index)) look(i);
}

std::vector<Attached> InterfaceSlots::outcome() {
  std::vector<Attached> all;
  for (size_t i = 0; i < slots_.size(); i++) {
    const Slot& slot = slots_[i];
    bool in_the_way = !slot.attached && slot.tried.xdp_attached != 0;
    if (in_the_way || is_due(slot) || (slot.attached && !kernel_.holds(i))) look(i);
    all.push_back(slot.outcome);
  }
  return all;
}

bool InterfaceSlots::is_due(const Slot& slot) const {
  return !slot.attached && may_pass(slot.error) && kernel_.now_ns() - slot.tried_ns >= kRetryNs;
}

void InterfaceSlots::look(size_t index) {
  Slot& slot = slots_[index];
  auto found = kernel_.look(slot.name);
  if (!found.ok()) {
    log_warn("an interface cannot be looked at",
             {{"interface", slot.name}, {"reason", found.status().message()}});
    return;
  }
  const std::optional<InterfaceState>& state = found.value();
  if (slot.tried.index != 0 && (!state || state->index != slot.tried.index)) leave(slot, index);
  if (slot.attached && !kernel_.holds(index)) {
    slot.attached = false;
    slot.outcome.flavour.clear();
    slot.outcome.refused = {{"", "somebody has detached the program"}};
    log_warn("an interface is not counted any more: somebody has detached the program",
             {{"interface", slot.name}});
  }
  bool is_new = state && !is_same(*state, slot.tried);
  if (state && !slot.attached && (is_new || is_due(slot))) attach(slot, index, *state);
  if (state || !slot.outcome.refused.empty()) return;
  slot.outcome.refused = {{"", kNobody}};
  log_info("an interface is not there: it is counted once it is", {{"interface", slot.name}});
}

void InterfaceSlots::leave(Slot& slot, size_t index) {
  kernel_.detach(index);
  slot.tried = {};
  slot.error = 0;
  slot.attached = false;
  slot.outcome.flavour.clear();
  slot.outcome.refused = {{"", kNobody}};
  log_info("an interface is gone: it is counted once it is back", {{"interface", slot.name}});
}

void InterfaceSlots::attach(Slot& slot, size_t index, const InterfaceState& state) {
  std::string refused_before = slot.outcome.refused_text();
  slot.tried = state;
  slot.tried_ns = kernel_.now_ns();
  slot.outcome = kernel_.attach(index, state, slot.error);
  slot.outcome.signal = signal_of(slot.name);
  slot.attached = !slot.outcome.flavour.empty();
  std::string refused = slot.outcome.refused_text();
  if (slot.attached && refused.empty())
    log_info("an interface is counted", {{"interface", slot.name}, {"mode", slot.outcome.flavour}});
  else if (slot.attached)
    log_info("an interface is counted",
             {{"interface", slot.name}, {"mode", slot.outcome.flavour}, {"refused", refused}});
  else if (refused != refused_before)
    log_warn("an interface is not counted", {{"interface", slot.name}, {"reason", refused}});
}

}  // namespace kubepulse
