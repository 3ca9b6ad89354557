#include "client/own_daemon.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <utility>

namespace kubepulse {

namespace {

constexpr size_t kLineBytesMax = 4096;
constexpr int kBacklog = 16;
constexpr int kEndMs = 3000;  // that it has to detach everything

// The kernel chooses the name (unix(7), autobind): five digits behind a NUL byte.
Result<Fd> listen_without_file(std::string& url) {
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Status::from_errno("socket", errno);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  auto* raw = reinterpret_cast<sockaddr*>(&name);
  socklen_t length = sizeof name;
  if (bind(fd.get(), raw, sizeof name.sun_family) != 0 || listen(fd.get(), kBacklog) != 0 ||
      getsockname(fd.get(), raw, &length) != 0)
    return Status::from_errno("listening on a socket", errno);
  size_t size = length - offsetof(sockaddr_un, sun_path);
  if (size < 2) return Status::error("the socket got no name");
  url.assign("unix:@").append(name.sun_path + 1, size - 1);
  return fd;
}

// The child's part. Keys that end us (Ctrl-C, Ctrl-Z) are not for it: it has a group of its own.
int become_daemon(const RunDaemon& run, Fd listening, int log, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) return 0;
  unsetenv("NOTIFY_SOCKET");  // it is not the service that somebody waits for
  Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null || dup2(null.get(), STDIN_FILENO) < 0 || dup2(null.get(), STDOUT_FILENO) < 0 ||
      dup2(log, STDERR_FILENO) < 0)
    return 1;
  return run(Listener(std::move(listening), "its own daemon", ""));
}

}  // namespace

Result<std::unique_ptr<OwnDaemon>> OwnDaemon::start(const RunDaemon& run) {
  std::unique_ptr<OwnDaemon> daemon(new OwnDaemon());
  auto listening = listen_without_file(daemon->url_);
  if (!listening.ok()) return listening.status();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return Status::from_errno("pipe2", errno);
  daemon->log_ = Fd(ends[0]);
  Fd theirs(ends[1]);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return Status::from_errno("fork", errno);
  if (pid == 0) _exit(become_daemon(run, std::move(listening.value()), theirs.get(), parent));
  daemon->pid_ = pid;
  return daemon;
}

OwnDaemon::~OwnDaemon() {
  if (pid_ == 0 || ended()) return;
  kill(pid_, SIGTERM);
  for (int ms = 0; ms < kEndMs && !ended(); ms += 10) {
    timespec pause{0, 10000000};
    nanosleep(&pause, nullptr);
  }
  if (ended()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool OwnDaemon::ended() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = 0;
  last_words();
  return true;
}

const std::string& OwnDaemon::last_words() {
  char bytes[4096];
  for (;;) {
    ssize_t got = read(log_.get(), bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return last_words_;
    for (char c : std::string_view(bytes, static_cast<size_t>(got))) {
      if (c == '\n')
        last_words_ = std::exchange(line_, {});
      else if (line_.size() < kLineBytesMax)
        line_ += c;
    }
  }
}

}  // namespace kubepulse
