// `kubepulse top`: what it prints of known traffic, the daemon that it starts, its screen.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/page_server.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Without its end.
std::string line_of(const std::string& text) {
  ck_assert_msg(text.find('\n') == text.size() - 1, "not one line: %s", text.c_str());
  return text.substr(0, text.size() - 1);
}

JsonFields fields_of(const std::string& text) {
  Result<JsonFields> fields = parse_nested_json_object(text);
  CHECK_OK(fields.ok() ? Status() : fields.status());
  return fields.value();
}

JsonFields workload_of(const std::string& report, const Owner& owner) {
  Result<std::vector<std::string>> all = parse_json_array(fields_of(report)["workloads"]);
  CHECK_OK(all.ok() ? Status() : all.status());
  for (const std::string& each : all.value()) {
    JsonFields fields = fields_of(each);
    if (fields["namespace"] == owner.name_space && fields["pod"] == owner.pod) return fields;
  }
  ck_abort_msg("no workload %s: %s", owner.pod.c_str(), report.c_str());
}

void check_fields(JsonFields fields, const JsonFields& wants) {
  for (const auto& [key, value] : wants)
    ck_assert_msg(fields[key] == value, "%s is %s, not %s", key.c_str(), fields[key].c_str(),
                  value.c_str());
}

void make_traffic(const Cgroup& client, const Cgroup& server, int connections, int refused) {
  for (int i = 0; i < connections; i++) {
    Connection connection = make_connection(client, server);
    send_bytes(connection.client, 1000);
    receive_bytes(connection.server, 1000);
    connection.close();
  }
  Child::in(client, [refused] {
    Fd bound = make_socket(AF_INET, SOCK_STREAM);  // its port is taken, and nobody listens
    Address address = Address::of("127.0.0.1", 0);
    if (bind(bound.get(), address.raw(), address.size) != 0) return 1;
    for (int i = 0; i < refused; i++)
      if (connect_error(local_address(bound)) != ECONNREFUSED) return 1;
    return 0;
  }).finish();
  leave_cgroup();
}

START_TEST(exact_growth) {
  Cgroup client = make_unit("top-client"), server = make_unit("top-server");
  const Daemon& daemon = shared_daemon();
  make_traffic(client, server, 3, 1);
  expect_tcp(daemon, client.owner,
             {{"out", 3},
              {"handshakes", 3},
              {"lifetimes", 3},
              {"refused", 1},
              {"sent", 3000},
              {"reset_received", 1}});
  PageServer pages;
  std::string report = scratch_path("report");
  Child top = start_command(make_unit("top"), report, {"top", "--json", "--url=" + pages.url()});
  pages.answer(daemon.get("/metrics").body);
  make_traffic(client, server, 7, 2);
  expect_tcp(daemon, client.owner,
             {{"out", 10},
              {"handshakes", 10},
              {"lifetimes", 10},
              {"refused", 3},
              {"sent", 10000},
              {"reset_received", 3}});
  expect_tcp(daemon, server.owner, {{"in", 10}, {"received", 10000}});
  pages.answer(daemon.get("/metrics").body);
  top.finish();
  std::string text = line_of(read_file(report));
  check_fields(fields_of(text), {{"from", pages.url()}});
  check_fields(workload_of(text, client.owner), {{"connections", "7"},
                                                 {"connections_out", "7"},
                                                 {"connections_in", "0"},
                                                 {"connect_failures", "2"},
                                                 {"tcp_sent_bytes", "7000"},
                                                 {"tcp_received_bytes", "0"},
                                                 {"dns_nxdomain_share", "null"}});
  check_fields(workload_of(text, server.owner), {{"connections", "7"},
                                                 {"connections_in", "7"},
                                                 {"tcp_received_bytes", "7000"},
                                                 {"connect_latency_p50_seconds", "null"}});
}
END_TEST

