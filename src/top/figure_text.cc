#include "top/figure_text.h"

#include <algorithm>
#include <cstdio>

namespace kubepulse {

namespace {

// Three digits that count, without zeros behind the point.
std::string digits_text(double value) {
  char text[32];
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string shown = text;
  if (decimals == 0) return shown;
  shown.erase(shown.find_last_not_of('0') + 1);
  if (shown.back() == '.') shown.pop_back();
  return shown;
}

// `units` from the smallest on; one is left for the next when three digits have no room.
std::string scaled(double value, double step, const char* units, double step_at) {
  size_t unit = 0;
  while (value >= step_at && units[unit] != '\0') {
    value /= step;
    unit++;
  }
  std::string text = digits_text(std::min(value, 9999.0));
  if (unit > 0) text += units[unit - 1];
  return text;
}

}  // namespace

std::string rate_text(double per_second) {
  if (per_second > 0 && per_second < 0.005) return "<0.01";
  return scaled(per_second, 1000, "kMGTP", 999.5);
}

std::string bytes_text(double bytes) {
  if (bytes > 0 && bytes < 0.005) return "<0.01";
  return scaled(bytes, 1024, "KMGTP", 1023.5);
}

std::string latency_text(std::optional<double> seconds) {
  if (!seconds) return "-";
  if (*seconds < 999.5e-6) return digits_text(*seconds * 1e6) + "us";
  if (*seconds < 999.5e-3) return digits_text(*seconds * 1e3) + "ms";
  return digits_text(std::min(*seconds, 99999.0)) + "s";
}

std::string percent_text(std::optional<double> share) {
  if (!share) return "-";
  return digits_text(*share * 100);
}

std::string plain_name(std::string_view name) {
  std::string plain;
  for (size_t i = 0; i < name.size();) {
    auto first = static_cast<unsigned char>(name[i++]);
    bool printable = first >= 0x20 && first < 0x7F;
    plain += printable ? static_cast<char>(first) : '?';
    if (first < 0xC0) continue;
    while (i < name.size() && (static_cast<unsigned char>(name[i]) & 0xC0) == 0x80)
      i++;
  }
  return plain;
}

std::string cut_name(std::string_view plain, size_t columns) {
  if (plain.size() <= columns) return std::string(plain);
  if (columns == 0) return {};
  return std::string(plain.substr(0, columns - 1)) + '+';
}

}  // namespace kubepulse
