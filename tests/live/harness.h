// The daemon as a process, and what its page must say.
#ifndef KUBEPULSE_TESTS_LIVE_HARNESS_H
#define KUBEPULSE_TESTS_LIVE_HARNESS_H

#include <check.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tests/live/cgroups.h"
#include "tests/live/http_client.h"
#include "tests/live/page.h"

namespace kubepulse::live {

using Words = std::vector<std::string>;

void set_daemon_path(const std::string& path);
const std::string& daemon_binary();

// Prints "SKIP test: reason" and ends the test, as passed; as failed where a skip must not be.
bool skip_is_failure();
#define SKIP_TEST(test, reason)                                                  \
  do {                                                                           \
    std::string skip_reason(reason);                                             \
    ck_assert_msg(!skip_is_failure(), "must not skip: %s", skip_reason.c_str()); \
    printf("SKIP %s: %s\n", test, skip_reason.c_str());                          \
    fflush(stdout);                                                              \
    return;                                                                      \
  } while (0)

struct Launch {
  Words flags;
  Words environment;  // "NAME=value", beside that of the test
  bool as_nobody = false;
  bool unread_out = false;  // standard output is a pipe that nobody reads
};

// The daemon where it ends by itself.
struct Ended {
  int status = -1;  // exit status, 128 and a signal, -1: had to be killed after 10 s
  std::string out;
  std::string err;
};
Ended run_daemon(const Launch& launch);

// Half of what the daemon gives a client that hangs: whoever is answered sooner has not waited for
// one. No measure of speed.
constexpr double kPromptSeconds = 5;

// The daemon where it serves. It dies with the process that started it, at the latest.
class Daemon {
 public:
  // Waits until it is ready. Without --listen it gets a unix socket of its own, so that asking it
  // makes no connections.
  static Daemon start(Launch launch = {});
  // Without waiting.
  static Daemon start_unready(Launch launch);
  void await_ready();

  pid_t pid() const;
  const std::string& address() const { return address_; }
  std::string out() const;  // what it wrote so far
  std::string err() const;
  // The address in the line that says "listening"; waits for it.
  std::string logged_address() const;

  HttpAnswer get(const std::string& path, const std::string& headers = "") const;
  // A page that is not well-formed is a failure.
  Page scrape() const;

  // Sends the signal and waits at most 1 s, 10 s where a container's runtime stands between. Exit
  // status, 128 and a signal, -1: it goes on.
  int stop(int signal_number);
  // SIGTERM, and it must end well.
  void stop();
  void kill_hard();

 private:
  pid_t pid_ = -1;  // of what was started, which may be a container's runtime
  std::string address_;
  std::string out_path_;
  std::string err_path_;
};

// The daemon that the tests of a case share, started and stopped by its fixtures.
void start_shared_daemon();
void stop_shared_daemon();
const Daemon& shared_daemon();

struct Want {
  std::string name;
  Labels labels;
  double value;
};
// Waits at most 3 s until the page says all of it and then asserts so, once more 100 ms later.
void expect(const Daemon& daemon, const std::vector<Want>& wants);

// Everything that the page says of a workload's TCP; what is not named must be 0.
//   out in                      connections established
//   active_out active_in        open now
//   handshakes lifetimes        observations of connect latency and latency
//   refused timeout unreachable reset canceled other
//                               failures
//   sent received               bytes
//   retransmits reset_sent reset_received
using Counts = std::map<std::string, uint64_t>;
// `but` are not looked at.
std::vector<Want> tcp_wants(const Owner& owner, const Counts& counts, const Words& but = {});
void expect_tcp(const Daemon& daemon, const Owner& owner, const Counts& counts,
                const Words& but = {});

struct DnsCounts {
  Counts domains;  // queries
  Counts rcodes;   // answers
  uint64_t latencies = 0;
  uint64_t timeouts = 0;
};
// Likewise everything of its DNS.
void expect_dns(const Daemon& daemon, const Owner& owner, const DnsCounts& counts);

// Which flavour of a signal it has attached, "" where none: what some flavours cannot tell is the
// documented limit of theirs.
std::string flavour_of(const Daemon& daemon, const std::string& signal);

// Whether a cgroup that is gone before anybody looks keeps its name. Where programs may not read
// kernel memory it does not, and tests leave it until they have asked.
bool knows_the_gone(const Daemon& daemon);

// Asserts that each of `count` observations lay in [min_s, max_s], as far as buckets and sum tell.
void check_histogram(const Page& page, const std::string& name, const Owner& owner, uint64_t count,
                     double min_s, double max_s);

inline double seconds_since(uint64_t start_ns) {
  return static_cast<double>(monotonic_ns() - start_ns) / kNsPerSecond;
}

}  // namespace kubepulse::live

#endif