START_TEST(once) {
  std::string url = "--url=" + shared_daemon().address();
  Ended table = run_daemon({{"top", "--once", "--interval=100ms", url}});
  ck_assert_msg(table.status == 0 && table.err.empty(), "status %d: %s", table.status,
                table.err.c_str());
  for (const char* part : {"kubepulse ", "events ", "NAMESPACE ", " RETR/S ", "sorted by bytes"})
    ck_assert_msg(contains(table.out, part), "no \"%s\": %s", part, table.out.c_str());
  ck_assert(!contains(table.out, "\x1b"));
  // What is no terminal gets the same without being asked.
  Ended piped = run_daemon({{"top", "--interval=100ms", url}});
  ck_assert(piped.status == 0 && contains(piped.out, "NAMESPACE ") && !contains(piped.out, "\x1b"));
}
END_TEST

START_TEST(refusals) {
  Ended nobody = run_daemon({{"top", "--once", "--url=unix:/nonexistent/socket"}});
  ck_assert_int_eq(nobody.status, 1);
  ck_assert_msg(contains(nobody.err, "unix:/nonexistent/socket: connecting: No such file"), "%s",
                nobody.err.c_str());
  Ended wrong = run_daemon({{"top", "--sort=cpu"}});
  ck_assert(wrong.status == 2 && contains(wrong.err, "--sort=\"cpu\": accepted is bytes"));
  PageServer pages;
  std::string report = scratch_path("report");
  Child top =
      start_command(make_unit("top-strange"), report, {"top", "--once", "--url=" + pages.url()});
  pages.answer("# HELP go_goroutines Number.\ngo_goroutines 3\n");
  ck_assert_int_eq(top.wait(), 1);
  CHECK_TEXT(read_file(report), "");
  CHECK_TEXT(read_file(report + ".err"),
             "kubepulse: top: " + pages.url() +
                 ": this is no page of kubepulse; it begins with \"# HELP go_goroutines "
                 "Number.\\u000ago_goroutines 3\\u000a\"\n");
  check_alone_as_nobody("top");
}
END_TEST

