// --log-events: a line for each event, and no byte of a name that breaks one.
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

const char* kName = "li\"ve\n\xFF";

// The lines of one workload, once there are `count` of them.
std::vector<JsonFields> lines_of(const Daemon& daemon, const Owner& owner, size_t count) {
  std::vector<JsonFields> own;
  for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + 3 * kNsPerSecond;
       sleep_ms(10)) {
    Result<std::vector<JsonFields>> lines = parse_json_lines(daemon.out());
    CHECK_OK(lines.ok() ? Status() : lines.status());
    own.clear();
    for (JsonFields& line : lines.value())
      if (line["namespace"] == owner.name_space && line["pod"] == owner.pod) own.push_back(line);
    if (own.size() >= count) break;
  }
  ck_assert_msg(own.size() == count, "%d lines of %s, not %d:\n%s", int(own.size()),
                owner.pod.c_str(), int(count), daemon.out().c_str());
  return own;
}

void check_field(JsonFields& line, const std::string& key, const std::string& want) {
  ck_assert_msg(line.count(key) == 1, "no \"%s\"", key.c_str());
  CHECK_TEXT(key + "=" + line[key], key + "=" + want);
}

void check_latency(JsonFields& line, double max_s) {
  ck_assert_msg(line.count("latency_ms") == 1 && line.count("latency_human") <= 1, "no latency");
  double ms = strtod(line["latency_ms"].c_str(), nullptr);
  ck_assert_msg(ms > 0 && ms <= max_s * 1000, "latency_ms is %s", line["latency_ms"].c_str());
}

void check_time_stamp(const std::string& text) {
  static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  ck_assert_msg(text.size() == kShape.size(), "ts is %s", text.c_str());
  for (size_t at = 0; at < text.size(); at++) {
    bool good = kShape[at] == 'd' ? text[at] >= '0' && text[at] <= '9' : text[at] == kShape[at];
    ck_assert_msg(good, "ts is %s", text.c_str());
  }
}

// One connection and one failure of a process with an ill-chosen name.
void log_connection(const std::string& name, const std::string& host, const std::string& shown) {
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  Daemon daemon = Daemon::start({{"--log-events"}});
  enter(server);
  Fd listener = listen_at(host);
  Address to = local_address(listener);
  Fd closed = listen_at(host);
  Address nobody = local_address(closed);
  closed.reset();
  uint64_t start_ns = monotonic_ns();
  std::string ports_file = scratch_path("port");
  Child child = Child::in(client, [&] {
    prctl(PR_SET_NAME, kName);
    Fd socket = connect_to(to);
    write_file(ports_file, std::to_string(local_address(socket).port()));
    receive_rest(socket);
    socket.reset();
    return connect_error(nobody) == ECONNREFUSED ? 0 : 1;
  });
  accept_from(listener).reset();
  child.finish();
  double took_s = seconds_since(start_ns);

  std::string src = shown + ":" + read_file(ports_file);
  std::string dst = shown + ":" + std::to_string(to.port());
  std::vector<JsonFields> lines = lines_of(daemon, client.owner, 3);
  const char* kEvents[] = {"connect", "close", "fail"};
  // The last acknowledgement, which ends the first connection, may come after the second connect.
  if (lines[1]["event"] == "fail") std::swap(lines[1], lines[2]);
  for (int at = 0; at < 3; at++) {
    JsonFields& line = lines[at];
    check_field(line, "msg", "tcp_event");
    check_field(line, "level", "info");
    check_field(line, "event", kEvents[at]);
    check_field(line, "pid", std::to_string(child.pid()));
    check_field(line, "comm", "li\"ve\n\xEF\xBF\xBD");
    check_time_stamp(line["ts"]);
    if (at < 2) check_latency(line, took_s);
    if (at < 2) check_field(line, "src", src);
    check_field(line, "dst", at < 2 ? dst : shown + ":" + std::to_string(nobody.port()));
  }
  check_field(lines[2], "reason", "refused");
  const std::string& from = lines[2]["src"];
  ck_assert_msg(from.find(shown + ":") == 0 && from.substr(shown.size()) != ":0", "src is %s",
                from.c_str());
  // Who connects is the source, on either side.
  lines = lines_of(daemon, server.owner, 2);
  for (JsonFields& line : lines) {
    check_field(line, "msg", "tcp_event");
    check_field(line, "src", src);
    check_field(line, "dst", dst);
  }
  daemon.stop();
}

START_TEST(log_tcp_v4) {
  log_connection("log-v4", "127.0.0.1", "127.0.0.1");
}
END_TEST
START_TEST(log_tcp_v6) {
  if (access("/proc/net/if_inet6", R_OK) != 0) SKIP_TEST("log_tcp_v6", "no IPv6");
  log_connection("log-v6", "::1", "[::1]");
}
END_TEST

START_TEST(log_dns) {
  Daemon daemon = Daemon::start({{"--log-events"}});
  enter_new_netns().ok();
  Cgroup client = make_unit("log-dns");
  DnsServer server(make_unit("log-dns-server"), "127.53.0.1");
  double took_s = 0;
  Child child = Child::in(client, [&] {
    prctl(PR_SET_NAME, kName);
    Fd socket = dns_client(client, server.address());
    exchange(socket, server, 1, "www.example.co.uk", kNxDomain);
    std::string hostile = dns_labels({"a\"b\\c\n{", "\xC3(\x80", "example", "com"});
    send_query(socket, server.address(), dns_query(2, hostile));
    server.take();
    server.answer(kNoError);
    receive_answer(socket);
    return 0;
  });
  uint64_t start_ns = monotonic_ns();
  child.finish();
  took_s = seconds_since(start_ns) + 1;
  std::vector<JsonFields> lines = lines_of(daemon, client.owner, 2);
  for (JsonFields& line : lines) {
    check_field(line, "msg", "dns_event");
    if (flavour_of(daemon, "dns") == "cgroup") {
      ck_assert(line.count("pid") == 0 && line.count("comm") == 0);  // its hooks know no task
    } else {
      check_field(line, "pid", std::to_string(child.pid()));
      check_field(line, "comm", "li\"ve\n\xEF\xBF\xBD");
    }
    check_field(line, "dns_server", "127.53.0.1:53");
    check_time_stamp(line["ts"]);
    check_latency(line, took_s);
  }
  check_field(lines[0], "query", "www.example.co.uk");
  check_field(lines[0], "domain", "example.co.uk");
  check_field(lines[0], "rcode", "NXDOMAIN");
  check_field(lines[1], "domain", "invalid");
  check_field(lines[1], "rcode", "NOERROR");
  ck_assert(lines[1]["query"].compare(0, 8, "a\"b\\c\n{.") == 0);
  daemon.stop();
}
END_TEST

// Who reads the log may be slow or gone: the counts go on.
START_TEST(log_to_nobody) {
  Cgroup server = make_unit("log-nobody-server"), client = make_unit("log-nobody-client");
  Daemon daemon = Daemon::start({{"--log-events"}, {}, false, true});
  constexpr uint64_t kTimes = 500;
  for (uint64_t made = 0; made < kTimes; made++)
    make_connection(client, server).close();
  expect_tcp(daemon, client.owner,
             {{"out", kTimes}, {"handshakes", kTimes}, {"lifetimes", kTimes}});
  daemon.stop();
}
END_TEST

}  // namespace

Case event_log_case() {
  return {"event-log", false, {log_tcp_v4, log_tcp_v6, log_dns, log_to_nobody}};
}

}  // namespace kubepulse::live
