#include "collect/statfs_helper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

// Of Linux 5.3 and 5.9; one number on all architectures.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace kubepulse {

namespace {

struct Question {
  uint64_t number;
  uint64_t mount_id;  // 0: any
  uint32_t pid;
  char point[kLabelBytesMax + 1];
};

void close_all_but(unsigned kept) {
  if ((kept == 0 || syscall(SYS_close_range, 0U, kept - 1, 0) == 0) &&
      syscall(SYS_close_range, kept + 1, UINT_MAX, 0) == 0)
    return;
  auto end = static_cast<unsigned>(std::clamp(sysconf(_SC_OPEN_MAX), 1024L, 65536L));
  for (unsigned fd = 0; fd < end; fd++)
    if (fd != kept) close(static_cast<int>(fd));
}

// Without CAP_SYS_PTRACE the kernel lets us see only who has no more capabilities than we: then all
// are kept.
void drop_capabilities() {
  constexpr uint32_t kKept =
      1U << CAP_SYS_PTRACE | 1U << CAP_DAC_READ_SEARCH | 1U << CAP_DAC_OVERRIDE;
  static_assert(CAP_SYS_PTRACE < 32 && CAP_DAC_READ_SEARCH < 32 && CAP_DAC_OVERRIDE < 32);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &head, sets) != 0) return;
  if ((sets[0].effective >> CAP_SYS_PTRACE & 1) == 0) return;
  sets[0].effective &= kKept;
  sets[0].permitted = sets[0].effective;
  sets[0].inheritable = 0;
  sets[1] = {};
  syscall(SYS_capset, &head, sets);
}

// A mount's id outlives neither the mount nor what its path leads to: a process number that is
// another's by now, a folder that was moved, a mount that is hidden by another.
bool is_mount(int folder, uint64_t id) {
#ifdef STATX_MNT_ID  // since Linux 5.8
  struct statx about {};
  if (statx(folder, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &about) != 0)
    return false;
  return (about.stx_mask & STATX_MNT_ID) == 0 || about.stx_mnt_id == id;
#else
  (void)folder, (void)id;
  return true;
#endif
}

uint64_t times(uint64_t blocks, uint64_t block_bytes) {
  uint64_t bytes;
  return __builtin_mul_overflow(blocks, block_bytes, &bytes) ? UINT64_MAX : bytes;
}

int32_t measure(const std::string& proc_root, const Question& question, FilesystemSize& size) {
  std::string path = proc_root + "/" + std::to_string(question.pid) + "/root" + question.point;
  // Neither this nor what follows asks for more than what is on the way: no file is opened.
  Fd folder(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return errno;
  if (question.mount_id != 0 && !is_mount(folder.get(), question.mount_id)) return ESTALE;
  struct statfs about {};
  if (fstatfs(folder.get(), &about) != 0) return errno;
  auto block_bytes = static_cast<uint64_t>(about.f_frsize != 0 ? about.f_frsize : about.f_bsize);
  uint64_t used = about.f_blocks - std::min(about.f_blocks, about.f_bfree);
  size = {times(about.f_blocks, block_bytes), times(used, block_bytes),
          times(about.f_bavail, block_bytes), about.f_files, about.f_ffree};
  return 0;
}

// The child, until nobody asks any more.
[[noreturn]] void serve(int socket, const std::string& proc_root, pid_t parent) {
  drop_capabilities();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a change of capabilities may clear it
  if (getppid() != parent) _exit(0);
  prctl(PR_SET_NAME, "kubepulse-df", 0, 0, 0);
  close_all_but(static_cast<unsigned>(socket));
  for (;;) {
    Question question{};
    ssize_t got = recv(socket, &question, sizeof question, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof question) _exit(0);
    StatfsAnswer answer;
    answer.number = question.number;
    answer.error = measure(proc_root, question, answer.size);
    if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) _exit(0);
  }
}

}  // namespace

Result<std::unique_ptr<StatfsHelper>> StatfsHelper::start(const std::string& proc_root) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Status::from_errno("socketpair", errno);
  Fd ours(ends[0]), theirs(ends[1]);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return Status::from_errno("fork", errno);
  if (pid == 0) serve(theirs.get(), proc_root, parent);
  std::unique_ptr<StatfsHelper> helper(new StatfsHelper());
  helper->pid_ = pid;
  helper->socket_ = std::move(ours);
  helper->pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)));
  if (!helper->pidfd_) {
    int error = errno;
    helper->kill();
    waitpid(pid, nullptr, 0);  // it has been asked nothing, so that nothing holds it
    helper->pid_ = 0;
    return Status::from_errno("pidfd_open", error);
  }
  return helper;
}

StatfsHelper::~StatfsHelper() {
  if (!reap()) kill();
  reap();
}

bool StatfsHelper::ask(uint64_t number, uint32_t pid, const Mount& mount) {
  Question question{};
  question.number = number;
  question.mount_id = mount.id;
  question.pid = pid;
  if (mount.point.size() >= sizeof question.point) return false;
  memcpy(question.point, mount.point.data(), mount.point.size());
  return send(socket_.get(), &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL) ==
         sizeof question;
}

StatfsHelper::Got StatfsHelper::take(StatfsAnswer& answer) {
  ssize_t got = recv(socket_.get(), &answer, sizeof answer, MSG_DONTWAIT);
  if (got == sizeof answer) return Got::answer;
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Got::nothing : Got::end;
}

void StatfsHelper::end_questions() {
  shutdown(socket_.get(), SHUT_WR);
}

void StatfsHelper::kill() {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

bool StatfsHelper::reap() {
  if (pid_ == 0) return true;
  // An error says that there is no such child: whoever ignores SIGCHLD never has a zombie.
  if (waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = 0;
  return true;
}

}  // namespace kubepulse
