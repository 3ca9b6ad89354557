// Which namespaces are meant: those named, without those excluded. Pure.
#ifndef KUBEPULSE_IDENTITY_NAMESPACE_FILTER_H
#define KUBEPULSE_IDENTITY_NAMESPACE_FILTER_H

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse {

class NamespaceFilter {
 public:
  static constexpr size_t kNamesMax = 256;  // of each list

  // Lists of names, joined by commas, with spaces around them or not; "" is no list. An error names
  // what is no namespace's name (a DNS label).
  static Result<NamespaceFilter> parse(std::string_view only, std::string_view excluded);

  // Without a list of the first kind every namespace is meant; exclusion wins.
  bool matches(std::string_view ns) const;
  bool empty() const { return only_.empty() && excluded_.empty(); }

 private:
  static Status parse_list(std::string_view text, std::vector<std::string>& names);

  std::vector<std::string> only_, excluded_;  // in order
};

}  // namespace kubepulse

#endif
