#include "tests/live/dns_wire.h"

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"

namespace kubepulse::live {

namespace {

void append16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

}  // namespace

std::string dns_labels(const std::vector<std::string>& labels) {
  std::string out;
  for (const std::string& label : labels) {
    out += static_cast<char>(label.size());
    out += label;
  }
  return out + '\0';
}

std::string dns_name(const std::string& dotted) {
  std::vector<std::string> labels;
  std::string_view rest = dotted;
  while (!rest.empty())
    labels.emplace_back(next_piece(rest, '.'));
  return dns_labels(labels);
}

std::string dns_query(uint16_t txid, const std::string& name) {
  std::string out;
  append16(out, txid);
  append16(out, 0x0100);  // recursion desired
  append16(out, 1);       // questions
  out.append(6, '\0');    // answers, authorities, additional
  out += name;
  append16(out, 1);  // A
  append16(out, 1);  // IN
  return out;
}

std::string dns_answer(const std::string& query, int rcode, size_t size) {
  std::string out = query;
  out[2] = static_cast<char>(0x81);
  out[3] = static_cast<char>(0x80 | rcode);
  if (rcode == kNoError) {
    out[7] = 1;                               // answers
    append16(out, 0xC00C);                    // the name of the question
    append16(out, 1);                         // A
    append16(out, 1);                         // IN
    out += std::string("\0\0\0\x3C\0\4", 6);  // for 60 s, 4 bytes
    out += std::string("\xC0\0\2\1", 4);
  }
  if (out.size() < size) out.append(size - out.size(), '\0');
  return out;
}

DnsServer::DnsServer(const Cgroup& cgroup, const std::string& host)
    : address_(Address::of(host, 53)) {
  enter(cgroup);
  socket_ = make_socket(address_.family(), SOCK_DGRAM);
  bool bound = bind(socket_.get(), address_.raw(), address_.size) == 0;
  ck_assert_msg(bound, "bind %s: %s", address_.text().c_str(), strerror(errno));
}

void DnsServer::take(int size) {
  char bytes[65536];
  asker_ = Address();
  ssize_t got = recvfrom(socket_.get(), bytes, sizeof bytes, 0, asker_.raw(), &asker_.size);
  ck_assert_msg(got >= 0, "no question came: %s", strerror(errno));
  ck_assert_msg(size < 0 || got == size, "a question of %d bytes, not %d", int(got), size);
  question_.assign(bytes, static_cast<size_t>(got));
}

void DnsServer::answer(int rcode, size_t size) {
  send_back(dns_answer(question_, rcode, size));
}

void DnsServer::send_back(std::string_view bytes) {
  ssize_t sent = sendto(socket_.get(), bytes.data(), bytes.size(), 0, asker_.raw(), asker_.size);
  ck_assert_msg(sent == static_cast<ssize_t>(bytes.size()), "answer: %s", strerror(errno));
}

Fd dns_client(const Cgroup& cgroup, const Address& server) {
  enter(cgroup);
  return make_socket(server.family(), SOCK_DGRAM);
}

void send_query(const Fd& client, const Address& server, std::string_view bytes) {
  ssize_t sent = sendto(client.get(), bytes.data(), bytes.size(), 0, server.raw(), server.size);
  ck_assert_msg(sent == static_cast<ssize_t>(bytes.size()), "query: %s", strerror(errno));
}

void receive_answer(const Fd& client) {
  char bytes[65536];
  ssize_t got = recv(client.get(), bytes, sizeof bytes, 0);
  ck_assert_msg(got >= 0, "no answer came: %s", strerror(errno));
}

double exchange(const Fd& client, DnsServer& server, uint16_t txid, const std::string& dotted,
                int rcode, unsigned delay_ms) {
  uint64_t start_ns = monotonic_ns();
  send_query(client, server.address(), dns_query(txid, dns_name(dotted)));
  server.take();
  if (delay_ms > 0) sleep_ms(delay_ms);
  server.answer(rcode);
  receive_answer(client);
  return seconds_since(start_ns);
}

}  // namespace kubepulse::live
