// An IP address as sockets take it.
#ifndef KUBEPULSE_IDENTITY_ADDRESS_H
#define KUBEPULSE_IDENTITY_ADDRESS_H

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubepulse {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  // `bytes` in network order: 4 of AF_INET, 16 of AF_INET6. The port is 0.
  static Address of(int family, const uint8_t* bytes);
  // "10.0.0.1", "::1": four decimal numbers, or IPv6 without brackets and without a scope.
  static std::optional<Address> parse(std::string_view text);

  void set_port(uint16_t port);
  std::string text() const;  // as parse() takes it
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

}  // namespace kubepulse

#endif
