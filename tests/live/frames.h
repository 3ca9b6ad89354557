// Frames that a test makes byte by byte, and sends from the far end of a cable.
#ifndef KUBEPULSE_TESTS_LIVE_FRAMES_H
#define KUBEPULSE_TESTS_LIVE_FRAMES_H

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"

namespace kubepulse::live {

using Bytes = std::vector<uint8_t>;

struct Frame {
  Bytes bytes;
  const char* protocol;  // as it is to be counted
};

// To nobody: no stack answers it. `tags` are types of VLAN tags, the outermost first.
Bytes make_frame(uint16_t type, const Bytes& payload, const std::vector<uint16_t>& tags = {});
// `fragment` is that field of the header, offset and flags; `options` are words of padding.
Bytes make_ipv4(uint8_t protocol, unsigned options = 0, uint16_t fragment = 0, size_t payload = 16);
// Behind extension headers of 8 bytes each, `offset` in that of a fragment, in 8 bytes.
Bytes make_ipv6(const Bytes& headers, uint8_t last, uint16_t offset = 0, size_t payload = 16);

// All kinds: each protocol, options, extension headers, fragments, tags, and what is cut off.
std::vector<Frame> all_frames();

// Sends by this interface of our network namespace, as it is.
Fd open_interface(const std::string& name);
void send_frame(const Fd& interface, const Bytes& frame);

}  // namespace kubepulse::live

#endif
