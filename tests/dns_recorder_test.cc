#include "publish/dns_recorder.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kCgroup = 11;

std::string message_of(uint16_t id, std::string_view name, bool answer = false, int rcode = 0) {
  std::string text = {static_cast<char>(id >> 8), static_cast<char>(id), answer ? '\x81' : '\1',
                      static_cast<char>(rcode)};
  text += std::string("\0\1\0\0\0\0\0\0", 8);
  while (!name.empty()) {
    std::string_view label = name.substr(0, name.find('.'));
    text += static_cast<char>(label.size());
    text += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return text + std::string("\0\0\1\0\1", 5);
}

struct Bench {
  explicit Bench(EventLog* log = nullptr) : recorder(workloads, store, log, rules, 42) {
    paths.born(kCgroup, "/system.slice/a.service");
  }

  void take(uint32_t kind, uint64_t time_ns, const std::string& payload, uint16_t port = 5000,
            uint64_t socket = 0) {
    dns_record record{};
    record.socket = socket;
    record.netns = socket == 0 ? 1 : 0;
    record.time_ns = time_ns;
    record.cgroup = kind == DNS_KIND_QUERY ? kCgroup : 0;
    record.family = AF_INET;
    record.kind = kind;
    record.client[0] = record.server[0] = 127;
    record.client_port = port;
    record.server_port = 53;
    record.pid = 77;
    memcpy(record.comm, "sixteen-bytes-ok", 16);  // without an end
    record.captured = static_cast<uint16_t>(payload.size());
    record.message_length = record.captured;
    // On the heap and of just that size, so that the sanitizer sees who reads on.
    std::vector<uint8_t> bytes(payload.begin(), payload.end());
    recorder.take(record, bytes.data());
  }
  void query(uint64_t time_ns, uint16_t id, std::string_view name) {
    take(DNS_KIND_QUERY, time_ns, message_of(id, name));
  }
  // The kernel copies little more than the header of an answer.
  void answer(uint64_t time_ns, uint16_t id, int rcode = 0) {
    take(DNS_KIND_ANSWER, time_ns, message_of(id, "x.example", true, rcode).substr(0, 16));
  }

  const DnsCounts& counts() { return store.dns(workloads.index(workloads.of(kCgroup, 0, kT))); }
  std::string domains() {
    std::string text;
    for (const DomainCount& held : counts().domains)
      text += store.domains().name(held.domain) + "=" + std::to_string(held.queries) + " ";
    return text;
  }
  uint64_t responses() {
    uint64_t sum = 0;
    for (uint64_t count : counts().responses)
      sum += count;
    return sum;
  }

  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{kNsPerMs, kNsPerSecond}};
  DomainRules rules;
  DnsRecorder recorder;
};

START_TEST(query_and_answer) {
  Bench bench;
  ck_assert(!bench.recorder.next_due_ns());
  bench.query(kT, 1, "www.example.com");
  CHECK_TEXT(bench.domains(), "example.com=1 ");
  ck_assert(bench.recorder.next_due_ns() == kT + 5 * kNsPerSecond);
  ck_assert_uint_eq(bench.responses(), 0);
  bench.answer(kT + 1500000, 1);
  ck_assert_uint_eq(bench.counts().responses[0], 1);
  ck_assert_uint_eq(bench.counts().latency.sum_ns, 1500000);
  ck_assert_uint_eq(bench.counts().latency.buckets[1], 1);
  ck_assert(!bench.recorder.next_due_ns());
  bench.answer(kT + 1600000, 1);  // the same once more, through another device
  ck_assert_uint_eq(bench.responses(), 1);
  bench.recorder.expire(kT + 60 * kNsPerSecond);
  ck_assert_uint_eq(bench.counts().timeouts, 0);
  ck_assert_uint_eq(bench.recorder.unread() + bench.recorder.evicted(), 0);
}
END_TEST

