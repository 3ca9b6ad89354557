#include "base/cut_middle.h"

#include "base/text.h"

namespace kubepulse {

std::string cut_middle(std::string_view text, size_t bytes_max) {
  constexpr std::string_view kBetween = "...";
  if (text.size() <= bytes_max) return std::string(text);
  size_t left = bytes_max - kBetween.size();
  std::string_view head = cut_text(text, left - left / 2);
  std::string_view tail = text.substr(text.size() - left / 2);
  auto is_inside = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
  while (!tail.empty() && is_inside(tail[0]))
    tail.remove_prefix(1);
  std::string cut(head);
  cut += kBetween;
  cut += tail;
  return cut;
}

}  // namespace kubepulse
