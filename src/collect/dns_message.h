// A DNS message: its header and the first question (RFC 1035, 4.1), from bytes that anybody may
// have sent. Nothing else of it is read here; identity/dns_answer.h reads addresses.
#ifndef KUBEPULSE_COLLECT_DNS_MESSAGE_H
#define KUBEPULSE_COLLECT_DNS_MESSAGE_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kubepulse {

// 255 bytes on the wire without the first length byte and the root's.
constexpr size_t kDnsNameMax = 253;

// What a capture must hold of a payload so that no well-formed first question is cut: 12 + 255 + 4.
constexpr size_t kDnsQuestionEndMax = 271;

struct DnsMessage {
  uint16_t id;
  bool is_response;
  uint8_t opcode;
  uint8_t rcode;  // the header's four bits, without EDNS's extension
  uint16_t question_count;
  uint16_t qtype;

  // A byte of the name is none of letter, digit, '-' and '_'. Only without it is every '.' in the
  // text the end of a label.
  bool odd;
  uint8_t name_length;
  char name_bytes[kDnsNameMax];  // not zero-terminated

  // "www.example.com": dots between the labels, none at the end, ASCII letters in lower case, every
  // other byte as it came. The root is ".", a malformed name is empty. Valid as long as the
  // message.
  std::string_view name() const { return {name_bytes, name_length}; }
};

enum class DnsParse : uint8_t {
  well_formed,
  malformed_question,  // or none, or cut; the header is right, qtype and name are zero and empty
  too_short,           // for a header; nothing of the message is set
};

// `payload` is what UDP carries, possibly cut at kDnsQuestionEndMax bytes or more.
DnsParse parse_dns_message(const uint8_t* payload, size_t size, DnsMessage& message);

// Reads the name at `at`, anywhere in the message, into `message`'s name and `odd`. Returns the
// offset of what follows it, or 0 where it is malformed.
size_t read_dns_name(const uint8_t* payload, size_t size, size_t at, DnsMessage& message);

constexpr unsigned read_dns_uint16(const uint8_t* at) {
  return static_cast<unsigned>(at[0] << 8 | at[1]);
}

// Response codes as metrics count them: 0 to 10 each for itself, the others together.
constexpr unsigned kRcodeKinds = 12;

// In [0, kRcodeKinds), for arrays of counters.
constexpr unsigned rcode_index(unsigned rcode) {
  return rcode < kRcodeKinds ? rcode : kRcodeKinds - 1;
}

// "NOERROR", "NXDOMAIN", ..., "other"; takes an rcode or an rcode_index.
const char* rcode_name(unsigned rcode);

}  // namespace kubepulse

#endif
