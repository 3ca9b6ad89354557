// What a subcommand talks to: a daemon whose answers the test gives out one by one, so that it
// knows what happened between them.
#ifndef KUBEPULSE_TESTS_LIVE_PAGE_SERVER_H
#define KUBEPULSE_TESTS_LIVE_PAGE_SERVER_H

#include <string>

#include "base/fd.h"
#include "tests/live/cgroups.h"
#include "tests/live/harness.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

constexpr int kPatienceMs = 10000;

class PageServer {
 public:
  PageServer();
  std::string url() const { return "unix:" + path_; }

  // Waits until somebody asks; what for: "/metrics".
  std::string await_request();
  // Answers whoever was awaited.
  void reply(const std::string& body, const std::string& status = "200 OK");
  // Both.
  void answer(const std::string& body) {
    await_request();
    reply(body);
  }

 private:
  std::string path_;
  Fd listener_, client_;
};

// The process `kubepulse WORDS...` that writes to `path`, and its complaints to `path`.err.
Child start_command(const Cgroup& cgroup, const std::string& path, const Words& words);
// Becomes it; for a process that has just been forked.
[[noreturn]] void become_command(const Words& words);
// In a network namespace of its own, where nobody listens: who may not load programs is told both
// ways out.
void check_alone_as_nobody(const std::string& subcommand);

}  // namespace kubepulse::live

#endif
