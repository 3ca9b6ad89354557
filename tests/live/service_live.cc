// How the daemon starts, refuses, answers signals and ends.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// It ended with `status` and said why in one line of the log, which has all `parts`.
void check_refusal(const Ended& ended, int status, const Words& parts) {
  ck_assert_msg(ended.status == status, "status %d, not %d: %s", ended.status, status,
                ended.err.c_str());
  size_t lines = 0;
  for (char c : ended.err)
    lines += c == '\n' ? 1 : 0;
  ck_assert_msg(lines == 1 && ended.err.back() == '\n', "not one line: %s", ended.err.c_str());
  for (const std::string& part : parts)
    ck_assert_msg(contains(ended.err, part), "no \"%s\" in: %s", part.c_str(), ended.err.c_str());
  ck_assert_msg(ended.out.empty(), "on standard output: %s", ended.out.c_str());
}

void connect_once(const Daemon& daemon, const std::string& name) {
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  make_connection(client, server).close();
  leave_cgroup();
  expect_tcp(daemon, client.owner, {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}});
  expect_tcp(daemon, server.owner, {{"in", 1}});
}

START_TEST(ends_by_signal) {
  for (int signal_number : {SIGTERM, SIGINT}) {
    Daemon daemon = Daemon::start();
    uint64_t start_ns = monotonic_ns();
    int status = daemon.stop(signal_number);
    ck_assert_msg(status == 0, "signal %d: status %d: %s", signal_number, status,
                  daemon.err().c_str());
    ck_assert(seconds_since(start_ns) < kPromptSeconds);
    Result<std::vector<JsonFields>> lines = parse_json_lines(daemon.err());
    CHECK_OK(lines.ok() ? Status() : lines.status());
    for (JsonFields& line : lines.value())
      ck_assert_msg(line["level"] == "info" || line["level"] == "warn", "%s", daemon.err().c_str());
  }
}
END_TEST

// With connections open, clients waiting and queries unanswered.
START_TEST(ends_while_busy) {
  Daemon daemon = Daemon::start();
  Cgroup server = make_unit("busy-server"), client = make_unit("busy-client");
  Connection open = make_connection(client, server);
  leave_cgroup();
  std::vector<Fd> clients;
  for (int number = 0; number < 20; number++) {
    Result<Fd> connection = http_dial(daemon.address());
    CHECK_OK(connection.ok() ? Status() : connection.status());
    send(connection.value().get(), "GET /metrics", 12, MSG_NOSIGNAL);
    clients.push_back(std::move(connection.value()));
  }
  daemon.stop();
}
END_TEST

START_TEST(ignores_sighup) {
  Daemon daemon = Daemon::start();
  kill(daemon.pid(), SIGHUP);
  for (int tries = 0; tries < 100 && !contains(daemon.err(), "SIGHUP"); tries++)
    sleep_ms(10);
  ck_assert_msg(contains(daemon.err(), "SIGHUP"), "no line about it: %s", daemon.err().c_str());
  connect_once(daemon, "sighup");
  daemon.stop();
}
END_TEST

START_TEST(survives_sigpipe) {
  Daemon daemon = Daemon::start();
  kill(daemon.pid(), SIGPIPE);
  connect_once(daemon, "sigpipe");
  daemon.stop();
}
END_TEST

START_TEST(killed_and_started_again) {
  Launch launch{{"--listen=unix:" + scratch_path("again")}};
  Daemon daemon = Daemon::start(launch);
  connect_once(daemon, "first-life");
  daemon.kill_hard();
  daemon = Daemon::start(launch);
  connect_once(daemon, "second-life");
  daemon.stop();
}
END_TEST

// Two at once see the same and do not disturb each other.
START_TEST(two_daemons) {
  Daemon one = Daemon::start(), other = Daemon::start();
  connect_once(one, "two-daemons");
  Labels labels = {{"namespace", "systemd"}, {"pod", "two-daemons-client.service"}};
  expect(other, {{"kubepulse_tcp_connections_total", labels, 1}});
  one.stop();
  other.stop();
}
END_TEST

START_TEST(port_in_use) {
  Fd taken = listen_at("127.0.0.1");
  std::string address = local_address(taken).text();
  Ended ended = run_daemon({{"--listen=" + address}});
  check_refusal(ended, 3, {address, "in use"});
  ended = run_daemon({{"--listen=unix:/no/such/folder/socket"}});
  check_refusal(ended, 3, {"/no/such/folder/socket"});
}
END_TEST

START_TEST(flags_refused) {
  check_refusal(run_daemon({{"--no-such-flag"}}), 2, {"--no-such-flag"});
  check_refusal(run_daemon({{"word"}}), 2, {"word"});
  const char* kMalformed[] = {"--listen=nonsense",
                              "--listen=",
                              "--tcp-ring=banana",
                              "--tcp-ring=5000",
                              "--dns-ring=0",
                              "--sample-interval=0",
                              "--sample-interval=-1",
                              "--buckets=1,0.5",
                              "--buckets=",
                              "--flavour=vanilla",
                              "--listen=:99999",
                              "--log-events=maybe",
                              "--check=maybe",
                              "--btf=/no/such/file",
                              "--btf=/etc/passwd",
                              "--interface=a/b",
                              "--interface=sixteen-bytes-it"};
  for (const char* flag : kMalformed) {
    std::string text = flag;
    check_refusal(run_daemon({{text}}), 2, {text.substr(2, text.find('=') - 2)});
  }
  check_refusal(run_daemon({{}, {"KUBEPULSE_TCP_RING=banana"}}), 2, {"KUBEPULSE_TCP_RING"});
}
END_TEST

