#include "collect/dns_message.h"

#include <cstring>
#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string header(unsigned flags = 0x0100, unsigned questions = 1) {
  std::string bytes = {'\x12', '\x34'};
  for (unsigned value : {flags, questions, 0U, 0U, 0U}) {
    bytes += static_cast<char>(value >> 8);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string label(std::string_view text) {
  return static_cast<char>(text.size()) + std::string(text);
}

std::string pointer(size_t target) {
  return {static_cast<char>(0xC0 | target >> 8), static_cast<char>(target)};
}

const std::string kRoot(1, '\0');
const std::string kTypeA("\x00\x01\x00\x01", 4);

// The bytes are copied to the heap at their exact size, so that the sanitizer sees one byte too
// many.
DnsParse parse(const std::string& bytes, DnsMessage& message) {
  std::vector<uint8_t> payload(bytes.begin(), bytes.end());
  payload.shrink_to_fit();
  memset(&message, 0xEE, sizeof message);
  return parse_dns_message(payload.data(), payload.size(), message);
}

// The name in a question of type A, "-" where it is malformed, '!' in front where it is odd.
std::string name_of(const std::string& wire_name) {
  DnsMessage message;
  DnsParse outcome = parse(header() + wire_name + kTypeA, message);
  ck_assert_uint_eq(message.id, 0x1234);
  if (outcome != DnsParse::well_formed) {
    ck_assert(outcome == DnsParse::malformed_question);
    ck_assert(message.name().empty() && !message.odd && message.qtype == 0);
    return "-";
  }
  ck_assert_uint_eq(message.qtype, 1);
  return (message.odd ? "!" : "") + std::string(message.name());
}

START_TEST(real_query) {
  // dig +noedns WWW.Example.com AAAA
  const char query[] =
      "\xa1\xb2\x01\x20\x00\x01\x00\x00\x00\x00\x00\x00"
      "\x03WWW\x07"
      "Example\x03"
      "com\x00\x00\x1c\x00\x01";
  DnsMessage message;
  ck_assert(parse(std::string(query, sizeof query - 1), message) == DnsParse::well_formed);
  ck_assert_uint_eq(message.id, 0xa1b2);
  ck_assert(!message.is_response && !message.odd);
  ck_assert_uint_eq(message.opcode, 0);
  ck_assert_uint_eq(message.rcode, 0);
  ck_assert_uint_eq(message.question_count, 1);
  ck_assert_uint_eq(message.qtype, 28);
  CHECK_TEXT(message.name(), "www.example.com");
}
END_TEST

START_TEST(real_answer) {
  // NXDOMAIN with the SOA of the root, cut inside of it.
  const char answer[] =
      "\xff\xfe\x81\x83\x00\x01\x00\x00\x00\x01\x00\x00\x02no\x07"
      "invalid\x00\x00\x01\x00\x01"
      "\x00\x00\x06\x00\x01\x00\x01\x51\x80\x00\x40\x01"
      "a\x0croot-servers";
  DnsMessage message;
  ck_assert(parse(std::string(answer, sizeof answer - 1), message) == DnsParse::well_formed);
  ck_assert_uint_eq(message.id, 0xfffe);
  ck_assert(message.is_response);
  ck_assert_uint_eq(message.rcode, 3);
  CHECK_TEXT(message.name(), "no.invalid");

  ck_assert(parse(header(0xA805) + kRoot + kTypeA, message) == DnsParse::well_formed);
  ck_assert_uint_eq(message.opcode, 5);
  ck_assert_uint_eq(message.rcode, 5);
}
END_TEST

START_TEST(every_length) {
  std::string whole = header() + label("example") + label("com") + kRoot + kTypeA;
  DnsMessage message;
  for (size_t size = 0; size <= whole.size(); size++) {
    DnsParse want = size < 12             ? DnsParse::too_short
                    : size < whole.size() ? DnsParse::malformed_question
                                          : DnsParse::well_formed;
    ck_assert_msg(parse(whole.substr(0, size), message) == want, "%zu bytes", size);
    if (size >= 12) ck_assert_uint_eq(message.id, 0x1234);
    if (want == DnsParse::malformed_question) ck_assert(message.name().empty());
  }
  ck_assert(parse_dns_message(nullptr, 0, message) == DnsParse::too_short);
  // What follows the question is not looked at.
  ck_assert(parse(whole + "\xC0\xFF\xFF", message) == DnsParse::well_formed);
}
END_TEST

START_TEST(question_count) {
  DnsMessage message;
  // A server may answer FORMERR with the header alone.
  ck_assert(parse(header(0x8001, 0), message) == DnsParse::malformed_question);
  ck_assert(message.is_response);
  ck_assert_uint_eq(message.rcode, 1);
  ck_assert(parse(header(0x0100, 0) + label("a") + kRoot + kTypeA, message) ==
            DnsParse::malformed_question);
  ck_assert(message.name().empty());
  ck_assert(parse(header(0x0100, 65535) + label("a") + kRoot + kTypeA, message) ==
            DnsParse::well_formed);
  ck_assert_uint_eq(message.question_count, 65535);
  CHECK_TEXT(message.name(), "a");
}
END_TEST

START_TEST(labels) {
  CHECK_TEXT(name_of(kRoot), ".");
  CHECK_TEXT(name_of(label("LOCALHOST") + kRoot), "localhost");
  CHECK_TEXT(name_of(label("_Dns-SD") + label("_udp") + label("x9") + kRoot), "_dns-sd._udp.x9");
  CHECK_TEXT(name_of(label(std::string(63, 'X')) + kRoot), std::string(63, 'x'));
  CHECK_TEXT(name_of(label(std::string(64, 'x')) + kRoot), "-");
  CHECK_TEXT(name_of("\x80" + std::string(128, 'x') + kRoot), "-");
  CHECK_TEXT(name_of(label("a") + "\xBF" + std::string(191, 'x') + kRoot), "-");
}
END_TEST

START_TEST(longest_name) {
  std::string three =
      label(std::string(63, 'a')) + label(std::string(63, 'b')) + label(std::string(63, 'c'));
  std::string text = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c');
  // 3 * 64 + 62 + 1 is 255 bytes.
  std::string longest = three + label(std::string(61, 'd')) + kRoot;
  ck_assert_uint_eq(longest.size(), 255);
  CHECK_TEXT(name_of(longest), text + "." + std::string(61, 'd'));
  ck_assert_uint_eq(name_of(longest).size(), kDnsNameMax);
  ck_assert_uint_eq(header().size() + longest.size() + kTypeA.size(), kDnsQuestionEndMax);
  CHECK_TEXT(name_of(three + label(std::string(62, 'd')) + kRoot), "-");
  CHECK_TEXT(name_of(three + label(std::string(60, 'd')) + label("e") + kRoot), "-");

  // 127 labels of one byte are 255 bytes.
  std::string many, dotted;
  for (int count = 0; count < 127; count++) {
    many += label("z");
    dotted += count > 0 ? ".z" : "z";
  }
  CHECK_TEXT(name_of(many + kRoot), dotted);
  CHECK_TEXT(name_of(many + label("z") + kRoot), "-");
}
END_TEST

START_TEST(odd_bytes) {
  CHECK_TEXT(name_of(label("a.b") + label("com") + kRoot), "!a.b.com");
  CHECK_TEXT(name_of(label(".") + kRoot), "!.");
  CHECK_TEXT(name_of(label("a\"b\nc\\") + kRoot), "!a\"b\nc\\");
  CHECK_TEXT(name_of(label(std::string_view("a\0b", 3)) + kRoot), std::string("!a\0b", 4));
  CHECK_TEXT(name_of(label("\xFF\xC3") + label("de") + kRoot), "!\xFF\xC3.de");
  CHECK_TEXT(name_of(label("a b") + kRoot), "!a b");
  CHECK_TEXT(name_of(label("a*") + kRoot), "!a*");
  // Every byte that is not plain, and no other.
  for (int byte = 0; byte < 256; byte++) {
    bool plain =
        byte != 0 &&
        strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", byte) != nullptr;
    std::string name = name_of(label(std::string("x") + static_cast<char>(byte)) + kRoot);
    ck_assert_msg((name[0] != '!') == plain, "byte %d", byte);
  }
}
END_TEST

START_TEST(pointers) {
  // To itself, forward, to the start of the same name, past the end.
  CHECK_TEXT(name_of(pointer(12)), "-");
  CHECK_TEXT(name_of(pointer(14) + label("a") + kRoot), "-");
  CHECK_TEXT(name_of(label("a") + pointer(12)), "-");
  CHECK_TEXT(name_of(label("a") + pointer(14)), "-");
  CHECK_TEXT(name_of(label("a") + label("b") + pointer(14)), "-");
  CHECK_TEXT(name_of(label("a") + pointer(0x3FFF)), "-");
  // Into the middle of the same name, where it would end.
  CHECK_TEXT(name_of(label(std::string_view("x\x01y\0", 4)) + pointer(14)), "-");
  // Two that lead to each other: one in the question, one in the header.
  DnsMessage message;
  std::string looped = header();
  looped.replace(10, 2, pointer(12));
  ck_assert(parse(looped + pointer(10) + kTypeA, message) == DnsParse::malformed_question);
  // Cut after its first byte.
  ck_assert(parse(header() + label("a") + "\xC0", message) == DnsParse::malformed_question);
}
END_TEST

START_TEST(earlier_pointers) {
  // Only the header is earlier. Its last byte, the low one of ARCOUNT, is a root.
  CHECK_TEXT(name_of(label("example") + label("com") + pointer(11)), "example.com");
  CHECK_TEXT(name_of(pointer(11)), ".");
  // NSCOUNT and ARCOUNT as a label; qtype stands behind the pointer, not behind its target.
  DnsMessage message;
  std::string hidden = header();
  hidden.replace(8, 4, std::string("\x02no\x00", 4));
  ck_assert(parse(hidden + label("a") + pointer(8) + kTypeA, message) == DnsParse::well_formed);
  CHECK_TEXT(message.name(), "a.no");
  ck_assert_uint_eq(message.qtype, 1);
  // A chain of ever earlier ones, which ends at a label that runs into the question again.
  std::string chain = header();
  chain.replace(8, 4, pointer(6) + pointer(8));
  chain.replace(6, 2, std::string("\x01x", 2));
  ck_assert(parse(chain + pointer(10) + kTypeA, message) == DnsParse::malformed_question);
  // From the header the labels may run on into the question: 255 bytes end that.
  std::string run = header();
  run[11] = '\x3f';
  ck_assert(parse(run + label(std::string(62, 'a')) + pointer(11) + kTypeA, message) ==
            DnsParse::malformed_question);
}
END_TEST

START_TEST(rcodes) {
  CHECK_TEXT(rcode_name(0), "NOERROR");
  CHECK_TEXT(rcode_name(1), "FORMERR");
  CHECK_TEXT(rcode_name(2), "SERVFAIL");
  CHECK_TEXT(rcode_name(3), "NXDOMAIN");
  CHECK_TEXT(rcode_name(4), "NOTIMP");
  CHECK_TEXT(rcode_name(5), "REFUSED");
  CHECK_TEXT(rcode_name(6), "YXDOMAIN");
  CHECK_TEXT(rcode_name(7), "YXRRSET");
  CHECK_TEXT(rcode_name(8), "NXRRSET");
  CHECK_TEXT(rcode_name(9), "NOTAUTH");
  CHECK_TEXT(rcode_name(10), "NOTZONE");
  for (unsigned rcode : {11U, 15U, 16U, 4095U, ~0U}) {
    CHECK_TEXT(rcode_name(rcode), "other");
    ck_assert_uint_eq(rcode_index(rcode), kRcodeKinds - 1);
  }
  for (unsigned rcode = 0; rcode < kRcodeKinds; rcode++)
    ck_assert_uint_eq(rcode_index(rcode), rcode);
}
END_TEST

}  // namespace

CHECK_MAIN("dns_message", real_query, real_answer, every_length, question_count, labels,
           longest_name, odd_bytes, pointers, earlier_pointers, rcodes)
