#include "insight/shell.h"

#include <algorithm>

#include "base/text.h"

namespace kubepulse {

namespace {

// None of these means anything to a shell, wherever in a word.
bool is_harmless(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') ||
         std::string_view("-_./:@%+,=").find(byte) != std::string_view::npos;
}

void append_quoted(std::string& out, std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_harmless)) {
    out += text;
    return;
  }
  out += '\'';
  for (char byte : text) {
    if (byte == '\'')
      out += "'\\''";
    else
      out += byte;
  }
  out += '\'';
}

}  // namespace

void Command::add(std::string_view prefix, std::string_view text) {
  if (!text_.empty()) text_ += ' ';
  text_ += prefix;
  append_quoted(text_, text);
  is_shown_ = is_shown_ && is_printable(text);
}

}  // namespace kubepulse
