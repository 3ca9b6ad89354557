// Any bytes as messages of rtnetlink: what is told has a name and an index.
#include <cstdint>
#include <cstdlib>

#include "collect/interface_watch.h"

using namespace kubepulse;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parse_interface_messages({reinterpret_cast<const char*>(data), size},
                           [](const InterfaceState& state, bool) {
                             if (state.name.empty() || state.index == 0) abort();
                           });
  return 0;
}
