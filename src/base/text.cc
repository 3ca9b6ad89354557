#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <vector>

#include "base/clock.h"

namespace kubepulse {

namespace {

template <typename T>
void append_chars(std::string& out, T value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end.ptr);
}

// `value` with its last `places` digits behind a point, without zeros at the end.
void append_decimal(std::string& out, uint64_t value, int places) {
  char digits[24] = {};
  uint64_t whole = value;
  for (int at = places; at >= 1; at--, whole /= 10)
    digits[at] = static_cast<char>('0' + whole % 10);
  digits[0] = '.';
  int last = places;
  while (last > 0 && digits[last] == '0')
    last--;
  append_chars(out, whole);
  if (last > 0) out.append(digits, static_cast<size_t>(last) + 1);
}

// printf(3) takes longer than all else that makes a line of the event log.
void append_padded(std::string& out, uint64_t value, size_t digits_min) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value);
  auto count = static_cast<size_t>(end.ptr - digits);
  if (count < digits_min) out.append(digits_min - count, '0');
  out.append(digits, count);
}

bool is_plain_in_json(char c) {
  return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

// Length of the well-formed UTF-8 character at the start of `text` (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF); 0 where there is none.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  auto continues = [&](size_t at, unsigned low = 0x80, unsigned high = 0xBF) {
    return at < text.size() && byte(at) >= low && byte(at) <= high;
  };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

// Length of the control character at the start of `text`; 0 where there is none. U+0080 to U+009F
// are controls, too: a terminal may obey them.
size_t control_length(std::string_view text) {
  auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x20 || first == 0x7F) return 1;
  if (first != 0xC2 || text.size() < 2) return 0;
  auto second = static_cast<unsigned char>(text[1]);
  return second >= 0x80 && second < 0xA0 ? 2 : 0;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

void append_number(std::string& out, uint64_t value) {
  append_chars(out, value);
}
void append_number(std::string& out, int64_t value) {
  append_chars(out, value);
}

void append_seconds(std::string& out, uint64_t ns) {
  append_decimal(out, ns, 9);
}
void append_milliseconds(std::string& out, uint64_t ns) {
  append_decimal(out, ns, 6);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain_in_json(text[plain]))
      plain++;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    auto byte = static_cast<unsigned char>(text[0]);
    size_t length = 1;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[0];
    } else if ((length = control_length(text)) > 0) {
      char escape[8];
      // In UTF-8 the last byte of each of them is its number.
      int size =
          snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(text[length - 1]));
      out.append(escape, static_cast<size_t>(size));
    } else if ((length = utf8_length(text)) > 0) {
      out += text.substr(0, length);
    } else {
      out += kReplacement;
      length = 1;
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_shown(std::string& out, std::string_view text) {
  while (!text.empty()) {
    size_t control = control_length(text);
    size_t length = control > 0 ? 0 : utf8_length(text);
    out += length > 0 ? text.substr(0, length) : kReplacement;
    text.remove_prefix(std::max({control, length, size_t{1}}));
  }
}

std::string_view cut_text(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t used = 0;
  for (;;) {
    size_t length = std::max(utf8_length(text.substr(used)), size_t{1});
    if (used + length > bytes_max) return text.substr(0, used);
    used += length;
  }
}

void append_label_value(std::string& out, std::string_view text, size_t bytes_max) {
  text = cut_text(text, bytes_max);
  while (!text.empty()) {
    auto byte = static_cast<unsigned char>(text[0]);
    size_t length = utf8_length(text);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[0];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      out += kReplacement;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max(length, size_t{1}));
  }
}

void append_rfc3339(std::string& out, uint64_t realtime_ns) {
  auto seconds = static_cast<time_t>(realtime_ns / kNsPerSecond);
  tm utc{};
  gmtime_r(&seconds, &utc);
  auto part = [&out](int value, size_t digits, char behind) {
    append_padded(out, static_cast<uint64_t>(value), digits);
    out += behind;
  };
  part(utc.tm_year + 1900, 4, '-');
  part(utc.tm_mon + 1, 2, '-');
  part(utc.tm_mday, 2, 'T');
  part(utc.tm_hour, 2, ':');
  part(utc.tm_min, 2, ':');
  part(utc.tm_sec, 2, '.');
  part(static_cast<int>(realtime_ns % kNsPerSecond / 1000), 6, 'Z');
}

std::optional<uint64_t> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000Z";
  if (text.size() != kForm.size()) return std::nullopt;
  for (size_t at = 0; at < kForm.size(); at++) {
    bool digit = text[at] >= '0' && text[at] <= '9';
    if (kForm[at] == '0' ? !digit : text[at] != kForm[at]) return std::nullopt;
  }
  auto number = [text](size_t at, size_t digits) {
    return static_cast<int>(parse_number(text.substr(at, digits)).value_or(0));
  };
  tm utc{};
  utc.tm_year = number(0, 4) - 1900;
  utc.tm_mon = number(5, 2) - 1;
  utc.tm_mday = number(8, 2);
  utc.tm_hour = number(11, 2);
  utc.tm_min = number(14, 2);
  utc.tm_sec = number(17, 2);
  // Nanoseconds have room for five centuries; what is beyond its month counts into the next.
  constexpr int kFirst = 1970 - 1900, kLast = 2500 - 1900;
  if (utc.tm_year < kFirst || utc.tm_year > kLast) return std::nullopt;
  auto seconds = static_cast<uint64_t>(std::max(timegm(&utc), time_t{0}));
  return seconds * kNsPerSecond + static_cast<uint64_t>(number(20, 6)) * 1000;
}

std::optional<uint64_t> parse_number(std::string_view text, uint64_t max) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 16) return std::nullopt;
  uint64_t value = 0;
  for (char byte : text) {
    char digit = ascii_lower(byte);
    bool decimal = digit >= '0' && digit <= '9';
    if (!decimal && (digit < 'a' || digit > 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
  }
  return value;
}

char ascii_lower(char byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 'a' - 'A') : byte;
}

bool is_same_but_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return ascii_lower(a) == b; });
}

std::string unescape_octal(std::string_view text) {
  auto digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    size_t length = utf8_length(text);
    if (length == 0 || control_length(text) > 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string_view trim_blanks(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<size_t> row(other.size() + 1);
  for (size_t i = 0; i <= other.size(); i++)
    row[i] = i;
  for (size_t i = 0; i < one.size(); i++) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < other.size(); j++) {
      size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row[other.size()];
}

std::string_view next_piece(std::string_view& rest, char separator) {
  size_t at = rest.find(separator);
  std::string_view piece = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return piece;
}

}  // namespace kubepulse
