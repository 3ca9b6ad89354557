// A nameserver's message, read as the answer to a question: what it gives is within its bounds, and
// it answers no other question.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "identity/dns_answer.h"
#include "identity/resolver_text.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

}  // namespace

// The first byte chooses the family; the header and the question are put in front of the rest half
// of the time, so that records are reached.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  DnsQuestion question{0x1234, (data[0] & 1) != 0 ? kDnsTypeA : kDnsTypeAaaa, "a.example"};
  std::string bytes;
  if ((data[0] & 2) != 0) {
    bytes = dns_query(question);
    bytes[2] = '\x81';
    bytes[7] = static_cast<char>(data[0] >> 2);
  }
  bytes.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<uint8_t> payload(bytes.begin(), bytes.end());
  auto answer = read_dns_answer(payload.data(), payload.size(), question);
  if (!answer) return 0;
  require(answer->rcode < 16 && answer->addresses.size() <= kAddressesMax);
  for (const Address& address : answer->addresses)
    require(Address::parse(address.text()).has_value());
  question.id ^= 1;
  require(!read_dns_answer(payload.data(), payload.size(), question));
  return 0;
}
