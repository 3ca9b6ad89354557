// Mounts for tests, in a mount namespace that is gone with the test: one of memory, and one whose
// server never answers.
#ifndef KUBEPULSE_TESTS_FILE_SYSTEMS_H
#define KUBEPULSE_TESTS_FILE_SYSTEMS_H

#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "tests/check.h"

namespace kubepulse {

// False: this user may not. Of one test: Check runs each in a process of its own.
inline bool enter_mount_namespace() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

inline void mount_memory(const std::string& folder, size_t bytes) {
  std::string options = "size=" + std::to_string(bytes);
  ck_assert_int_eq(mount("memory", folder.c_str(), "tmpfs", 0, options.c_str()), 0);
}

// A file system in user space that takes every question and answers none but the first, which
// mounting asks. Whoever asks it waits and cannot even be killed, until the server ends.
class StuckMount {
 public:
  // False: this kernel or this user has no FUSE.
  bool open(const std::string& folder) {
    Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    char options[128];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other",
             device.get(), getuid(), getgid());
    if (!device || mount("stuck", folder.c_str(), "fuse", MS_NODEV | MS_NOSUID, options) != 0)
      return false;
    server_ = fork();
    ck_assert_int_ge(server_, 0);
    if (server_ == 0) serve(device.get());
    return true;
  }
  // Whoever waits gets an error.
  void end() {
    if (server_ <= 0) return;
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
    server_ = 0;
  }
  ~StuckMount() { end(); }
  StuckMount() = default;
  StuckMount(const StuckMount&) = delete;
  StuckMount& operator=(const StuckMount&) = delete;

 private:
  [[noreturn]] static void serve(int device) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    static char request[1 << 17];
    while (read(device, request, sizeof request) > 0) {
      fuse_in_header in;
      memcpy(&in, request, sizeof in);
      if (in.opcode != FUSE_INIT) continue;
      struct {
        fuse_out_header head;
        fuse_init_out body;
      } out{};
      out.head.len = sizeof out;
      out.head.unique = in.unique;
      out.body.major = FUSE_KERNEL_VERSION;
      out.body.minor = FUSE_KERNEL_MINOR_VERSION;
      out.body.max_write = 4096;
      if (write(device, &out, sizeof out) < 0) break;
    }
    _exit(0);
  }

  pid_t server_ = 0;
};

// The number of the mount that `path` is on, as mountinfo has it.
inline std::string mount_id(const std::string& path) {
  Fd folder(::open(path.c_str(), O_PATH | O_CLOEXEC));
  std::string info = "/proc/self/fdinfo/" + std::to_string(folder.get());
  FILE* file = fopen(info.c_str(), "re");
  ck_assert_msg(folder && file != nullptr, "%s", path.c_str());
  char line[128];
  unsigned long id = 0;
  while (fgets(line, sizeof line, file) != nullptr)
    if (sscanf(line, "mnt_id: %lu", &id) == 1) break;
  fclose(file);
  return std::to_string(id);
}

}  // namespace kubepulse

#endif
