// Base64 (RFC 4648 section 4) to bytes.
#ifndef KUBEPULSE_BASE_BASE64_H
#define KUBEPULSE_BASE_BASE64_H

#include <optional>
#include <string>
#include <string_view>

namespace kubepulse {

// Line ends anywhere are passed over, as base64(1) writes them. Anything else that is not of the
// alphabet, padding that is missing or too much, and bits that padding leaves over are refused.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace kubepulse

#endif
