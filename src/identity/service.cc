#include "identity/service.h"

#include <arpa/inet.h>

#include <netinet/in.h>

#include <cstring>

namespace kubepulse {

IpBytes ip_bytes(int family, const uint8_t* bytes) {
  IpBytes all{};
  bool is_v6 = family == AF_INET6;
  if (!is_v6) all[10] = all[11] = 0xFF;
  memcpy(all.data() + (is_v6 ? 0 : 12), bytes, is_v6 ? 16 : 4);
  return all;
}

IpBytes ip_bytes(const Address& address) {
  const void* bytes = &reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr;
  if (address.storage.ss_family == AF_INET6)
    bytes = &reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr;
  return ip_bytes(address.storage.ss_family, static_cast<const uint8_t*>(bytes));
}

std::string ip_text(const IpBytes& address) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  bool is_v4 = memcmp(address.data(), kMapped, sizeof kMapped) == 0;
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_v4 ? AF_INET : AF_INET6, address.data() + (is_v4 ? sizeof kMapped : 0), text,
            sizeof text);
  return text;
}

std::optional<IpBytes> parse_ip(std::string_view text) {
  std::optional<Address> address = Address::parse(text);
  if (!address) return std::nullopt;
  return ip_bytes(*address);
}

}  // namespace kubepulse
