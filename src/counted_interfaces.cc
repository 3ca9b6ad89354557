#include "counted_interfaces.h"

#include "base/clock.h"
#include "base/log.h"

namespace kubepulse {

static_assert(kPacketProtocols == PACKET_PROTOCOLS, "as the kernel programs count");

void CountedInterfaces::open(const std::vector<std::string>& names, const LoadSettings& settings) {
  names_ = names;
  for (const std::string& name : names_)
    signal_names_.push_back(InterfaceSlots::signal_of(name));
  if (names_.empty()) return;
  auto probe = InterfaceProbe::open(names_.size(), settings);
  if (!probe.ok()) {
    problem_ = probe.status().message();
    log_warn("interfaces are not counted", {{"reason", problem_}});
    return;
  }
  probe_ = std::move(probe.value());
  InterfaceProbe* kernel = probe_.get();
  slots_.emplace(names_, InterfaceSlots::Kernel{
                             look_at_interface,
                             [kernel](size_t slot, const InterfaceState& state, int& error) {
                               return kernel->attach(slot, state, error);
                             },
                             [kernel](size_t slot) { kernel->detach(slot); },
                             [kernel](size_t slot) { return kernel->holds(slot); },
                             monotonic_ns,
                         });
  slots_->look_at_all();
}

void CountedInterfaces::watch(Loop& loop) {
  if (!slots_) return;
  auto watch = InterfaceWatch::start(loop, [this](std::string_view name, uint32_t index) {
    if (index == 0)
      slots_->look_at_all();
    else
      slots_->changed(name, index);
  });
  if (!watch.ok()) {
    log_warn("interfaces that come later are not counted", {{"reason", watch.status().message()}});
    return;
  }
  watch_ = std::move(watch.value());
  slots_->look_at_all();  // what came before there was news
}

std::vector<Signal> CountedInterfaces::signals() const {
  std::vector<Signal> all;
  for (const std::string& name : signal_names_)
    all.push_back({name.c_str(), InterfaceProbe::flavours()});
  return all;
}

std::vector<Attached> CountedInterfaces::outcome() {
  if (slots_) return slots_->outcome();
  std::vector<Attached> all;
  for (const std::string& name : signal_names_)
    all.push_back({name, "", {{"", problem_}}});
  return all;
}

std::vector<InterfaceFrames> CountedInterfaces::frames() const {
  std::vector<InterfaceFrames> all;
  for (size_t slot = 0; probe_ && slot < names_.size(); slot++) {
    auto counts = probe_->read(slot);
    if (!counts.ok()) {
      log_warn("frames of an interface cannot be read",
               {{"interface", names_[slot]}, {"reason", counts.status().message()}});
      continue;
    }
    InterfaceFrames frames;
    frames.interface = names_[slot];
    for (size_t i = 0; i < kPacketProtocols; i++) {
      frames.packets[i] = counts.value().frames[i].packets;
      frames.bytes[i] = counts.value().frames[i].bytes;
    }
    all.push_back(std::move(frames));
  }
  return all;
}

void CountedInterfaces::each_program(const VisitProgram& visit) const {
  if (probe_) probe_->each_program(visit);
}

}  // namespace kubepulse
