#include "collect/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint16_t kCgroupId = 21;  // INET_DIAG_CGROUP_ID
enum : uint8_t {
  kEstablished = 1,
  kSynSent = 2,
  kFinWait2 = 5,
  kTimeWait = 6,
  kCloseWait = 8,
  kLastAck = 9
};
constexpr uint8_t kListen = 10;

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string attribute(uint16_t type, const std::string& value) {
  std::string out;
  append(out, rtattr{static_cast<uint16_t>(sizeof(rtattr) + value.size()), type});
  out += value;
  out.resize(RTA_ALIGN(out.size()));
  return out;
}

std::string message(uint16_t type, const std::string& body) {
  std::string out;
  append(out, nlmsghdr{static_cast<uint32_t>(sizeof(nlmsghdr) + body.size()), type, 0, 0, 0});
  out += body;
  out.resize(NLMSG_ALIGN(out.size()));
  return out;
}

std::string done(int error = 0) {
  std::string body;
  append(body, error);
  return message(NLMSG_DONE, body);
}

tcp_info info_of(uint64_t sent, uint64_t received) {
  tcp_info info{};
  info.tcpi_bytes_acked = sent;
  info.tcpi_bytes_received = received;
  info.tcpi_total_retrans = 3;
  info.tcpi_rtt = 250;
  return info;
}

struct Socket {
  uint8_t state = kEstablished;
  uint8_t family = AF_INET;
  const char* local = "10.0.0.1";
  const char* remote = "10.0.0.2";
  uint32_t unacknowledged = 0;
  bool has_info = true;
  size_t info_bytes = sizeof(tcp_info);
  bool has_cgroup = true;
  size_t memory_bytes = SK_MEMINFO_VARS * sizeof(uint32_t);
};

std::string message_of(const Socket& socket) {
  inet_diag_msg about{};
  about.idiag_family = socket.family;
  about.idiag_state = socket.state;
  about.idiag_wqueue = socket.unacknowledged;
  about.id.idiag_sport = htons(443);
  about.id.idiag_dport = htons(50000);
  inet_pton(socket.family, socket.local, about.id.idiag_src);
  inet_pton(socket.family, socket.remote, about.id.idiag_dst);
  about.id.idiag_cookie[0] = 0x11223344;
  about.id.idiag_cookie[1] = 0x55;
  std::string body, info;
  append(body, about);
  append(info, info_of(1001, 501));
  info.resize(socket.info_bytes);
  body += attribute(INET_DIAG_SHUTDOWN, "x");
  if (socket.has_info) body += attribute(INET_DIAG_INFO, info);
  std::string cgroup;
  append(cgroup, uint64_t{4711});
  std::string memory;
  for (uint32_t i = 0; i < SK_MEMINFO_VARS; i++)
    append(memory, i == SK_MEMINFO_DROPS ? 77 : 1000 + i);
  memory.resize(socket.memory_bytes);
  body += attribute(INET_DIAG_SKMEMINFO, memory);
  if (socket.has_cgroup) body += attribute(kCgroupId, cgroup);
  return message(SOCK_DIAG_BY_FAMILY, body);
}

struct Parsed {
  std::vector<tcp_record> sockets;
  bool ok = false;
  bool is_done = false;
  std::string error;
};

Parsed parse(const std::string& text) {
  // A copy of the exact size, so that the address sanitizer sees every byte too many.
  std::vector<uint64_t> aligned(text.size() / 8 + 1);
  auto* bytes = reinterpret_cast<uint8_t*>(aligned.data()) + aligned.size() * 8 - text.size();
  if (text.size() % 4 != 0) bytes = reinterpret_cast<uint8_t*>(aligned.data());
  memcpy(bytes, text.data(), text.size());
  Parsed parsed;
  auto part = parse_sock_diag(bytes, text.size(),
                              [&](const tcp_record& record) { parsed.sockets.push_back(record); });
  parsed.ok = part.ok();
  if (part.ok()) parsed.is_done = part.value() == SockDiagPart::done;
  if (!part.ok()) parsed.error = part.status().message();
  return parsed;
}

tcp_record one(const Socket& socket) {
  Parsed parsed = parse(message_of(socket));
  ck_assert_msg(parsed.ok && !parsed.is_done, "%s", parsed.error.c_str());
  ck_assert_uint_eq(parsed.sockets.size(), 1);
  return parsed.sockets[0];
}

