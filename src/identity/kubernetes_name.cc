#include "identity/kubernetes_name.h"

#include <algorithm>

#include "base/text.h"
#include "identity/pod.h"

namespace kubepulse {
namespace {

constexpr size_t kLabelValueBytesMax = 63;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_alnum(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}
bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_dns_part(std::string_view text) {
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

}  // namespace

bool is_dns_label(std::string_view text) {
  return text.size() <= kDnsLabelBytesMax && is_dns_part(text);
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > kDnsNameBytesMax || text.back() == '.') return false;
  while (!text.empty())
    if (!is_dns_part(next_piece(text, '.'))) return false;
  return true;
}

bool is_label_key(std::string_view text) {
  size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    if (!is_dns_subdomain(text.substr(0, slash))) return false;
    text.remove_prefix(slash + 1);
  }
  return !text.empty() && is_label_value(text);
}

bool is_label_value(std::string_view text) {
  if (text.empty()) return true;
  return text.size() <= kLabelValueBytesMax && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_pod_uid(std::string_view text) {
  if (text.size() == 32) return std::all_of(text.begin(), text.end(), is_lower_hex);
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_lower_hex(text[i])) return false;
  }
  return true;
}

}  // namespace kubepulse
