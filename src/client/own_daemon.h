// A daemon that a subcommand starts for itself and ends with itself: a child process, behind a
// socket that has no name in any file system. Its log is kept from the screen.
#ifndef KUBEPULSE_CLIENT_OWN_DAEMON_H
#define KUBEPULSE_CLIENT_OWN_DAEMON_H

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/loop.h"
#include "base/status.h"
#include "publish/listen_address.h"

namespace kubepulse {

// Runs a daemon behind the listener until it is told to end, and returns its exit status.
using RunDaemon = std::function<int(Listener listener)>;

class OwnDaemon {
 public:
  // Forks; to be called before any loop is made and any signal is blocked.
  static Result<std::unique_ptr<OwnDaemon>> start(const RunDaemon& run);
  OwnDaemon(const OwnDaemon&) = delete;
  OwnDaemon& operator=(const OwnDaemon&) = delete;
  ~OwnDaemon();  // SIGTERM, and it is waited for; killed where it does not end soon

  // As PageClient takes it.
  const std::string& url() const { return url_; }
  // Once it has ended, and its log has been read.
  bool ended();
  // Reads its log, so that it is never held up. The last line of it.
  const std::string& last_words();

 private:
  OwnDaemon() = default;

  pid_t pid_ = 0;
  Fd log_;
  std::string url_, line_, last_words_;
};

}  // namespace kubepulse

#endif
