// A payload through all that happens to its name: parsed, its domain decided, written as a label
// value and into the event log.
//   clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -I.
//     -DPUBLIC_SUFFIX_FILE='"/usr/share/publicsuffix/public_suffix_list.dafsa"'
//     tests/fuzz/dns_message_fuzz.cc src/collect/dns_message.cc
//     src/identity/{public_suffix,domain}.cc src/base/text.cc
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/text.h"
#include "collect/dns_message.h"
#include "identity/domain.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check_label(std::string_view value) {
  for (size_t at = 0; at < value.size(); at++) {
    auto byte = static_cast<unsigned char>(value[at]);
    require(byte >= 0x20 && byte != 0x7F && byte != '"');
    if (byte == '\\') {
      require(++at < value.size());
      require(value[at] == '\\' || value[at] == '"' || value[at] == 'n');
    }
  }
}

void check_json(std::string_view value) {
  require(value.size() >= 2 && value.front() == '"' && value.back() == '"');
  for (char letter : value)
    require(static_cast<unsigned char>(letter) >= 0x20);
}

void check_name(const DnsMessage& message) {
  std::string_view name = message.name();
  require(!name.empty() && name.size() <= kDnsNameMax);
  if (message.odd || name == ".") return;
  require(name.front() != '.' && name.back() != '.');
  require(name.find("..") == std::string_view::npos);
  require(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
          std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const DomainRules rules;
  DnsMessage message;
  memset(&message, 0, sizeof message);
  DnsParse outcome = parse_dns_message(data, size, message);
  require((outcome == DnsParse::too_short) == (size < 12));
  bool well_formed = outcome == DnsParse::well_formed;
  if (well_formed) check_name(message);
  require(well_formed || message.name().empty());

  std::string_view domain = rules.domain_of(message.name(), well_formed && !message.odd);
  require(!domain.empty());
  std::string text;
  append_label_value(text, domain);
  check_label(text);
  text.clear();
  append_label_value(text, message.name());
  check_label(text);
  text.clear();
  append_json_string(text, message.name());
  check_json(text);
  return 0;
}