START_TEST(not_root) {
  Ended ended = run_daemon({{"--listen=127.0.0.1:0"}, {}, true});
  check_refusal(ended, 1, {"root"});
}
END_TEST

START_TEST(help_version_check) {
  Ended ended = run_daemon({{"--help"}});
  ck_assert(ended.status == 0 && ended.err.empty());
  for (const char* flag :
       {"--listen", "--node-name", "--log-events", "--tcp-ring", "--dns-ring", "--sample-interval",
        "--buckets", "--cluster-domain", "--flavour", "--btf", "--check", "--help", "--version"})
    ck_assert_msg(contains(ended.out, flag), "--help says nothing of %s", flag);
  ended = run_daemon({{"--version"}});
  ck_assert(ended.status == 0 && contains(ended.out, "kubepulse") && ended.out.back() == '\n');
  ended = run_daemon({{"--check"}});
  ck_assert_msg(ended.status == 0 && !ended.out.empty(), "--check: %d", ended.status);
}
END_TEST

START_TEST(environment_is_read) {
  std::string path = scratch_path("by-environment");
  Daemon daemon = Daemon::start(
      {{}, {"KUBEPULSE_METRICS_ADDR=unix:" + path, "KUBEPULSE_NODE_NAME=by-environment"}});
  ck_assert(daemon.scrape().has("kubepulse_build_info", {{"node", "by-environment"}}));
  daemon.stop();
  // The flag wins.
  daemon = Daemon::start({{"--node-name=by-flag"}, {"KUBEPULSE_NODE_NAME=by-environment"}});
  ck_assert(daemon.scrape().has("kubepulse_build_info", {{"node", "by-flag"}}));
  daemon.stop();
}
END_TEST

START_TEST(buckets_of_our_own) {
  Daemon daemon = Daemon::start({{"--buckets=0.002,0.5,30"}});
  Cgroup server = make_unit("buckets-server"), client = make_unit("buckets-client");
  make_connection(client, server).close();
  leave_cgroup();
  expect_tcp(daemon, client.owner, {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}});
  std::string bounds;
  Page page = daemon.scrape();
  for (const Sample& sample : page.samples())
    if (sample.name == "kubepulse_tcp_latency_seconds_bucket" &&
        sample.has_all(client.owner.labels()))
      bounds += *sample.label("le") + " ";
  CHECK_TEXT(bounds, "0.002 0.5 30 +Inf ");
  daemon.stop();
}
END_TEST

// What systemd gives: a datagram socket to tell that it is ready, and that it is alive.
START_TEST(tells_systemd) {
  std::string path = scratch_path("notify");
  Fd notify(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ck_assert(bind(notify.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  Daemon daemon = Daemon::start({{}, {"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=2000000"}});
  constexpr int kBeats = 5;
  int ready = 0, alive = 0;
  // systemd takes it for dead where 2 s pass without a word.
  uint64_t start_ns = monotonic_ns();
  while (alive < kBeats) {
    pollfd waited{notify.get(), POLLIN, 0};
    ck_assert_msg(poll(&waited, 1, 2000) == 1, "silent for 2 s after WATCHDOG=1 came %d times",
                  alive);
    char text[512];
    ssize_t got = recv(notify.get(), text, sizeof text - 1, 0);
    std::string message = "\n" + std::string(text, got > 0 ? static_cast<size_t>(got) : 0) + "\n";
    ready += contains(message, "\nREADY=1\n") ? 1 : 0;
    alive += contains(message, "\nWATCHDOG=1\n") ? 1 : 0;
  }
  ck_assert_msg(seconds_since(start_ns) > 2, "%d times WATCHDOG=1 at once", kBeats);
  ck_assert_msg(ready == 1, "READY=1 came %d times", ready);
  daemon.stop();
}
END_TEST

// It is not ready before it is, and it is soon.
START_TEST(ready_when_attached) {
  Daemon daemon = Daemon::start_unready({});
  daemon.await_ready();  // which accepts 503 until then, and no other answer
  Page page = daemon.scrape();
  double attached = page.value("kubepulse_bpf_program_attached");
  ck_assert_msg(attached >= 3, "%g programs attached", attached);
  connect_once(daemon, "ready");
  daemon.stop();
}
END_TEST

// All it leaves when it is gone: nothing.
START_TEST(leaves_nothing) {
  std::string path = scratch_path("leaves");
  Daemon daemon = Daemon::start({{"--listen=unix:" + path}});
  daemon.stop();
  ck_assert_msg(access(path.c_str(), F_OK) != 0, "the socket %s is left", path.c_str());
}
END_TEST

}  // namespace

Case service_case() {
  return {
      "service",
      false,
      {ends_by_signal, ends_while_busy, ignores_sighup, survives_sigpipe, killed_and_started_again,
       two_daemons, port_in_use, flags_refused, not_root, help_version_check, environment_is_read,
       buckets_of_our_own, tells_systemd, ready_when_attached, leaves_nothing}};
}

}  // namespace kubepulse::live
