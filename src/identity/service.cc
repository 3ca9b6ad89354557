#include "identity/service.h"

#include <netinet/in.h>

#include <cstring>

namespace kubepulse {

IpBytes ip_bytes(const Address& address) {
  IpBytes bytes{};
  if (address.storage.ss_family == AF_INET6) {
    memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr, 16);
  } else {
    bytes[10] = bytes[11] = 0xFF;
    memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr, 4);
  }
  return bytes;
}

std::optional<IpBytes> parse_ip(std::string_view text) {
  std::optional<Address> address = Address::parse(text);
  if (!address) return std::nullopt;
  return ip_bytes(*address);
}

}  // namespace kubepulse
