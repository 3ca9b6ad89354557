// Any text as a name, and the first line of it as the cluster's domain: the answer is never empty
// and always static text or an end of the name that starts at a label.
//   clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -I.
//     -DPUBLIC_SUFFIX_FILE='"/usr/share/publicsuffix/public_suffix_list.dafsa"'
//     tests/fuzz/domain_fuzz.cc src/identity/{public_suffix,domain}.cc
#include <cstdint>
#include <cstdlib>
#include <string>

#include "identity/domain.h"
#include "identity/public_suffix.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool is_static(std::string_view domain) {
  for (std::string_view text : {"invalid", "search", "in-addr.arpa", "ip6.arpa"})
    if (domain == text) return true;
  return false;
}

void check_end(std::string_view name, std::string_view end) {
  require(end.size() <= name.size());
  require(name.substr(name.size() - end.size()) == end);
  require(end.size() == name.size() || name[name.size() - end.size() - 1] == '.');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t line = text.find('\n');
  DomainRules rules =
      line == std::string_view::npos ? DomainRules() : DomainRules(text.substr(0, line));
  std::string name(line == std::string_view::npos ? text : text.substr(line + 1));

  std::string_view domain = rules.domain_of(name, true);
  require(!domain.empty() || !name.empty());
  if (!is_static(domain)) check_end(name, domain);
  require(rules.domain_of(name, false) == "invalid");

  std::string_view registrable = registrable_domain(name);
  check_end(name, registrable);
  // What is found is found again.
  require(registrable_domain(registrable) == registrable);
  (void)is_listed_suffix(name);
  return 0;
}
