#include "identity/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace kubepulse {

Address Address::of(int family, const uint8_t* bytes) {
  Address address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET6) {
    address.length = sizeof(sockaddr_in6);
    memcpy(&reinterpret_cast<sockaddr_in6&>(address.storage).sin6_addr, bytes, 16);
  } else {
    address.length = sizeof(sockaddr_in);
    memcpy(&reinterpret_cast<sockaddr_in&>(address.storage).sin_addr, bytes, 4);
  }
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  // inet_pton() would stop at a NUL byte and take what is before it.
  if (text.find('\0') != text.npos) return std::nullopt;
  uint8_t bytes[16];
  std::string terminated(text);
  for (int family : {AF_INET, AF_INET6})
    if (inet_pton(family, terminated.c_str(), bytes) == 1) return of(family, bytes);
  return std::nullopt;
}

// Ports are at the same place in both.
void Address::set_port(uint16_t port) {
  reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
}

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text,
              sizeof text);
  else
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
  return text;
}

}  // namespace kubepulse