START_TEST(open_connection) {
  tcp_record record = one({});
  ck_assert_int_eq(record.kind, TCP_KIND_OPEN);
  ck_assert_int_eq(record.direction, TCP_DIRECTION_UNKNOWN);
  ck_assert_uint_eq(record.socket, 0x5511223344);
  ck_assert_uint_eq(record.cgroup, 4711);
  ck_assert_uint_eq(record.local_port, 443);
  ck_assert_uint_eq(record.remote_port, 50000);
  ck_assert_int_eq(record.family, AF_INET);
  ck_assert(memcmp(record.local, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
  ck_assert(memcmp(record.remote, "\x0a\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
  ck_assert_uint_eq(record.sent_bytes, 1001);
  ck_assert_uint_eq(record.received_bytes, 501);
  ck_assert_uint_eq(record.retransmits, 3);
  ck_assert_uint_eq(record.rtt_us, 250);
}
END_TEST

START_TEST(families) {
  Socket socket;
  socket.family = AF_INET6;
  socket.local = "fd00::1";
  socket.remote = "fd00::2";
  tcp_record record = one(socket);
  ck_assert_int_eq(record.family, AF_INET6);
  ck_assert(record.local[0] == 0xFD && record.local[15] == 1 && record.remote[15] == 2);
  socket.local = "::ffff:10.0.0.1";
  socket.remote = "::ffff:10.0.0.2";
  record = one(socket);
  ck_assert_int_eq(record.family, AF_INET);
  ck_assert(memcmp(record.local, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
  socket.family = AF_UNIX;
  ck_assert(parse(message_of(socket)).sockets.empty());
}
END_TEST

// A FIN takes a sequence number, of those that were sent once it is acknowledged.
START_TEST(states) {
  Socket socket;
  socket.state = kCloseWait;
  ck_assert_uint_eq(one(socket).received_bytes, 500);
  ck_assert_uint_eq(one(socket).sent_bytes, 1001);
  socket.state = kFinWait2;
  ck_assert_uint_eq(one(socket).received_bytes, 501);
  ck_assert_uint_eq(one(socket).sent_bytes, 1000);
  socket.state = kLastAck;
  socket.unacknowledged = 1;
  ck_assert_uint_eq(one(socket).received_bytes, 500);
  ck_assert_uint_eq(one(socket).sent_bytes, 1001);
  socket.state = kListen;
  socket.has_info = false;
  ck_assert_int_eq(one(socket).kind, TCP_KIND_LISTEN);
  ck_assert_int_eq(one(socket).state, kListen);
  ck_assert_uint_eq(one(socket).drops, 77);
  socket.memory_bytes -= sizeof(uint32_t);  // before drops were told, 4.7
  ck_assert_uint_eq(one(socket).drops, 0);
  socket = {};
  ck_assert_int_eq(one(socket).state, kEstablished);
  ck_assert_uint_eq(one(socket).drops, 0);
  socket.state = kSynSent;
  ck_assert_int_eq(one(socket).kind, TCP_KIND_CONNECTING);
  ck_assert_int_eq(one(socket).state, kSynSent);
  ck_assert_uint_eq(one(socket).sent_bytes, 0);
  for (int state : {0, 3, int{kTimeWait}, 7, 12, 31, 32, 255}) {
    socket.state = static_cast<uint8_t>(state);
    ck_assert(parse(message_of(socket)).sockets.empty());
  }
  // What the kernel tells of TIME_WAIT under the name of FIN_WAIT2.
  socket.state = kFinWait2;
  socket.has_info = false;
  ck_assert(parse(message_of(socket)).sockets.empty());
}
END_TEST

START_TEST(older_kernels) {
  Socket socket;
  socket.has_cgroup = false;
  ck_assert_uint_eq(one(socket).cgroup, 0);
  socket.info_bytes = 104;  // up to tcpi_total_retrans, before 4.1
  tcp_record record = one(socket);
  ck_assert_uint_eq(record.retransmits, 3);
  ck_assert_uint_eq(record.sent_bytes, 0);
}
END_TEST

START_TEST(several_in_one) {
  Socket listener;
  listener.state = kListen;
  Parsed parsed = parse(message_of({}) + message(NLMSG_NOOP, "xyz") + message_of(listener) +
                        done() + message_of({}));
  ck_assert(parsed.ok && parsed.is_done);
  ck_assert_uint_eq(parsed.sockets.size(), 2);
  parsed = parse("");
  ck_assert(parsed.ok && !parsed.is_done && parsed.sockets.empty());
  ck_assert(parse(message(NLMSG_DONE, "")).is_done);
}
END_TEST

START_TEST(errors) {
  std::string body;
  append(body, int{-EPERM});
  Parsed parsed = parse(message_of({}) + message(NLMSG_ERROR, body));
  CHECK_TEXT(parsed.error, "NETLINK_SOCK_DIAG: Operation not permitted");
  ck_assert_uint_eq(parsed.sockets.size(), 1);
  ck_assert(parse(done(-ENOENT)).error.find("modules") != std::string::npos);
  CHECK_TEXT(parse(message(NLMSG_ERROR, "")).error, "NETLINK_SOCK_DIAG: Protocol error");
  for (int error : {1, INT32_MIN, INT32_MAX, -5000})
    CHECK_TEXT(parse(done(error)).error, "NETLINK_SOCK_DIAG: Protocol error");
}
END_TEST

// Cut anywhere it is an error, or no more than the sockets that stand before the cut.
START_TEST(cut) {
  std::string whole = message_of({}) + message_of({}) + done();
  for (size_t size = 0; size < whole.size(); size++) {
    Parsed parsed = parse(whole.substr(0, size));
    ck_assert(!parsed.is_done && parsed.sockets.size() <= 2);
    ck_assert(parsed.ok ==
              (size == 0 || size == message_of({}).size() || size == 2 * message_of({}).size()));
  }
  // Lengths within that lie.
  std::string lying = message_of({});
  for (size_t at = sizeof(nlmsghdr) + sizeof(inet_diag_msg); at + 2 < lying.size(); at += 4)
    for (int length : {0, 1, 3, 4, 5, 0x7FFF, 0xFFFF}) {
      std::string bad = lying;
      bad[at] = static_cast<char>(length);
      bad[at + 1] = static_cast<char>(length >> 8);
      ck_assert(parse(bad).sockets.size() <= 1);
    }
}
END_TEST

START_TEST(garbage) {
  std::mt19937 random(1);
  std::string whole = message_of({}) + message_of({}) + done();
  for (int round = 0; round < 20000; round++) {
    std::string bad = whole;
    for (int count = 0; count < 4; count++)
      bad[random() % bad.size()] = static_cast<char>(random());
    ck_assert(parse(bad).sockets.size() <= 2);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("sock_diag", open_connection, families, states, older_kernels, several_in_one, errors,
           cut, garbage)
