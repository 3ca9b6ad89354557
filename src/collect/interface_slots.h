// Which interface stands in which slot: each asked for by name has one for good, with a kernel
// program of its own, whichever interface has that name, so that its counts go on. Decides and
// logs; what it decides is done by `Kernel`.
#ifndef KUBEPULSE_COLLECT_INTERFACE_SLOTS_H
#define KUBEPULSE_COLLECT_INTERFACE_SLOTS_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collect/flavours.h"
#include "collect/interface_watch.h"

namespace kubepulse {

class InterfaceSlots {
 public:
  struct Kernel {
    // Of our network namespace; none: nobody has that name.
    std::function<Result<std::optional<InterfaceState>>(const std::string& name)> look;
    // What became of it; `signal` is not looked at. `error`: the errno of the last refusal, 0:
    // attached.
    std::function<Attached(size_t slot, const InterfaceState& state, int& error)> attach;
    std::function<void(size_t slot)> detach;
    // Whether what was attached still is: others may have taken it off.
    std::function<bool(size_t slot)> holds;
    std::function<uint64_t()> now_ns;
  };

  InterfaceSlots(const std::vector<std::string>& names, Kernel kernel);

  void look_at_all();
  // Something has changed about the interface that has this name or this index.
  void changed(std::string_view name, uint32_t index);

  // By slot; the signal is signal_of() its name. What the kernel does not tell by itself is looked
  // at first: that a program, ours or the one in its place, was detached as a link; and whether
  // what stood in the way apart from the interface itself is gone, at most once a minute.
  std::vector<Attached> outcome();

  static std::string signal_of(const std::string& name) { return "interface:" + name; }

 private:
  struct Slot {
    std::string name;
    // As it was when it was tried to attach last, which is not done again before it is another, or
    // is due: attaching is news itself. Index 0: nobody has the name.
    InterfaceState tried;
    uint64_t tried_ns = 0;
    int error = 0;
    bool attached = false;
    Attached outcome;
  };

  bool is_due(const Slot& slot) const;
  void look(size_t index);
  void leave(Slot& slot, size_t index);
  void attach(Slot& slot, size_t index, const InterfaceState& state);

  std::vector<Slot> slots_;
  Kernel kernel_;
};

}  // namespace kubepulse

#endif
