// One number for some names, the same on every start of the daemon. Pure.
#ifndef KUBEPULSE_INSIGHT_NAME_HASH_H
#define KUBEPULSE_INSIGHT_NAME_HASH_H

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace kubepulse {

// FNV-1a; a byte that no text has stands behind each. Never 0.
inline uint64_t hash_names(std::initializer_list<std::string_view> names) {
  uint64_t hash = 0xCBF29CE484222325;
  for (std::string_view name : names) {
    for (char byte : name)
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
    hash = (hash ^ 0xFF) * 0x100000001B3;
  }
  return hash == 0 ? 1 : hash;
}

}  // namespace kubepulse

#endif
