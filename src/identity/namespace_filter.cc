#include "identity/namespace_filter.h"

#include <algorithm>

#include "base/text.h"
#include "identity/kubernetes_name.h"

namespace kubepulse {
namespace {

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool contains(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

}  // namespace

Status NamespaceFilter::parse_list(std::string_view text, std::vector<std::string>& names) {
  if (trim(text).empty()) return {};
  if (trim(text).back() == ',') return Status::error("a name is missing behind the last \",\"");
  while (!text.empty()) {
    std::string_view name = trim(next_piece(text, ','));
    if (!is_dns_label(name))
      return Status::error("\"" + std::string(cut_text(name, 128)) +
                           "\" is not a namespace's name");
    if (names.size() == kNamesMax)
      return Status::error("more than " + std::to_string(kNamesMax) + " names");
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return {};
}

Result<NamespaceFilter> NamespaceFilter::parse(std::string_view only, std::string_view excluded) {
  NamespaceFilter filter;
  Status status = parse_list(only, filter.only_);
  if (status.ok()) status = parse_list(excluded, filter.excluded_);
  if (!status.ok()) return status;
  return filter;
}

bool NamespaceFilter::matches(std::string_view ns) const {
  return (only_.empty() || contains(only_, ns)) && !contains(excluded_, ns);
}

}  // namespace kubepulse
