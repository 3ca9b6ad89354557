#include "collect/dns_message.h"

namespace kubepulse {

namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kWireNameMax = 255;
constexpr size_t kLabelMax = 63;

bool is_plain(uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

void append_label(DnsMessage& message, const uint8_t* label, size_t size) {
  if (message.name_length > 0) message.name_bytes[message.name_length++] = '.';
  for (size_t at = 0; at < size; at++) {
    uint8_t byte = label[at];
    if (byte >= 'A' && byte <= 'Z') byte += 'a' - 'A';
    if (!is_plain(byte)) message.odd = true;
    message.name_bytes[message.name_length++] = static_cast<char>(byte);
  }
}

}  // namespace

size_t read_dns_name(const uint8_t* payload, size_t size, size_t at, DnsMessage& message) {
  message.odd = false;
  message.name_length = 0;
  size_t behind = 0;  // known once a pointer has been followed
  // Each pointer must go below all that was read so far, which is what "a prior occurrence" means
  // (4.1.4). So there is no loop, and at most 12 jumps from the first question.
  size_t lowest = at;
  size_t wire_bytes = 1;  // the root's
  while (at < size) {
    size_t head = payload[at];
    if (head == 0) {
      if (message.name_length == 0) message.name_bytes[message.name_length++] = '.';
      return behind > 0 ? behind : at + 1;
    }
    if (head >= 0xC0) {
      if (at + 1 >= size) return 0;
      size_t target = read_dns_uint16(payload + at) & 0x3FFF;
      if (target >= lowest) return 0;
      if (behind == 0) behind = at + 2;
      lowest = at = target;
      continue;
    }
    wire_bytes += 1 + head;
    if (head > kLabelMax || wire_bytes > kWireNameMax || size - at <= head) return 0;
    append_label(message, payload + at + 1, head);
    at += 1 + head;
  }
  return 0;
}

DnsParse parse_dns_message(const uint8_t* payload, size_t size, DnsMessage& message) {
  if (size < kHeaderBytes) return DnsParse::too_short;
  message.id = static_cast<uint16_t>(read_dns_uint16(payload));
  message.is_response = (payload[2] & 0x80) != 0;
  message.opcode = payload[2] >> 3 & 0x0F;
  message.rcode = payload[3] & 0x0F;
  message.question_count = static_cast<uint16_t>(read_dns_uint16(payload + 4));
  message.qtype = 0;
  message.odd = false;
  message.name_length = 0;

  if (message.question_count == 0) return DnsParse::malformed_question;
  size_t end = read_dns_name(payload, size, kHeaderBytes, message);
  if (end == 0 || size - end < 4) {
    message.odd = false;
    message.name_length = 0;
    return DnsParse::malformed_question;
  }
  message.qtype = static_cast<uint16_t>(read_dns_uint16(payload + end));
  return DnsParse::well_formed;
}

const char* rcode_name(unsigned rcode) {
  static constexpr const char* kNames[kRcodeKinds] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                      "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                                      "NXRRSET", "NOTAUTH", "NOTZONE",  "other"};
  return kNames[rcode_index(rcode)];
}

}  // namespace kubepulse
