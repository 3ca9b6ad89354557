#include "base/notify.h"

#include <fcntl.h>
#include <poll.h>

#include <cstring>
#include <map>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr pid_t kSelf = 4711;

char folder[] = "/tmp/kubepulse-notify-XXXXXX";
std::string socket_path;

// Unchecked: a failing test runs no destructors.
void make_folder() {
  if (mkdtemp(folder) == nullptr) abort();
  socket_path = std::string(folder) + "/notify";
}

void remove_folder() {
  unlink(socket_path.c_str());
  rmdir(folder);
}

using Variables = std::map<std::string, std::string>;

Notifier notifier(const Variables& variables) {
  return Notifier::from_environment(
      [&](const char* name) {
        auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      kSelf);
}

// What systemd would be: bound to `name`, of which a '@' is an abstract one's.
Fd manager(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, name.data(), name.size());
  bool is_abstract = name[0] == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  size_t size = offsetof(sockaddr_un, sun_path) + name.size() + (is_abstract ? 0 : 1);
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ck_assert_int_eq(
      bind(fd.get(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)), 0);
  return fd;
}

// Everything that has arrived, datagrams apart by '|'.
std::string received(const Fd& fd) {
  std::string text;
  char chunk[512];
  for (ssize_t got; (got = recv(fd.get(), chunk, sizeof chunk, 0)) >= 0;)
    text.append(chunk, static_cast<size_t>(got)) += '|';
  return text;
}

void check_messages(const std::string& name) {
  Fd fd = manager(name);
  Notifier systemd = notifier({{"NOTIFY_SOCKET", name}});
  systemd.ready();
  systemd.status("serving 12 workloads");
  systemd.watchdog();
  systemd.stopping();
  CHECK_TEXT(received(fd), "READY=1|STATUS=serving 12 workloads|WATCHDOG=1|STOPPING=1|");
}

START_TEST(by_path) {
  check_messages(socket_path);
}
END_TEST

START_TEST(by_abstract_name) {
  check_messages("@kubepulse-notify-" + std::to_string(getpid()));
}
END_TEST

START_TEST(status_is_one_line) {
  Fd fd = manager(socket_path);
  notifier({{"NOTIFY_SOCKET", socket_path}}).status("fine\nREADY=1");
  CHECK_TEXT(received(fd), "STATUS=fine|");
}
END_TEST

// Standard error as it is written meanwhile.
template <typename Call>
std::string complaint(Call&& call) {
  int pipe_fds[2];
  ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
  Fd reader(pipe_fds[0]), writer(pipe_fds[1]), saved(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  dup2(writer.get(), STDERR_FILENO);
  call();
  dup2(saved.get(), STDERR_FILENO);
  char text[4096];
  ssize_t got = read(reader.get(), text, sizeof text);
  return got > 0 ? std::string(text, static_cast<size_t>(got)) : "";
}

START_TEST(nobody_there) {
  for (const Variables& variables : {Variables{}, Variables{{"NOTIFY_SOCKET", ""}}}) {
    CHECK_TEXT(complaint([&] {
                 Notifier systemd = notifier(variables);
                 systemd.ready();
                 systemd.status("x");
                 systemd.watchdog();
                 systemd.stopping();
               }),
               "");
  }
}
END_TEST

START_TEST(unusable_is_said_once) {
  for (const std::string& name :
       {std::string("relative"), std::string("@"), std::string("/"), "/" + std::string(200, 'a'),
        std::string("vsock:2:1234"), socket_path + "-none"}) {
    std::string said = complaint([&] {
      Notifier systemd = notifier({{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "1000000"}});
      systemd.ready();
      systemd.watchdog();
    });
    ck_assert_msg(said.find('\n') == said.size() - 1, "%s: %s", name.c_str(), said.c_str());
  }
}
END_TEST

START_TEST(watchdog_interval) {
  auto interval_ns = [](Variables variables) {
    variables.emplace("NOTIFY_SOCKET", socket_path);
    return notifier(variables).watchdog_interval_ns();
  };
  ck_assert_uint_eq(interval_ns({{"WATCHDOG_USEC", "30000000"}}), 15 * kNsPerSecond);
  ck_assert_uint_eq(interval_ns({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4711"}}),
                    15 * kNsPerSecond);
  ck_assert_uint_eq(interval_ns({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "4712"}}), 0);
  ck_assert_uint_eq(interval_ns({{"WATCHDOG_USEC", "30000000"}, {"WATCHDOG_PID", "x"}}), 0);
  for (const char* usec : {"", "0", "-1", "30s", "18446744073709551615"})
    ck_assert_uint_eq(interval_ns({{"WATCHDOG_USEC", usec}}), 0);
  ck_assert_uint_eq(interval_ns({}), 0);
  // There is nobody to feed it to.
  ck_assert_uint_eq(notifier({{"WATCHDOG_USEC", "30000000"}}).watchdog_interval_ns(), 0);
}
END_TEST

// A manager that does not read delays neither the watchdog nor a status; ready() gives up.
START_TEST(stuck_manager) {
  Fd fd = manager(socket_path);
  std::string said = complaint([&] {
    Notifier systemd = notifier({{"NOTIFY_SOCKET", socket_path}});
    uint64_t start_ns = monotonic_ns();
    for (int i = 0; i < 5000; i++)
      systemd.watchdog();
    ck_assert_uint_lt(monotonic_ns() - start_ns, kNsPerSecond);
    systemd.ready();
    uint64_t waited_ns = monotonic_ns() - start_ns;
    ck_assert_uint_gt(waited_ns, kNsPerSecond / 2);
    ck_assert_uint_lt(waited_ns, 3 * kNsPerSecond);
  });
  ck_assert(said.find('\n') == said.size() - 1);
}
END_TEST

START_TEST(closes_on_exec) {
  int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  Notifier systemd = notifier({{"NOTIFY_SOCKET", socket_path}});
  ck_assert_int_eq(fcntl(next, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

}  // namespace

int main() {
  make_folder();
  int status = run_suite("notify",
                         {by_path, by_abstract_name, status_is_one_line, nobody_there,
                          unusable_is_said_once, watchdog_interval, stuck_manager, closes_on_exec},
                         nullptr, [] { unlink(socket_path.c_str()); });
  remove_folder();
  return status;
}