START_TEST(answers_that_nobody_asked_for) {
  Bench bench;
  bench.answer(kT, 1);
  bench.query(kT, 1, "example.com");
  bench.answer(kT + 1, 2);
  bench.take(DNS_KIND_ANSWER, kT + 1, message_of(1, "x", true), 5001);
  ck_assert_uint_eq(bench.responses(), 0);
  bench.take(DNS_KIND_ANSWER, kT + 1, message_of(1, "x", true).substr(0, 11));
  bench.take(DNS_KIND_ANSWER, kT + 1, "");
  ck_assert_uint_eq(bench.recorder.unread(), 2);
  ck_assert_uint_eq(bench.responses(), 0);
  bench.answer(kT + 2, 1);
  ck_assert_uint_eq(bench.responses(), 1);
  bench.take(9, kT, message_of(5, "x.example"));
  CHECK_TEXT(bench.domains(), "example.com=1 ");
}
END_TEST

START_TEST(repeated_query_is_one) {
  Bench bench;
  bench.query(kT, 1, "example.com");
  bench.query(kT + kNsPerSecond, 1, "example.com");
  bench.query(kT + 2 * kNsPerSecond, 1, "example.com");
  bench.answer(kT + 3 * kNsPerSecond, 1);
  CHECK_TEXT(bench.domains(), "example.com=1 ");
  ck_assert_uint_eq(bench.counts().latency.sum_ns, 3 * kNsPerSecond);
  // After its answer it is another query; so it is after its timeout, as glibc repeats it.
  bench.query(kT + 4 * kNsPerSecond, 1, "example.com");
  bench.query(kT + 9 * kNsPerSecond, 1, "example.com");
  CHECK_TEXT(bench.domains(), "example.com=3 ");
  ck_assert_uint_eq(bench.counts().timeouts, 1);
  bench.answer(kT + 10 * kNsPerSecond, 1);
  ck_assert_uint_eq(bench.responses(), 2);
  ck_assert_uint_eq(bench.counts().timeouts, 1);
}
END_TEST

START_TEST(rcodes) {
  Bench bench;
  for (int rcode = 0; rcode < 16; rcode++) {
    bench.query(kT, static_cast<uint16_t>(rcode), "example.com");
    bench.answer(kT + 1, static_cast<uint16_t>(rcode), rcode);
  }
  for (unsigned i = 0; i < kRcodeKinds; i++)
    ck_assert_uint_eq(bench.counts().responses[i], i == kRcodeKinds - 1 ? 5 : 1);
}
END_TEST

START_TEST(timeouts) {
  Bench bench;
  bench.query(kT, 1, "a.example");
  bench.query(kT + kNsPerSecond, 2, "b.example");
  bench.recorder.expire(kT + 5 * kNsPerSecond - 1);
  ck_assert_uint_eq(bench.counts().timeouts, 0);
  bench.recorder.expire(kT + 5 * kNsPerSecond);
  ck_assert_uint_eq(bench.counts().timeouts, 1);
  ck_assert(bench.recorder.next_due_ns() == kT + 6 * kNsPerSecond);
  // Too late, before anybody has looked: a timeout all the same.
  bench.answer(kT + 6 * kNsPerSecond, 2);
  bench.answer(kT + 6 * kNsPerSecond, 1);
  ck_assert_uint_eq(bench.responses(), 0);
  bench.recorder.expire(kT + 7 * kNsPerSecond);
  bench.recorder.expire(kT + 70 * kNsPerSecond);
  ck_assert_uint_eq(bench.counts().timeouts, 2);
  ck_assert(!bench.recorder.next_due_ns());
}
END_TEST

START_TEST(an_answer_that_seems_older_than_its_query) {
  Bench bench;  // taken on another CPU
  bench.query(kT, 1, "a.example");
  bench.answer(kT - 5, 1);
  ck_assert_uint_eq(bench.responses(), 1);
  ck_assert_uint_eq(bench.counts().latency.sum_ns, 0);
}
END_TEST

