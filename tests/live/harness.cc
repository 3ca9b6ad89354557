#include "tests/live/harness.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

std::string daemon_path;
Daemon shared;

constexpr uint64_t kPatienceNs = 3 * kNsPerSecond;
// To load and verify all programs, each in all flavours: an emulated machine takes some 10 s.
constexpr uint64_t kLoadingNs = 60 * kNsPerSecond;
constexpr unsigned kNobody = 65534;

void redirect(int fd, const std::string& path) {
  Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644));
  if (!file || dup2(file.get(), fd) < 0) _exit(126);
}

// By file descriptor: nobody may not be allowed to go where the binary is.
void become_nobody_and_run(char* const* words) {
  Fd binary(open(daemon_path.c_str(), O_RDONLY | O_CLOEXEC));
  pid_t parent = getppid();
  if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(126);
  die_with(parent);  // which a change of user forgets
  fexecve(binary.get(), words, environ);
}

bool asks_for_pods(const Launch& launch) {
  for (const std::string& flag : launch.flags)
    for (std::string_view some : {"--pods", "--pod-logs", "--kubelet", "--kubeconfig"})
      if (std::string_view(flag).substr(0, some.size()) == some) return true;
  return false;
}

pid_t launch_daemon(const Launch& launch, const std::string& out, const std::string& err) {
  pid_t parent = getpid();
  int unread[2] = {-1, -1};
  // Stays open as long as the test lives: a pipe without a reader would be an error instead.
  bool piped = !launch.unread_out || pipe2(unread, O_CLOEXEC) == 0;
  pid_t pid = fork();
  if (!piped || pid < 0) abort();  // not an assertion: it is called outside of tests as well
  if (pid > 0) return pid;
  die_with(parent);
  leave_cgroup();
  if (daemons_are_in_pods() && !enter_pod_netns().ok()) _exit(126);
  redirect(STDIN_FILENO, "/dev/null");
  redirect(STDOUT_FILENO, out);
  if (launch.unread_out) dup2(unread[1], STDOUT_FILENO);
  redirect(STDERR_FILENO, err);
  // This node's own kubelet, if it has one, is no part of a test.
  if (!asks_for_pods(launch)) setenv("KUBEPULSE_PODS", "none", 1);
  for (const std::string& setting : launch.environment)
    putenv(strdup(setting.c_str()));
  std::vector<char*> words{strdup("kubepulse")};
  for (const std::string& flag : launch.flags)
    words.push_back(strdup(flag.c_str()));
  words.push_back(nullptr);
  if (launch.as_nobody) become_nobody_and_run(words.data());
  execv(daemon_path.c_str(), words.data());
  _exit(126);
}

// The daemon's own process, where the binary is a container's runtime: that stays its parent.
pid_t innermost(pid_t pid) {
  std::string folder = "/proc/" + std::to_string(pid);
  if (read_file(folder + "/comm") == "kubepulse\n") return pid;
  for (const std::string& thread : folders_in(folder + "/task")) {
    std::string children = read_file(folder + "/task/" + thread + "/children");
    std::optional<uint64_t> child = parse_number(children.substr(0, children.find(' ')));
    if (child) return innermost(static_cast<pid_t>(*child));
  }
  return pid;
}

