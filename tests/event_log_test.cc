#include "publish/event_log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kRealtimeNs = 1767323045678901234;

tcp_record record_of(tcp_kind kind, tcp_direction direction, int family = AF_INET) {
  tcp_record record{};
  record.kind = kind;
  record.direction = direction;
  record.family = static_cast<uint8_t>(family);
  inet_pton(family, family == AF_INET ? "10.0.0.1" : "2001:db8::1", record.local);
  inet_pton(family, family == AF_INET ? "142.250.190.78" : "2001:db8:0:0:1:0:0:1", record.remote);
  record.local_port = 54321;
  record.remote_port = 443;
  record.start_ns = 1000 * kNsPerSecond;
  record.time_ns = record.start_ns + 12400 * 1000;
  record.pid = 12345;
  memcpy(record.comm, "curl", 4);
  return record;
}

// Without what all lines have in common.
std::string tcp_line(const tcp_record& record) {
  std::string line;
  append_tcp_event(line, record, kRealtimeNs, "default", "web-0");
  std::string head = R"({"level":"info","ts":"2026-01-02T03:04:05.678901Z","msg":"tcp_event",)";
  std::string tail = R"(,"namespace":"default","pod":"web-0"})"
                     "\n";
  ck_assert_msg(line.rfind(head, 0) == 0, "%s", line.c_str());
  ck_assert_msg(line.find(tail) == line.size() - tail.size(), "%s", line.c_str());
  return line.substr(head.size(), line.size() - head.size() - tail.size());
}

START_TEST(tcp_connect) {
  std::string line = "before ";
  append_tcp_event(line, record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT), kRealtimeNs, "default",
                   "web-0");
  CHECK_TEXT(line, R"(before {"level":"info","ts":"2026-01-02T03:04:05.678901Z",)"
                   R"("msg":"tcp_event","event":"connect","pid":12345,"comm":"curl",)"
                   R"("src":"10.0.0.1:54321","dst":"142.250.190.78:443",)"
                   R"("latency_ms":12.4,"latency_human":"12.40ms",)"
                   R"("namespace":"default","pod":"web-0"})"
                   "\n");
  CHECK_TEXT(tcp_line(record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, AF_INET6)),
             R"("event":"connect","pid":12345,"comm":"curl","src":"[2001:db8::1]:54321",)"
             R"("dst":"[2001:db8::1:0:0:1]:443","latency_ms":12.4,"latency_human":"12.40ms")");
}
END_TEST

START_TEST(tcp_accept) {
  // Whoever opened it is the source; we have not seen its handshake.
  CHECK_TEXT(tcp_line(record_of(TCP_KIND_OPENED, TCP_DIRECTION_IN)),
             R"("event":"accept","pid":12345,"comm":"curl","src":"142.250.190.78:443",)"
             R"("dst":"10.0.0.1:54321")");
}
END_TEST

START_TEST(tcp_fail) {
  tcp_record record = record_of(TCP_KIND_FAILED, TCP_DIRECTION_OUT);
  record.error = ECONNREFUSED;
  CHECK_TEXT(tcp_line(record),
             R"("event":"fail","reason":"refused","pid":12345,"comm":"curl",)"
             R"("src":"10.0.0.1:54321","dst":"142.250.190.78:443","latency_ms":12.4,)"
             R"("latency_human":"12.40ms")");
  record.error = ECANCELED;
  record.close_ns = record.start_ns + 250;
  CHECK_TEXT(tcp_line(record),
             R"("event":"fail","reason":"canceled","pid":12345,"comm":"curl",)"
             R"("src":"10.0.0.1:54321","dst":"142.250.190.78:443","latency_ms":0.00025,)"
             R"("latency_human":"0us")");
}
END_TEST

START_TEST(tcp_close) {
  tcp_record record = record_of(TCP_KIND_CLOSED, TCP_DIRECTION_IN);
  // Closed by the application before its last state ended, 60 s later.
  record.close_ns = record.start_ns + 1200 * kNsPerMs;
  record.time_ns = record.close_ns + 60 * kNsPerSecond;
  CHECK_TEXT(tcp_line(record),
             R"("event":"close","direction":"in","pid":12345,"comm":"curl",)"
             R"("src":"142.250.190.78:443","dst":"10.0.0.1:54321","latency_ms":1200,)"
             R"("latency_human":"1.20s")");
  // Ended by the peer.
  record.close_ns = 0;
  record.direction = TCP_DIRECTION_OUT;
  CHECK_TEXT(tcp_line(record),
             R"("event":"close","direction":"out","pid":12345,"comm":"curl",)"
             R"("src":"10.0.0.1:54321","dst":"142.250.190.78:443","latency_ms":61200,)"
             R"("latency_human":"61.20s")");
  // From before the daemon looked.
  record.start_ns = 0;
  record.pid = 0;
  record.direction = TCP_DIRECTION_UNKNOWN;
  CHECK_TEXT(tcp_line(record), R"("event":"close","direction":"unknown",)"
                               R"("src":"10.0.0.1:54321","dst":"142.250.190.78:443")");
  // Found out when its memory was that of another.
  record.family = 0;
  record.local_port = record.remote_port = 0;
  CHECK_TEXT(tcp_line(record), R"("event":"close","direction":"unknown","src":"?:0","dst":"?:0")");
}
END_TEST

