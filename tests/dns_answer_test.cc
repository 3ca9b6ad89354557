#include "identity/dns_answer.h"

#include "identity/resolver_text.h"
#include "tests/check.h"
#include "tests/dns_records.h"

using namespace kubepulse;  // NOLINT

namespace {

const DnsQuestion kQuestion{0x1234, kDnsTypeA, "www.example.com"};

std::string query() {
  return dns_query(kQuestion);
}

// "RCODE[ cut] ADDRESS...", or "not ours". The bytes are copied to the heap at their exact size, so
// that the sanitizer sees one byte too many.
std::string read(const std::string& bytes, const DnsQuestion& question = kQuestion) {
  std::vector<uint8_t> payload(bytes.begin(), bytes.end());
  payload.shrink_to_fit();
  auto answer = read_dns_answer(payload.data(), payload.size(), question);
  if (!answer) return "not ours";
  std::string text = std::to_string(answer->rcode) + (answer->cut ? " cut" : "");
  for (const Address& address : answer->addresses)
    text += " " + address.text();
  return text;
}

START_TEST(a_query) {
  const char want[] =
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
      "\x03www\x07"
      "example\x03"
      "com\x00\x00\x01\x00\x01";
  ck_assert(query() == std::string(want, sizeof want - 1));
}
END_TEST

START_TEST(compressed_names) {
  const char bytes[] =
      "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00"
      "\x03www\x07"
      "example\x03"
      "com\x00\x00\x1c\x00\x01"
      "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x06\x03\x63\x64\x6e\xc0\x10"
      "\xc0\x2d\x00\x1c\x00\x01\x00\x00\x00\x3c\x00\x10"
      "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07";
  DnsQuestion question = kQuestion;
  question.type = kDnsTypeAaaa;
  CHECK_TEXT(read(std::string(bytes, sizeof bytes - 1), question), "0 2001:db8::7");
}
END_TEST

START_TEST(addresses) {
  std::string one = address_record("WWW.example.com", "10.0.0.1");
  std::string two = address_record("www.example.com", "10.0.0.2");
  CHECK_TEXT(read(answer_to(query(), one + two, 2)), "0 10.0.0.1 10.0.0.2");
  CHECK_TEXT(read(answer_to(query())), "0");
  CHECK_TEXT(read(answer_to(query(), "", 0, kAnswerFlags | 3)), "3");
  std::string many;
  for (int i = 0; i < 20; i++)
    many += one;
  std::string eight = "0";
  for (size_t i = 0; i < kAddressesMax; i++)
    eight += " 10.0.0.1";
  CHECK_TEXT(read(answer_to(query(), many, 20)), eight);
}
END_TEST

START_TEST(records_of_others) {
  std::string good = address_record("www.example.com", "10.0.0.1");
  std::string others = address_record("example.com", "10.0.0.2") +            // another owner
                       address_record("www.example.com", "fd00::1") +         // another type
                       record("www.example.com", 1, "\x0a\x0a\x0a") +         // another size
                       record("www.example.com", 1, "\x0a\x0a\x0a\x0a", 3) +  // another class
                       record("", 41, "");
  CHECK_TEXT(read(answer_to(query(), others + good, 6)), "0 10.0.0.1");
  // What is behind the answers is not looked at.
  CHECK_TEXT(read(answer_to(query(), good + good, 1)), "0 10.0.0.1");
}
END_TEST

START_TEST(aliases) {
  std::string first = alias("www.example.com", "b.example.com");
  std::string second = alias("b.example.com", "C.example.net");
  std::string address = address_record("c.example.net", "10.0.0.1");
  CHECK_TEXT(read(answer_to(query(), first + second + address, 3)), "0 10.0.0.1");
  CHECK_TEXT(read(answer_to(query(), address + second + first, 3)), "0 10.0.0.1");
  CHECK_TEXT(read(answer_to(query(), second + address, 2)), "0");
  CHECK_TEXT(read(answer_to(query(), first, 1)), "0");
  std::string circle = alias("b.example.com", "www.example.com");
  CHECK_TEXT(read(answer_to(query(), first + circle + address, 3)), "0");
  for (int length : {8, 9}) {
    std::string chain, owner = "www.example.com";
    for (int i = 0; i < length; i++) {
      std::string next = std::to_string(i) + ".example.com";
      chain += alias(owner, next);
      owner = next;
    }
    chain += address_record(owner, "10.0.0.1");
    CHECK_TEXT(read(answer_to(query(), chain, static_cast<unsigned>(length) + 1)),
               length == 8 ? "0 10.0.0.1" : "0");
  }
}
END_TEST

START_TEST(not_ours) {
  std::string good = answer_to(query(), address_record("www.example.com", "10.0.0.1"), 1);
  CHECK_TEXT(read(good), "0 10.0.0.1");
  DnsQuestion other = kQuestion;
  other.id = 0x1235;
  CHECK_TEXT(read(good, other), "not ours");
  other = kQuestion;
  other.type = kDnsTypeAaaa;
  CHECK_TEXT(read(good, other), "not ours");
  other = kQuestion;
  other.name = "www.example.org";
  CHECK_TEXT(read(good, other), "not ours");
  CHECK_TEXT(read(query()), "not ours");
  CHECK_TEXT(read(answer_to(query(), "", 0, kAnswerFlags | 0x0800)), "not ours");
  CHECK_TEXT(read(""), "not ours");
  CHECK_TEXT(read("HTTP/1.1 400 Bad Request\r\n"), "not ours");
}
END_TEST

START_TEST(cut) {
  std::string records =
      address_record("www.example.com", "10.0.0.1") + address_record("www.example.com", "10.0.0.2");
  CHECK_TEXT(read(answer_to(query(), records, 2, kAnswerFlags | kTruncated)),
             "0 cut 10.0.0.1 10.0.0.2");
  CHECK_TEXT(read(answer_to(query(), "", 0, kAnswerFlags | kTruncated)), "0 cut");
  CHECK_TEXT(read(answer_to(query(), records, 3)), "0 cut 10.0.0.1 10.0.0.2");
  std::string whole = answer_to(query(), records, 2);
  size_t question_end = query().size(), first_end = question_end + records.size() / 2;
  for (size_t size = 0; size < whole.size(); size++)
    CHECK_TEXT(read(whole.substr(0, size)), size < question_end ? "not ours"
                                            : size < first_end  ? "0 cut"
                                                                : "0 cut 10.0.0.1");
}
END_TEST

}  // namespace

CHECK_MAIN("dns_answer", a_query, compressed_names, addresses, records_of_others, aliases, not_ours,
           cut)