// Nobody listens on the default port: it starts a daemon, which is gone when it has ended.
START_TEST(own_daemon) {
  CHECK_OK(enter_new_netns());
  ck_assert(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  Ended ended = run_daemon({{"top", "--json"}});
  ck_assert_msg(ended.status == 0 && ended.err.empty(), "status %d: %s", ended.status,
                ended.err.c_str());
  check_fields(fields_of(line_of(ended.out)), {{"from", "a daemon of its own"}});
  ck_assert_msg(waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD, "it left a process");
}
END_TEST

// `kubepulse top` on a terminal of its own, which the test types on and reads.
struct Screen {
  pid_t pid = -1;
  Fd keys;      // the master's end
  Fd terminal;  // the other, so that its mode can be asked for
  std::string shown;

  explicit Screen(const Words& words) {
    keys = Fd(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ck_assert_msg(keys && grantpt(keys.get()) == 0 && unlockpt(keys.get()) == 0, "no terminal");
    std::string name = ptsname(keys.get());
    terminal = Fd(open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    resize(120, 24);
    pid_t parent = getpid();
    pid = fork();
    ck_assert(pid >= 0);
    if (pid > 0) return;
    die_with(parent);
    leave_cgroup();
    setsid();
    ioctl(terminal.get(), TIOCSCTTY, 0);
    for (int fd = 0; fd < 3; fd++)
      dup2(terminal.get(), fd);
    Words all{"top"};
    all.insert(all.end(), words.begin(), words.end());
    become_command(all);
  }

  void resize(unsigned short columns, unsigned short rows) const {
    winsize size{rows, columns, 0, 0};
    ck_assert(ioctl(keys.get(), TIOCSWINSZ, &size) == 0);
  }
  void type(const std::string& text) const {
    ck_assert(write(keys.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void read_some() {
    pollfd ready{keys.get(), POLLIN, 0};
    ck_assert_msg(poll(&ready, 1, kPatienceMs) == 1, "nothing comes: %s", shown.c_str());
    char bytes[4096];
    ssize_t got = read(keys.get(), bytes, sizeof bytes);
    ck_assert_msg(got > 0, "it is gone: %s", shown.c_str());
    shown.append(bytes, static_cast<size_t>(got));
  }
  // Until `part` has been shown; what was before it is forgotten.
  void await(const std::string& part) {
    while (!contains(shown, part))
      read_some();
    shown.erase(0, shown.find(part));
  }
  // The next whole screen that has `part` and has not `without`.
  void await_frame(const std::string& part, const std::string& without) {
    for (;;) {
      await("\x1b[H");
      while (!contains(shown, "\x1b[J"))
        read_some();
      std::string frame = shown.substr(0, shown.find("\x1b[J"));
      shown.erase(0, frame.size());
      if (contains(frame, part) && !contains(frame, without)) return;
    }
  }
  bool is_raw() const {
    termios mode{};
    ck_assert(tcgetattr(terminal.get(), &mode) == 0);
    return (mode.c_lflag & (ICANON | ECHO)) == 0;
  }
  // It ends well and leaves the terminal as it was.
  void check_end() {
    await("\x1b[?1049l");
    int status = 0;
    ck_assert(waitpid(pid, &status, 0) == pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
    ck_assert(!is_raw());
  }
};

constexpr const char* kNever = "\x01";

START_TEST(screen_and_keys) {
  Screen screen({"--interval=100ms", "--url=" + shared_daemon().address()});
  screen.await("\x1b[?1049h");
  screen.await_frame("RETR/S", kNever);
  ck_assert(screen.is_raw());
  screen.type("c");
  screen.await_frame("sorted by connections\x1b[K", kNever);
  screen.type("r");
  screen.await_frame("sorted by connections, reversed\x1b[K", kNever);
  screen.type(" ");
  screen.await_frame("PAUSED", kNever);
  screen.type(" h");
  screen.await_frame("r  turns the order around", "NAMESPACE");
  screen.type("h");
  screen.await_frame("NAMESPACE", "turns the order");
  screen.resize(40, 12);
  screen.await_frame("CONN/S", "P50");
  screen.type("q");
  screen.check_end();
}
END_TEST

START_TEST(ends_of_the_screen) {
  for (int number : {SIGTERM, SIGHUP, SIGINT}) {
    Screen screen({"--interval=100ms", "--url=" + shared_daemon().address()});
    screen.await_frame("NAMESPACE", kNever);
    if (number == SIGINT)
      screen.type("\x03");
    else
      kill(screen.pid, number);
    screen.check_end();
  }
}
END_TEST

START_TEST(stopped_and_continued) {
  Screen screen({"--interval=100ms", "--url=" + shared_daemon().address()});
  screen.await_frame("NAMESPACE", kNever);
  kill(screen.pid, SIGTSTP);
  int status = 0;
  ck_assert(waitpid(screen.pid, &status, WUNTRACED) == screen.pid && WIFSTOPPED(status));
  screen.await("\x1b[?1049l");
  ck_assert(!screen.is_raw());
  kill(screen.pid, SIGCONT);
  screen.await("\x1b[?1049h");
  screen.await_frame("NAMESPACE", kNever);
  ck_assert(screen.is_raw());
  screen.type("q");
  screen.check_end();
}
END_TEST

START_TEST(daemon_comes_and_goes) {
  std::string listen = "--listen=unix:" + scratch_path("comes-and-goes");
  Daemon first = Daemon::start({{listen}});
  Screen screen({"--interval=100ms", "--url=" + first.address()});
  screen.await_frame("NAMESPACE", kNever);
  first.stop();
  screen.await_frame("; trying again", kNever);
  Daemon second = Daemon::start({{listen}});
  screen.await_frame("NAMESPACE", "trying again");
  screen.type("q");
  screen.check_end();
  second.stop();
}
END_TEST

}  // namespace

Case top_case() {
  return {"top",
          true,
          {exact_growth, once, refusals, own_daemon, screen_and_keys, ends_of_the_screen,
           stopped_and_continued, daemon_comes_and_goes}};
}

}  // namespace kubepulse::live