START_TEST(tcp_oddities) {
  std::string out;
  for (tcp_kind kind : {TCP_KIND_OPEN, TCP_KIND_LISTEN, TCP_KIND_CONNECTING, TCP_KIND_UNLISTENED})
    append_tcp_event(out, record_of(kind, TCP_DIRECTION_OUT), kRealtimeNs, "a", "b");
  CHECK_TEXT(out, "");
  // Clocks that disagree leave no latency of centuries.
  tcp_record record = record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT);
  record.time_ns = record.start_ns - 1;
  ck_assert(tcp_line(record).find("latency") == std::string::npos);
  // A name of 16 bytes has no end of its own, and may be any bytes.
  memcpy(record.comm, "a\"\n\xFF\\ 0123456789", 16);
  record.family = 0;
  CHECK_TEXT(tcp_line(record),
             "\"event\":\"connect\",\"pid\":12345,"
             "\"comm\":\"a\\\"\\u000a\xEF\xBF\xBD\\\\ 0123456789\","
             "\"src\":\"?:54321\",\"dst\":\"?:443\"");
  out.clear();
  append_tcp_event(out, record, kRealtimeNs, "a\nb", "\"");
  ck_assert(out.find('\n') == out.size() - 1);
}
END_TEST

START_TEST(dns) {
  DnsEvent event;
  event.realtime_ns = kRealtimeNs;
  event.pid = 9876;
  event.comm = "dig";
  event.query = "www.google.com";
  event.domain = "google.com";
  event.family = AF_INET;
  inet_pton(AF_INET, "127.0.0.53", event.server);
  event.server_port = 53;
  event.rcode = "NOERROR";
  event.latency_ns = 3100000;
  event.ns = "default";
  event.pod = "web-0";
  std::string line;
  append_dns_event(line, event);
  CHECK_TEXT(line, R"({"level":"info","ts":"2026-01-02T03:04:05.678901Z","msg":"dns_event",)"
                   R"("pid":9876,"comm":"dig","query":"www.google.com","domain":"google.com",)"
                   R"("dns_server":"127.0.0.53:53","rcode":"NOERROR","latency_ms":3.1,)"
                   R"("namespace":"default","pod":"web-0"})"
                   "\n");
  event.pid = 0;
  event.family = AF_INET6;
  inet_pton(AF_INET6, "fd00::a", event.server);
  event.query = "a\nb\"\xC0.example";
  event.rcode = "TIMEOUT";
  event.latency_ns.reset();
  line.clear();
  append_dns_event(line, event);
  CHECK_TEXT(line, R"({"level":"info","ts":"2026-01-02T03:04:05.678901Z","msg":"dns_event",)"
                   "\"query\":\"a\\u000ab\\\"\xEF\xBF\xBD.example\",\"domain\":\"google.com\","
                   R"("dns_server":"[fd00::a]:53","rcode":"TIMEOUT",)"
                   R"("namespace":"default","pod":"web-0"})"
                   "\n");
}
END_TEST

std::string human(uint64_t ns) {
  std::string text;
  append_human_latency(text, ns);
  return text;
}

START_TEST(human_latency) {
  CHECK_TEXT(human(0), "0us");
  CHECK_TEXT(human(850 * 1000), "850us");
  CHECK_TEXT(human(999499), "999us");
  CHECK_TEXT(human(999500), "1.00ms");
  CHECK_TEXT(human(12400 * 1000), "12.40ms");
  CHECK_TEXT(human(999994999), "999.99ms");
  CHECK_TEXT(human(999995000), "1.00s");
  CHECK_TEXT(human(1200 * kNsPerMs), "1.20s");
  CHECK_TEXT(human(3725 * kNsPerSecond), "3725.00s");
}
END_TEST

// The writer: a pair of ends, and a log on one of them.

struct Ends {
  Fd reader, writer;
};

Ends make_pipe() {
  int fds[2];
  ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {Fd(fds[0]), Fd(fds[1])};
}

Ends make_sockets(int type) {
  int fds[2];
  ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {Fd(fds[0]), Fd(fds[1])};
}

