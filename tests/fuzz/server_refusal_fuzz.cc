// Whatever an error's body holds: what is told of it is short, and one line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "identity/server_refusal.h"

using namespace kubepulse;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  std::string message = error_body_message(body);
  bool is_line = std::all_of(message.begin(), message.end(),
                             [](unsigned char c) { return c >= ' ' && c != 0x7F; });
  if (!is_line || message.size() > 256) abort();
  return 0;
}
