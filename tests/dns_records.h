// DNS answers, built from their parts.
#ifndef KUBEPULSE_TESTS_DNS_RECORDS_H
#define KUBEPULSE_TESTS_DNS_RECORDS_H

#include <string>
#include <string_view>

#include "base/text.h"
#include "identity/dns_answer.h"

namespace kubepulse {

inline std::string two_bytes(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

inline std::string wire_name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    std::string_view label = next_piece(name, '.');
    bytes += static_cast<char>(label.size());
    bytes += label;
  }
  return bytes + '\0';
}

inline std::string record(std::string_view owner, unsigned type, const std::string& data,
                          unsigned record_class = 1) {
  return wire_name(owner) + two_bytes(type) + two_bytes(record_class) + std::string(4, '\0') +
         two_bytes(static_cast<unsigned>(data.size())) + data;
}

inline std::string alias(std::string_view owner, std::string_view of) {
  return record(owner, 5, wire_name(of));
}

// A or AAAA.
inline std::string address_record(std::string_view owner, std::string_view text) {
  Address address = *Address::parse(text);
  bool v6 = address.storage.ss_family == AF_INET6;
  const auto* bytes = reinterpret_cast<const char*>(&address.storage) + (v6 ? 8 : 4);
  return record(owner, v6 ? kDnsTypeAaaa : kDnsTypeA, std::string(bytes, v6 ? 16 : 4));
}

inline constexpr unsigned kAnswerFlags = 0x8180;  // an answer, recursion desired and available
inline constexpr unsigned kTruncated = 0x0200;

// The answer to `query`, a message of dns_query(): flags with the rcode, then `count` records.
inline std::string answer_to(const std::string& query, const std::string& records = "",
                             unsigned count = 0, unsigned flags = kAnswerFlags) {
  return query.substr(0, 2) + two_bytes(flags) + two_bytes(1) + two_bytes(count) + two_bytes(0) +
         two_bytes(0) + query.substr(12) + records;
}

}  // namespace kubepulse

#endif