START_TEST(junk) {
  Bench bench;
  for (size_t size = 0; size < 12; size++)
    bench.take(DNS_KIND_QUERY, kT, message_of(1, "a.example").substr(0, size));
  CHECK_TEXT(bench.domains(), "invalid=12 ");
  ck_assert(!bench.recorder.next_due_ns());  // nothing to match an answer by
  // With a header it can be answered, with FORMERR perhaps.
  std::string looped = message_of(2, "").substr(0, 12) + "\xc0\x0c";
  bench.take(DNS_KIND_QUERY, kT, looped);
  bench.take(DNS_KIND_QUERY, kT, message_of(3, "a.example").substr(0, 12));
  bench.take(DNS_KIND_QUERY, kT, message_of(4, "a.example").substr(0, 17));
  bench.query(kT, 5, "a\"\\\n\xff.example");
  bench.query(kT, 6, "10.0.0.1");
  CHECK_TEXT(bench.domains(), "invalid=17 ");
  bench.answer(kT + 1, 2, 1);
  ck_assert_uint_eq(bench.counts().responses[1], 1);
  bench.recorder.expire(kT + 5 * kNsPerSecond);
  ck_assert_uint_eq(bench.counts().timeouts, 4);
  // The flag bits of junk tell nothing that matters.
  bench.take(DNS_KIND_QUERY, kT, std::string(272, '\xff'));
  CHECK_TEXT(bench.domains(), "invalid=18 ");
}
END_TEST

START_TEST(names) {
  Bench bench;
  for (std::string_view name :
       {"WWW.Google.COM", "google.com", "google.com.default.svc.cluster.local",
        "redis.shop.svc.cluster.local", "1.0.0.127.in-addr.arpa", "a.b.c.co.uk", "host", ""})
    bench.query(kT, static_cast<uint16_t>(name.size()), name);
  CHECK_TEXT(bench.domains(),
             "google.com=2 search=1 redis.shop.svc.cluster.local=1 in-addr.arpa=1 c.co.uk=1 "
             "host=1 .=1 ");
}
END_TEST

START_TEST(more_in_flight_than_fit) {
  Bench bench;
  constexpr uint32_t kMore = DnsFlightTable::kCapacity + 10;
  for (uint32_t i = 0; i < kMore; i++)
    bench.query(kT + i, static_cast<uint16_t>(i), "a.example");
  ck_assert_uint_eq(bench.recorder.evicted(), 10);
  ck_assert_uint_eq(bench.counts().timeouts, 10);
  bench.answer(kT + kMore, 9);  // given up
  ck_assert_uint_eq(bench.responses(), 0);
  bench.answer(kT + kMore, 10);
  ck_assert_uint_eq(bench.responses(), 1);
  bench.recorder.expire(kT + 9 * kNsPerSecond);
  ck_assert_uint_eq(bench.counts().timeouts, kMore - 1);
  CHECK_TEXT(bench.domains(), "a.example=" + std::to_string(kMore) + " ");
}
END_TEST

