// A child process that asks file systems how full they are: statfs(2) on a file system whose server
// is dead may never return, and not even SIGKILL may end it. Whoever waits for the child loses
// nothing but the child.
#ifndef KUBEPULSE_COLLECT_STATFS_HELPER_H
#define KUBEPULSE_COLLECT_STATFS_HELPER_H

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/status.h"
#include "collect/mounts.h"

namespace kubepulse {

// As df(1) counts: `available` is what is left for ordinary users.
struct FilesystemSize {
  uint64_t capacity_bytes = 0;
  uint64_t usage_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t inodes = 0, inodes_free = 0;  // 0 and 0 where there is no bound
};

struct StatfsAnswer {
  uint64_t number = 0;  // of the question
  // 0, or an errno. ENOTDIR: a file is mounted there, not a folder; ESTALE: by now it is not this
  // mount that the path leads to, or the process is another.
  int32_t error = 0;
  FilesystemSize size;
};

class StatfsHelper {
 public:
  // Forks, so the process must have no other thread. The child keeps nothing but its end of a
  // socket and, of the capabilities, those that paths through /proc/PID/root take. It goes with its
  // parent, and with this. Memory is shared until either writes to it: do not keep it for long.
  static Result<std::unique_ptr<StatfsHelper>> start(const std::string& proc_root);
  // Kills it, and waits for nothing.
  ~StatfsHelper();
  StatfsHelper(const StatfsHelper&) = delete;
  StatfsHelper& operator=(const StatfsHelper&) = delete;

  // Asks for the file system that process `pid` has mounted there; of a mount whose id is 0 for
  // whichever the path leads to. False: there is no room for more questions now, or nobody to ask.
  bool ask(uint64_t number, uint32_t pid, const Mount& mount);

  enum class Got { answer, nothing, end };
  // Never waits. Answers come in the order of the questions. end: the child is gone.
  Got take(StatfsAnswer& answer);

  // There are no more questions: the child ends by itself. Its answers may still be taken, or
  // nobody wants them.
  void end_questions();
  void dismiss() { socket_.reset(); }
  // It may live on where the kernel does not let go of it.
  void kill();
  // Readable when the child has ended, for the loop.
  int pidfd() const { return pidfd_.get(); }
  // Whether the child has ended, and is no zombie either. Never waits.
  bool reap();

 private:
  StatfsHelper() = default;

  pid_t pid_ = 0;  // 0: it is reaped
  Fd pidfd_;
  Fd socket_;
};

}  // namespace kubepulse

#endif