Ends make_terminal() {
  Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  ck_assert(static_cast<bool>(master));
  ck_assert(grantpt(master.get()) == 0 && unlockpt(master.get()) == 0);
  char name[64];
  ck_assert_int_eq(ptsname_r(master.get(), name, sizeof name), 0);
  Fd terminal(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  ck_assert(static_cast<bool>(terminal));
  return {std::move(master), std::move(terminal)};
}

Loop make_loop() {
  Result<Loop> loop = Loop::create();
  ck_assert(loop.ok());
  return std::move(loop.value());
}

std::string read_all(const Fd& fd) {
  std::string text;
  char chunk[65536];
  for (ssize_t got; (got = read(fd.get(), chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<size_t>(got));
  return text;
}

std::string numbered(size_t number) {
  std::string line = "{\"line\":" + std::to_string(number) + ",\"fill\":\"";
  line.append(number % 200, 'x');
  return line + "\"}\n";
}

// The numbers of the lines in `text`; each must be whole. Terminals make "\r\n" of "\n".
std::vector<size_t> numbers_in(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  std::vector<size_t> numbers;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    ck_assert_msg(end != text.npos, "a line without an end");
    std::string line = text.substr(begin, end - begin + 1);
    size_t number = strtoul(line.c_str() + strlen("{\"line\":"), nullptr, 10);
    CHECK_TEXT(line, numbered(number));
    numbers.push_back(number);
  }
  return numbers;
}

// More than any buffer holds, to a reader that does not read, and then does.
void check_slow_reader(const Ends& ends) {
  constexpr size_t kLines = 20000;
  Loop loop = make_loop();
  int flags = fcntl(ends.writer.get(), F_GETFL);
  EventLog log(loop, ends.writer.get());
  uint64_t start_ns = monotonic_ns();
  for (size_t i = 0; i < kLines; i++) {
    log.append(numbered(i));
    if (i % 10 == 0) log.flush();
  }
  ck_assert_uint_lt(monotonic_ns() - start_ns, 5 * kNsPerSecond);
  ck_assert_uint_gt(log.dropped(), 0);
  // It sleeps meanwhile.
  start_ns = monotonic_ns();
  CHECK_OK(loop.turn(50));
  ck_assert_uint_gt(monotonic_ns() - start_ns, 40 * kNsPerMs);

  std::string text;
  for (std::string more; !(more = read_all(ends.reader)).empty(); text += more)
    for (int i = 0; i < 20; i++)
      CHECK_OK(loop.turn(0));
  log.append(numbered(kLines));
  log.flush();
  text += read_all(ends.reader);
  std::vector<size_t> numbers = numbers_in(text);
  ck_assert_uint_eq(numbers.size() + log.dropped(), kLines + 1);
  ck_assert(std::is_sorted(numbers.begin(), numbers.end()));
  ck_assert_uint_eq(numbers.back(), kLines);
  ck_assert(log.open());
  // Nothing of it is seen by those who share the other end.
  ck_assert_int_eq(fcntl(ends.writer.get(), F_GETFL), flags);
}

START_TEST(slow_pipe) {
  check_slow_reader(make_pipe());
}
END_TEST

START_TEST(slow_socket) {
  check_slow_reader(make_sockets(SOCK_STREAM));
}
END_TEST

START_TEST(slow_terminal) {
  check_slow_reader(make_terminal());
}
END_TEST

// A pipe that another user made cannot be opened again.
START_TEST(slow_foreign_pipe) {
  Ends ends = make_pipe();
  ck_assert_int_eq(fchmod(ends.writer.get(), 0), 0);
  bool root = geteuid() == 0;
  if (root) ck_assert_int_eq(seteuid(65534), 0);
  std::string path = "/proc/self/fd/" + std::to_string(ends.writer.get());
  ck_assert_int_lt(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), 0);
  check_slow_reader(ends);
  if (root) ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(whole_lines_in_a_write) {
  Ends ends = make_sockets(SOCK_SEQPACKET);
  Loop loop = make_loop();
  EventLog log(loop, ends.writer.get());
  for (size_t i = 0; i < 100; i++)
    log.append(numbered(i));
  log.append(std::string(5000, 'y') + '\n');  // longer than a write may be
  log.append(numbered(1));
  log.flush();
  std::vector<std::string> writes;
  char chunk[65536];
  for (ssize_t got; (got = recv(ends.reader.get(), chunk, sizeof chunk, 0)) > 0;)
    writes.emplace_back(chunk, static_cast<size_t>(got));
  ck_assert_uint_gt(writes.size(), 3);
  size_t count = 0;
  for (const std::string& text : writes) {
    ck_assert_uint_le(text.size(), 4096);
    if (text[0] == '{') count += numbers_in(text).size();
  }
  ck_assert_uint_eq(count, 100);  // the last one shares its write with the end of the long one
  ck_assert_uint_eq(log.dropped(), 0);
}
END_TEST

START_TEST(held_until_flush) {
  Ends ends = make_pipe();
  Loop loop = make_loop();
  {
    EventLog log(loop, ends.writer.get());
    log.append(numbered(1));
    CHECK_TEXT(read_all(ends.reader), "");
    log.flush();
    CHECK_TEXT(read_all(ends.reader), numbered(1));
    // Many go out by themselves.
    for (size_t i = 0; i < 3000; i++)
      log.append(numbered(7));
    ck_assert_uint_gt(read_all(ends.reader).size(), 0);
    log.flush();
    read_all(ends.reader);
    log.append(numbered(2));
  }
  // At its end the log writes what it held.
  CHECK_TEXT(read_all(ends.reader), numbered(2));
}
END_TEST

START_TEST(shed) {
  Ends ends = make_pipe();
  Loop loop = make_loop();
  EventLog log(loop, ends.writer.get());
  ck_assert(log.wants_line() && log.wants_line());
  log.shed(true);
  ck_assert(!log.wants_line() && !log.wants_line());
  log.shed(false);
  ck_assert(log.wants_line());
  ck_assert_uint_eq(log.shed_lines(), 2);
  ck_assert_uint_eq(log.dropped(), 0);
}
END_TEST

void check_reader_gone(Ends ends) {
  int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  Ends stderr_ends = make_pipe();
  dup2(stderr_ends.writer.get(), STDERR_FILENO);
  Loop loop = make_loop();
  EventLog log(loop, ends.writer.get());
  for (size_t i = 0; i < 10000; i++)
    log.append(numbered(i));
  log.flush();
  uint64_t dropped = log.dropped();
  ends.reader.reset();
  // The loop learns of it, and is not woken for it ever again.
  CHECK_OK(loop.turn(1000));
  ck_assert(!log.open());
  ck_assert_uint_gt(log.dropped(), dropped);
  dropped = log.dropped();
  for (size_t i = 0; i < 3; i++) {
    log.append(numbered(i));
    log.flush();
  }
  ck_assert_uint_eq(log.dropped(), dropped + 3);
  uint64_t start_ns = monotonic_ns();
  CHECK_OK(loop.turn(50));
  ck_assert_uint_gt(monotonic_ns() - start_ns, 40 * kNsPerMs);
  dup2(saved, STDERR_FILENO);
  close(saved);
  std::string said = read_all(stderr_ends.reader);
  ck_assert_msg(said.find("Broken pipe") != said.npos && said.find('\n') == said.size() - 1, "%s",
                said.c_str());
}

START_TEST(pipe_reader_gone) {
  check_reader_gone(make_pipe());
}
END_TEST

START_TEST(socket_reader_gone) {
  check_reader_gone(make_sockets(SOCK_STREAM));
}
END_TEST

START_TEST(files_and_devices) {
  Loop loop = make_loop();
  char name[] = "/tmp/kubepulse-event-log-XXXXXX";
  Fd file(mkostemp(name, O_CLOEXEC | O_APPEND));
  unlink(name);
  {
    EventLog log(loop, file.get());
    for (size_t i = 0; i < 5000; i++)
      log.append(numbered(i));
    log.flush();
    ck_assert_uint_eq(log.dropped(), 0);
  }
  lseek(file.get(), 0, SEEK_SET);
  ck_assert_uint_eq(numbers_in(read_all(file)).size(), 5000);

  Fd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  EventLog to_null(loop, null.get());
  for (size_t i = 0; i < 5000; i++)
    to_null.append(numbered(i));
  to_null.flush();
  ck_assert_uint_eq(to_null.dropped(), 0);

  // A full disk may have room again: what fits is kept, the rest is counted.
  Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  EventLog to_full(loop, full.get());
  for (size_t i = 0; i < 5000; i++)
    to_full.append(numbered(i));
  to_full.flush();
  ck_assert(to_full.open());
  ck_assert_uint_gt(to_full.dropped(), 0);
}
END_TEST

}  // namespace

int main() {
  signal(SIGPIPE, SIG_IGN);
  return run_suite("event_log", {tcp_connect, tcp_accept, tcp_fail, tcp_close, tcp_oddities, dns,
                                 human_latency, slow_pipe, slow_socket, slow_terminal,
                                 slow_foreign_pipe, whole_lines_in_a_write, held_until_flush, shed,
                                 pipe_reader_gone, socket_reader_gone, files_and_devices});
}
