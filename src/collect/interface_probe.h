// The kernel side of interfaces: bpf/interface.bpf.c, loaded, attached to interfaces and read.
#ifndef KUBEPULSE_COLLECT_INTERFACE_PROBE_H
#define KUBEPULSE_COLLECT_INTERFACE_PROBE_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/status.h"
#include "bpf/event.h"
#include "collect/flavours.h"
#include "collect/interface_watch.h"
#include "collect/loader.h"
#include "collect/program_stats.h"

struct interface_bpf;

namespace kubepulse {

// Where on the way of a frame a program of XDP runs: in the driver, or behind it. The best first.
enum class XdpMode : uint8_t { native, generic };
const char* xdp_mode_name(XdpMode mode);

// Why a program was not attached to an interface that is like `state`, in a few words and with what
// to do; `error` is an errno. Pure.
std::string xdp_refusal(int error, XdpMode mode, const InterfaceState& state);

class InterfaceProbe {
 public:
  // The modes, each a flavour of the signal that an interface is.
  static const std::vector<Flavour>& flavours();
  // Loads the program, once for each slot. Attached to nothing yet. Tests break "native" or
  // "generic", or a program.
  static Result<std::unique_ptr<InterfaceProbe>> open(size_t slots, const LoadSettings& settings);
  ~InterfaceProbe();

  // To an interface, in the best mode that it takes; what it counts is added to what stands in the
  // slot. A program that is there already stays, and then ours does not come to it. With ours on
  // it the kernel keeps all others off, until the interface goes, we detach or we end.
  // `error`: the errno of the last refusal, 0: attached.
  Attached attach(size_t slot, const InterfaceState& state, int& error);
  void detach(size_t slot);
  // Whether it is still attached: the interface may be gone, or somebody has detached us.
  bool holds(size_t slot) const;

  // Counts so far of all CPUs; they only grow.
  Result<interface_counts> read(size_t slot) const;

  // Of one name, once for each slot. Its tables are arrays, always full and small, as variables
  // are: they are not among the maps.
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(interface_bpf* skeleton) const;
  };

  InterfaceProbe() = default;

  // A frame does not tell reliably by which interface it came, so each has its own program.
  struct Slot {
    std::unique_ptr<interface_bpf, SkeletonDeleter> skeleton;
    const bpf_program* program = nullptr;  // the one of the two that is loaded
    Fd link;                               // detaches when closed
  };

  std::vector<Slot> slots_;
  std::vector<std::string> broken_;
};

}  // namespace kubepulse

#endif
