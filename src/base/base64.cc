#include "base/base64.h"

#include <cstdint>

namespace kubepulse {
namespace {

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;  // those of the characters since the last whole four
  int characters = 0, padding = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      padding++;
      continue;
    }
    int value = value_of(c);
    if (value < 0 || padding > 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++characters < 4) continue;
    for (int shift : {16, 8, 0})
      out += static_cast<char>(bits >> shift & 0xFF);
    bits = 0;
    characters = 0;
  }
  if (padding != (4 - characters) % 4 || characters == 1) return std::nullopt;
  if (characters == 0) return out;
  int left_over = characters == 2 ? 4 : 2;
  if ((bits & ((1U << left_over) - 1)) != 0) return std::nullopt;
  bits >>= left_over;
  if (characters == 3) out += static_cast<char>(bits >> 8 & 0xFF);
  out += static_cast<char>(bits & 0xFF);
  return out;
}

}  // namespace kubepulse
