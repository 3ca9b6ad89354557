#include "identity/resolver_text.h"

#include <algorithm>

#include "base/text.h"
#include "collect/dns_message.h"

namespace kubepulse {

namespace {

constexpr size_t kNameserversMax = 3;
constexpr size_t kSearchMax = 6;
constexpr unsigned kNdotsMax = 15;
constexpr size_t kDnsLabelMax = 63;

std::string_view next_word(std::string_view& rest) {
  rest = trim_blanks(rest);
  size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

// In lower case, without the dot that ends an absolute name.
std::string plain_name(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  std::string plain(name);
  std::transform(plain.begin(), plain.end(), plain.begin(), ascii_lower);
  return plain;
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kDnsNameMax || name.back() == '.') return false;
  while (!name.empty()) {
    std::string_view label = next_piece(name, '.');
    bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (label.empty() || label.size() > kDnsLabelMax || !plain) return false;
  }
  return true;
}

}  // namespace

std::vector<Address> addresses_in_hosts(std::string_view text, std::string_view host) {
  std::string wanted = plain_name(host);
  std::vector<Address> found;
  while (!text.empty() && found.size() < kAddressesMax) {
    std::string_view line = next_piece(text, '\n');
    line = next_piece(line, '#');
    std::string_view address_text = next_word(line);
    bool named = false;
    for (std::string_view name = next_word(line); !name.empty() && !named; name = next_word(line))
      named = is_same_but_case(name, wanted);
    if (!named) continue;
    if (auto address = Address::parse(address_text)) found.push_back(*address);
  }
  return found;
}

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf conf;
  while (!text.empty()) {
    std::string_view line = next_piece(text, '\n');
    std::string_view keyword = next_word(line), word = next_word(line);
    if (keyword == "nameserver") {
      auto address = Address::parse(word);
      if (address && conf.nameservers.size() < kNameserversMax)
        conf.nameservers.push_back(*address);
    } else if (keyword == "search" || keyword == "domain") {  // the last of them counts
      conf.search.clear();
      for (; !word.empty() && conf.search.size() < kSearchMax; word = next_word(line))
        if (std::string domain = plain_name(word); is_name(domain)) conf.search.push_back(domain);
    } else if (keyword == "options") {
      for (; !word.empty(); word = next_word(line)) {
        bool is_ndots = next_piece(word, ':') == "ndots";
        auto ndots = is_ndots ? parse_number(word) : std::nullopt;
        if (ndots) conf.ndots = static_cast<unsigned>(std::min<uint64_t>(*ndots, kNdotsMax));
      }
    }
  }
  if (conf.nameservers.empty()) conf.nameservers.push_back(*Address::parse("127.0.0.1"));
  return conf;
}

std::vector<std::string> names_to_ask(std::string_view host, const ResolvConf& conf) {
  std::string name = plain_name(host);
  if (!is_name(name)) return {};
  bool absolute = host.back() == '.';
  std::vector<std::string> names;
  for (const std::string& domain : conf.search)
    if (!absolute && name.size() + 1 + domain.size() <= kDnsNameMax)
      names.emplace_back(name).append(".").append(domain);
  bool first = std::count(name.begin(), name.end(), '.') >= static_cast<ptrdiff_t>(conf.ndots);
  names.insert(first ? names.begin() : names.end(), name);
  return names;
}

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  std::string name = plain_name(host);
  if (name.size() < kName.size()) return false;
  size_t before = name.size() - kName.size();
  return name.substr(before) == kName && (before == 0 || name[before - 1] == '.');
}

}  // namespace kubepulse
