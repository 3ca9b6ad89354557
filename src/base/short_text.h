// A text of at most N bytes that lives where it stands: no allocation.
#ifndef KUBEPULSE_BASE_SHORT_TEXT_H
#define KUBEPULSE_BASE_SHORT_TEXT_H

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text.h"

namespace kubepulse {

template <size_t N>
class ShortText {
 public:
  static constexpr size_t kBytesMax = N;
  static_assert(N <= UINT16_MAX);

  // False where `text` is longer, and was cut behind a whole character.
  bool assign(std::string_view text) {
    std::string_view kept = cut_text(text, N);
    if (!kept.empty()) memcpy(bytes_, kept.data(), kept.size());
    size_ = static_cast<uint16_t>(kept.size());
    return kept.size() == text.size();
  }
  void clear() { size_ = 0; }

  std::string_view view() const { return {bytes_, size_}; }
  bool empty() const { return size_ == 0; }

 private:
  uint16_t size_ = 0;
  char bytes_[N] = {};
};

}  // namespace kubepulse

#endif