std::string read_all(int fd) {
  std::string text;
  char chunk[65536];
  for (ssize_t size; (size = read(fd, chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<size_t>(size));
  return text;
}

START_TEST(logged) {
  Result<Loop> loop = Loop::create();
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  EventLog log(loop.value(), ends[1]);
  Bench bench(&log);
  uint64_t now_ns = monotonic_ns();
  bench.query(now_ns, 1, "www.example.com");
  bench.query(now_ns, 1, "www.example.com");
  bench.answer(now_ns + 3100000, 1, 3);
  bench.query(now_ns, 2, "b.example");
  bench.recorder.expire(now_ns + 5 * kNsPerSecond);
  log.flush();
  std::string text = read_all(ends[0]);
  std::string head = R"(,"msg":"dns_event","pid":77,"comm":"sixteen-bytes-ok",)";
  std::string tail = R"(,"namespace":"systemd","pod":"a.service"})"
                     "\n";
  size_t first = text.find(head), second = text.rfind(head);
  ck_assert(first != std::string::npos && first != second);
  CHECK_TEXT(text.substr(first, text.find('\n') + 1 - first),
             head +
                 R"("query":"www.example.com","domain":"example.com",)"
                 R"("dns_server":"127.0.0.0:53","rcode":"NXDOMAIN","latency_ms":3.1)" +
                 tail);
  CHECK_TEXT(text.substr(second), head +
                                      R"("query":"b.example","domain":"b.example",)"
                                      R"("dns_server":"127.0.0.0:53","rcode":"TIMEOUT")" +
                                      tail);
}
END_TEST

// An event that has no line is counted all the same, in the counts and as one that was shed.
START_TEST(shed) {
  Result<Loop> loop = Loop::create();
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  EventLog log(loop.value(), ends[1]);
  Bench bench(&log);
  bench.query(kT, 1, "www.example.com");
  bench.query(kT, 2, "b.example");
  log.shed(true);
  bench.answer(kT + 1, 1, 3);
  bench.recorder.expire(kT + 5 * kNsPerSecond);
  log.flush();
  CHECK_TEXT(read_all(ends[0]), "");
  ck_assert_uint_eq(log.shed_lines(), 2);
  log.shed(false);
  bench.query(kT, 3, "c.example");
  bench.answer(kT + 1, 3);
  log.flush();
  ck_assert(read_all(ends[0]).find("c.example") != std::string::npos);
  ck_assert_uint_eq(log.shed_lines(), 2);
}
END_TEST

START_TEST(one_line_each_whatever_the_name) {
  Result<Loop> loop = Loop::create();
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  EventLog log(loop.value(), ends[1]);
  Bench bench(&log);
  for (unsigned byte = 0; byte < 256; byte++) {
    std::string name(5, static_cast<char>(byte));
    if (byte == '.') name = "-";
    bench.query(kT, static_cast<uint16_t>(byte), name + "x.example");
    if (byte % 2 == 0) bench.answer(kT + 1, static_cast<uint16_t>(byte));
  }
  std::string longest = std::string(63, '"') + "." + std::string(63, '\n') + "." +
                        std::string(63, '\xfe') + "." + std::string(61, '\\');
  bench.query(kT, 999, longest);
  bench.recorder.expire(kT + 5 * kNsPerSecond);
  std::string text;
  for (int round = 0; round < 100; round++) {  // a pipe does not hold it all
    log.flush();
    text += read_all(ends[0]);
  }
  size_t lines = 0;
  for (std::string_view rest = text; !rest.empty(); lines++) {
    size_t end = rest.find('\n');
    ck_assert(end != std::string_view::npos && rest[0] == '{' && rest[end - 1] == '}');
    for (char byte : rest.substr(0, end))
      ck_assert_uint_ge(static_cast<unsigned char>(byte), 0x20);
    rest.remove_prefix(end + 1);
  }
  ck_assert_uint_eq(lines, 257);
  ck_assert_uint_eq(log.dropped(), 0);
}
END_TEST

// The addresses may differ by what NAT does.
START_TEST(by_socket) {
  Bench bench;
  std::string answer = message_of(1, "x.example", true).substr(0, 16);
  bench.take(DNS_KIND_QUERY, kT, message_of(1, "x.example"), 5000, 77);
  bench.take(DNS_KIND_QUERY, kT, message_of(1, "x.example"), 5000, 78);
  bench.take(DNS_KIND_ANSWER, kT + 1, answer, 6000, 77);
  ck_assert_uint_eq(bench.responses(), 1);
  bench.take(DNS_KIND_ANSWER, kT + 1, answer, 5000, 77);
  bench.take(DNS_KIND_ANSWER, kT + 1, answer, 5000, 0);
  ck_assert_uint_eq(bench.responses(), 1);
  bench.take(DNS_KIND_ANSWER, kT + 1, answer, 6000, 78);
  ck_assert_uint_eq(bench.responses(), 2);
  CHECK_TEXT(bench.domains(), "x.example=2 ");
}
END_TEST

START_TEST(filtered) {
  Bench bench;
  bench.workloads.set_filter([](std::string_view ns) { return ns != "systemd"; });
  bench.query(kT, 1, "www.example.com");
  bench.query(kT, 2, "www.example.com");
  bench.answer(kT + 1500000, 1);
  bench.answer(kT + 1500000, 9);  // nobody asked for it, so that it is nobody's
  bench.recorder.expire(kT + 60 * kNsPerSecond);
  ck_assert_uint_eq(bench.store.dns(Workloads::kFiltered).records, 3);
  ck_assert_uint_eq(bench.store.series(), 0);
  ck_assert_uint_eq(bench.store.domains().size(), 0);
}
END_TEST

}  // namespace

CHECK_MAIN("dns_recorder", query_and_answer, answers_that_nobody_asked_for, repeated_query_is_one,
           rcodes, timeouts, an_answer_that_seems_older_than_its_query, junk, names,
           more_in_flight_than_fit, filtered, logged, shed, one_line_each_whatever_the_name,
           by_socket)
