// Any text as a selector and as lists of namespaces: what is taken is stable against more spaces,
// and each requirement and its negation never hold together.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "identity/kubernetes_name.h"
#include "identity/label_selector.h"
#include "identity/namespace_filter.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Label labels[] = {{"a", "b"}, {"n", "5"}, {"e", ""}, {"x.io/a", "c"}};
  std::string text(reinterpret_cast<const char*>(data), size);
  Result<LabelSelector> selector = LabelSelector::parse(text);
  if (selector.ok()) {
    bool matches = selector.value().matches(labels, 4);
    if (text.size() < LabelSelector::kTextBytesMax) {
      Result<LabelSelector> spaced = LabelSelector::parse(" " + text);
      require(spaced.ok() && spaced.value().matches(labels, 4) == matches);
      require(spaced.value().empty() == selector.value().empty());
    }
    require(!selector.value().empty() || matches);
  } else {
    require(!selector.status().message().empty());
  }
  if (is_label_key(text) && text.size() + 1 <= LabelSelector::kTextBytesMax) {
    require(selector.ok());
    Result<LabelSelector> negated = LabelSelector::parse("!" + text);
    require(negated.ok());
    require(negated.value().matches(labels, 4) != selector.value().matches(labels, 4));
  }
  Result<NamespaceFilter> only = NamespaceFilter::parse(text, ""),
                          excluded = NamespaceFilter::parse("", text);
  require(only.ok() == excluded.ok());
  if (is_dns_label(text)) {
    require(only.ok() && only.value().matches(text) && !excluded.value().matches(text));
  }
  return 0;
}
