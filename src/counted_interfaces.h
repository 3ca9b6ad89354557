// The interfaces of --interface: what counts on them, the news of them, and what they tell.
#ifndef KUBEPULSE_COUNTED_INTERFACES_H
#define KUBEPULSE_COUNTED_INTERFACES_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "collect/interface_probe.h"
#include "collect/interface_slots.h"
#include "collect/interface_watch.h"
#include "publish/catalogue.h"

namespace kubepulse {

class CountedInterfaces {
 public:
  // Of the network namespace that we are in: attaches to those that are there. What is in the way
  // is in the outcome. Without names it does nothing, and there is nothing of it.
  void open(const std::vector<std::string>& names, const LoadSettings& settings);
  // From now on those that come and go, too. `loop` outlives it.
  void watch(Loop& loop);

  // What there is to be attached, and what became of it; in the order of the names. Signals live as
  // long as we do.
  std::vector<Signal> signals() const;
  std::vector<Attached> outcome();

  std::vector<InterfaceFrames> frames() const;
  void each_program(const VisitProgram& visit) const;

 private:
  std::vector<std::string> names_, signal_names_;
  std::string problem_;  // why the program cannot be had; then there is neither of these
  std::unique_ptr<InterfaceProbe> probe_;
  std::optional<InterfaceSlots> slots_;
  std::unique_ptr<InterfaceWatch> watch_;
};

}  // namespace kubepulse

#endif
