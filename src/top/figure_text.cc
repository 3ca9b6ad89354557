#include "top/figure_text.h"

#include <algorithm>
#include <cstdio>

namespace kubepulse {

namespace {

// Three digits that count, without zeros behind the point.
FigureText digits_text(double value, const char* unit) {
  FigureText figure;
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  int size = snprintf(figure.text, sizeof figure.text, "%.*f", decimals, value);
  while (decimals > 0 && (figure.text[size - 1] == '0' || figure.text[size - 1] == '.'))
    decimals = figure.text[--size] == '.' ? 0 : decimals;
  snprintf(figure.text + size, sizeof figure.text - static_cast<size_t>(size), "%s", unit);
  return figure;
}

// `units` from the smallest on; the next one where a value comes to `step_at`.
FigureText scaled(double value, double step, const char* units, double step_at) {
  if (value > 0 && value < 0.005) return {"<0.01"};
  char unit[2] = "";
  for (; value >= step_at && *units != '\0'; units++) {
    value /= step;
    unit[0] = *units;
  }
  return digits_text(std::min(value, 9999.0), unit);
}

}  // namespace

FigureText rate_text(double per_second) {
  return scaled(per_second, 1000, "kMGTP", 999.5);
}

FigureText bytes_text(double bytes) {
  return scaled(bytes, 1024, "KMGTP", 1023.5);
}

FigureText latency_text(double seconds) {
  if (seconds < 0) return {"-"};
  if (seconds < 999.5e-6) return digits_text(seconds * 1e6, "us");
  if (seconds < 999.5e-3) return digits_text(seconds * 1e3, "ms");
  return digits_text(std::min(seconds, 99999.0), "s");
}

FigureText percent_text(double share) {
  return share < 0 ? FigureText{"-"} : digits_text(share * 100, "");
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
