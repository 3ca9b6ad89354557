// What /etc/hosts and /etc/resolv.conf say about a host name. Pure.
#ifndef KUBEPULSE_IDENTITY_RESOLVER_TEXT_H
#define KUBEPULSE_IDENTITY_RESOLVER_TEXT_H

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "identity/address.h"

namespace kubepulse {

constexpr size_t kAddressesMax = 8;  // of one name

// Of the lines of hosts(5) that name `host`, in their order.
std::vector<Address> addresses_in_hosts(std::string_view text, std::string_view host);

// resolv.conf(5): what is beyond the bounds, unknown or malformed is passed over, as there.
struct ResolvConf {
  std::vector<Address> nameservers;  // 1 to 3: 127.0.0.1 where the text has none
  std::vector<std::string> search;   // at most 6
  unsigned ndots = 1;                // at most 15
};
ResolvConf parse_resolv_conf(std::string_view text);

// What to ask DNS for, in this order, in lower case and without a dot at the end: `host` as it is
// and within each search domain. Empty where `host` cannot be a name in DNS.
std::vector<std::string> names_to_ask(std::string_view host, const ResolvConf& conf);

// "localhost" or a name below it, which is never asked for (RFC 6761, 6.3).
bool is_localhost(std::string_view host);

}  // namespace kubepulse

#endif
