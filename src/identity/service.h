// A service and a slice of endpoints, as far as names and addresses go. Bounded.
#ifndef KUBEPULSE_IDENTITY_SERVICE_H
#define KUBEPULSE_IDENTITY_SERVICE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/short_text.h"
#include "identity/address.h"
#include "identity/pod.h"

namespace kubepulse {

// An address of either family: of IPv4 the mapped one (::ffff:10.0.0.1), as sockets have it, too.
using IpBytes = std::array<uint8_t, 16>;
IpBytes ip_bytes(const Address& address);
// `bytes`: 4 of AF_INET, 16 of AF_INET6.
IpBytes ip_bytes(int family, const uint8_t* bytes);
// "10.0.0.1", "2001:db8::1"
std::string ip_text(const IpBytes& address);
// Nothing where it is no address, but "None" or a host's name.
std::optional<IpBytes> parse_ip(std::string_view text);

struct Service {
  static constexpr size_t kAddressesMax = 64;

  ShortText<kDnsLabelBytesMax> ns, name;
  std::vector<IpBytes> addresses;  // of the cluster, external, of load balancers; headless: none
  size_t cut = 0;                  // addresses that were left out for want of room
};

struct EndpointSlice {
  static constexpr size_t kEndpointsMax = 1000;  // as many as Kubernetes allows

  struct Endpoint {
    IpBytes address;
    std::string pod;  // in the namespace of the slice
  };
  ShortText<kDnsLabelBytesMax> ns;
  ShortText<kDnsNameBytesMax> name;
  std::vector<Endpoint> endpoints;  // those that are pods
  size_t cut = 0;
};

}  // namespace kubepulse

#endif