// -1 where the process goes on.
int await_end(pid_t pid, uint64_t timeout_ns) {
  uint64_t give_up_ns = monotonic_ns() + timeout_ns;
  int status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && monotonic_ns() < give_up_ns)
    sleep_ms(2);
  if (ended != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

void set_daemon_path(const std::string& path) {
  daemon_path = path;
}

const std::string& daemon_binary() {
  return daemon_path;
}

bool skip_is_failure() {
  const char* required = getenv("KUBEPULSE_REQUIRE_LIVE");
  return required != nullptr && strcmp(required, "1") == 0;
}

Ended run_daemon(const Launch& launch) {
  std::string out = scratch_path("out"), err = scratch_path("err");
  pid_t pid = launch_daemon(launch, out, err);
  Ended ended;
  ended.status = await_end(pid, kLoadingNs);
  if (ended.status < 0) {
    kill(innermost(pid), SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  ended.out = read_file(out);
  ended.err = read_file(err);
  return ended;
}

Daemon Daemon::start_unready(Launch launch) {
  Daemon daemon;
  for (const std::string& flag : launch.flags)
    if (flag.compare(0, 9, "--listen=") == 0) daemon.address_ = flag.substr(9);
  const std::string variable = "KUBEPULSE_METRICS_ADDR=";
  for (const std::string& setting : launch.environment)
    if (setting.compare(0, variable.size(), variable) == 0)
      daemon.address_ = setting.substr(variable.size());
  if (daemon.address_.empty()) {
    daemon.address_ = "unix:" + scratch_path("socket");
    launch.flags.push_back("--listen=" + daemon.address_);
  }
  daemon.out_path_ = scratch_path("out");
  daemon.err_path_ = scratch_path("err");
  daemon.pid_ = launch_daemon(launch, daemon.out_path_, daemon.err_path_);
  return daemon;
}

Daemon Daemon::start(Launch launch) {
  Daemon daemon = start_unready(std::move(launch));
  daemon.await_ready();
  return daemon;
}

void Daemon::await_ready() {
  uint64_t give_up_ns = monotonic_ns() + kLoadingNs;
  while (monotonic_ns() < give_up_ns) {
    ck_assert_msg(waitpid(pid_, nullptr, WNOHANG) == 0, "the daemon ended: %s", err().c_str());
    bool any_port = address_.size() > 2 && address_.compare(address_.size() - 2, 2, ":0") == 0;
    if (any_port) address_ = logged_address();
    Result<HttpAnswer> answer = http_get(address_, "/readyz");
    if (answer.ok() && answer.value().status == 200) return;
    int status = answer.ok() ? answer.value().status : 503;
    ck_assert_msg(status == 503, "/readyz says %d", status);
    sleep_ms(5);
  }
  ck_abort_msg("the daemon is not ready: %s", err().c_str());
}

pid_t Daemon::pid() const {
  return innermost(pid_);
}

std::string Daemon::out() const {
  return read_file(out_path_);
}
std::string Daemon::err() const {
  return read_file(err_path_);
}

std::string Daemon::logged_address() const {
  for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + kPatienceNs; sleep_ms(5)) {
    Result<std::vector<JsonFields>> lines = parse_json_lines(err());
    CHECK_OK(lines.ok() ? Status() : lines.status());
    for (const JsonFields& line : lines.value())
      if (line.count("msg") != 0 && line.at("msg") == "listening") return line.at("address");
  }
  ck_abort_msg("no line says where it listens: %s", err().c_str());
}

HttpAnswer Daemon::get(const std::string& path, const std::string& headers) const {
  Result<HttpAnswer> answer = http_get(address_, path, headers);
  CHECK_OK(answer.ok() ? Status() : std::move(answer.status()).in(path));
  return answer.value();
}

Page Daemon::scrape() const {
  HttpAnswer answer = get("/metrics");
  ck_assert_msg(answer.status == 200, "/metrics says %d", answer.status);
  Result<Page> page = Page::parse(answer.body);
  CHECK_OK(page.ok() ? Status() : page.status());
  return page.value();
}

int Daemon::stop(int signal_number) {
  // A container's runtime passes it on, and then has a container to clear away.
  uint64_t patience_ns = pid() == pid_ ? kNsPerSecond : 10 * kNsPerSecond;
  kill(pid_, signal_number);
  return await_end(pid_, patience_ns);
}

void Daemon::stop() {
  int status = stop(SIGTERM);
  ck_assert_msg(status == 0, "SIGTERM: status %d: %s", status, err().c_str());
}

void Daemon::kill_hard() {
  kill(pid(), SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void start_shared_daemon() {
  shared = Daemon::start({{"--sample-interval=1s"}});
}
void stop_shared_daemon() {
  shared.stop();
}
const Daemon& shared_daemon() {
  return shared;
}

}  // namespace kubepulse::live
