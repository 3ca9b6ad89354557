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

  ShortText() = default;
  ShortText(const ShortText& other) { copy(other.view()); }
  ShortText& operator=(const ShortText& other) {
    if (this != &other) copy(other.view());
    return *this;
  }

  // False where `text` is longer, and was cut behind a whole character.
  bool assign(std::string_view text) {
    std::string_view kept = cut_text(text, N);
    copy(kept);
    return kept.size() == text.size();
  }
  void clear() { size_ = 0; }

  std::string_view view() const { return {bytes_, size_}; }
  bool empty() const { return size_ == 0; }

 private:
  // Only what is held is copied: most texts are far shorter than they may be.
  void copy(std::string_view text) {
    if (!text.empty()) memcpy(bytes_, text.data(), text.size());
    size_ = static_cast<uint16_t>(text.size());
  }

  uint16_t size_ = 0;
  char bytes_[N];
};

}  // namespace kubepulse

#endif
