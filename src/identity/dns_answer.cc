#include "identity/dns_answer.h"

#include <string_view>

#include "base/text.h"
#include "collect/dns_message.h"
#include "identity/resolver_text.h"

namespace kubepulse {

namespace {

constexpr size_t kHeaderBytes = 12;
constexpr unsigned kTypeCname = 5;
constexpr unsigned kClassInternet = 1;
constexpr int kAliasesMax = 8;  // in a row; this also ends a circle

void append_uint16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

// Adds the addresses of `owner` among the `left` records that begin at `at`. Returns what it is an
// alias of, "" where it is none.
std::string read_records(const uint8_t* payload, size_t size, size_t at, unsigned left,
                         unsigned type, std::string_view owner, DnsAnswer& answer) {
  std::string alias_of;
  DnsMessage name;
  for (; left > 0; left--) {
    // The owner's name, then type, class (2 bytes each), TTL (4), length of the data (2).
    size_t end = read_dns_name(payload, size, at, name);
    size_t data = end + 10;
    if (end == 0 || data > size) break;
    unsigned length = read_dns_uint16(payload + end + 8);
    if (length > size - data) break;
    at = data + length;
    unsigned record_type = read_dns_uint16(payload + end);
    bool ours =
        name.name() == owner && !name.odd && read_dns_uint16(payload + end + 2) == kClassInternet;
    if (ours && record_type == kTypeCname) {
      if (read_dns_name(payload, size, data, name) == at && !name.odd) alias_of = name.name();
    } else if (ours && record_type == type && length == (type == kDnsTypeA ? 4 : 16) &&
               answer.addresses.size() < kAddressesMax) {
      answer.addresses.push_back(
          Address::of(type == kDnsTypeA ? AF_INET : AF_INET6, payload + data));
    }
  }
  if (left > 0) answer.cut = true;
  return alias_of;
}

}  // namespace

std::string dns_query(const DnsQuestion& question) {
  std::string bytes;
  append_uint16(bytes, question.id);
  for (unsigned value : {0x0100U, 1U, 0U, 0U, 0U})  // recursion desired, one question
    append_uint16(bytes, value);
  for (std::string_view rest = question.name; !rest.empty();) {
    std::string_view label = next_piece(rest, '.');
    bytes += static_cast<char>(label.size());
    bytes += label;
  }
  bytes += '\0';
  append_uint16(bytes, question.type);
  append_uint16(bytes, kClassInternet);
  return bytes;
}

std::optional<DnsAnswer> read_dns_answer(const uint8_t* payload, size_t size,
                                         const DnsQuestion& question) {
  DnsMessage message;
  if (parse_dns_message(payload, size, message) != DnsParse::well_formed || !message.is_response ||
      message.id != question.id || message.opcode != 0 || message.question_count != 1 ||
      message.odd || message.qtype != question.type || message.name() != question.name)
    return std::nullopt;
  DnsAnswer answer;
  answer.rcode = message.rcode;
  answer.cut = (payload[2] & 0x02) != 0;
  unsigned records = read_dns_uint16(payload + 6);
  size_t begin = read_dns_name(payload, size, kHeaderBytes, message) + 4;
  // Each alias in a pass of its own: the order of the records is the server's affair.
  std::string owner = question.name;
  for (int aliases = 0; aliases <= kAliasesMax && !owner.empty(); aliases++) {
    owner = read_records(payload, size, begin, records, question.type, owner, answer);
    if (!answer.addresses.empty()) break;
  }
  return answer;
}

}  // namespace kubepulse
