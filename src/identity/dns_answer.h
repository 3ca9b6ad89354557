// A question for the addresses of a name, and the answer of a recursive resolver to it (RFC 1035).
// Pure.
#ifndef KUBEPULSE_IDENTITY_DNS_ANSWER_H
#define KUBEPULSE_IDENTITY_DNS_ANSWER_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "identity/address.h"

namespace kubepulse {

constexpr uint16_t kDnsTypeA = 1;
constexpr uint16_t kDnsTypeAaaa = 28;

struct DnsQuestion {
  uint16_t id = 0;
  uint16_t type = kDnsTypeA;  // or kDnsTypeAaaa
  std::string name;           // as names_to_ask() gives it
};

// The whole message, recursion desired.
std::string dns_query(const DnsQuestion& question);

struct DnsAnswer {
  uint8_t rcode = 0;
  bool cut = false;                // by the server (TC), or it is malformed: there may be more
  std::vector<Address> addresses;  // at most kAddressesMax, those of aliases (CNAME) too
};

// None where the message is no answer to this very question.
std::optional<DnsAnswer> read_dns_answer(const uint8_t* payload, size_t size,
                                         const DnsQuestion& question);

}  // namespace kubepulse

#endif
