// DNS messages, and both ends of an exchange in one process.
#ifndef KUBEPULSE_TESTS_LIVE_DNS_WIRE_H
#define KUBEPULSE_TESTS_LIVE_DNS_WIRE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/live/traffic.h"

namespace kubepulse::live {

// A name of any bytes: each label as it is.
std::string dns_labels(const std::vector<std::string>& labels);
std::string dns_name(const std::string& dotted);
// A question for an A record. `name` is in wire form.
std::string dns_query(uint16_t txid, const std::string& name);
// What a server answers to `query`, with one A record where `rcode` is 0, filled up to `size`
// bytes.
std::string dns_answer(const std::string& query, int rcode, size_t size = 0);

enum Rcode { kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kNotImp = 4, kRefused = 5 };

// A server that the test plays itself, on port 53 of `host`.
class DnsServer {
 public:
  DnsServer(const Cgroup& cgroup, const std::string& host);

  const Address& address() const { return address_; }
  // Waits for a question, which must be `size` bytes long where that is not -1.
  void take(int size = -1);
  // Answers the question that was taken last.
  void answer(int rcode, size_t size = 0);
  void send_back(std::string_view bytes);

 private:
  Fd socket_;
  Address address_;
  Address asker_;
  std::string question_;
};

// A UDP socket in `cgroup`, where the process then stays.
Fd dns_client(const Cgroup& cgroup, const Address& server);
void send_query(const Fd& client, const Address& server, std::string_view bytes);
void receive_answer(const Fd& client);
// A query, its answer after `delay_ms`, and how long both took at most.
double exchange(const Fd& client, DnsServer& server, uint16_t txid, const std::string& dotted,
                int rcode = kNoError, unsigned delay_ms = 0);

}  // namespace kubepulse::live

#endif
