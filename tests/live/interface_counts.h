// The daemon with --interface at the near end of cables, and what its page must say of them.
#ifndef KUBEPULSE_TESTS_LIVE_INTERFACE_COUNTS_H
#define KUBEPULSE_TESTS_LIVE_INTERFACE_COUNTS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "collect/interface_watch.h"
#include "tests/live/frames.h"
#include "tests/live/harness.h"

namespace kubepulse::live {

constexpr uint64_t kLinkHeader = 14;

// What was sent, frame by frame.
struct Tally {
  std::map<std::string, uint64_t> packets, bytes;
  uint64_t all_packets = 0, all_bytes = 0;

  void add(const std::string& protocol, uint64_t size);
};

// Everything that the page says of the interface: what was not sent must be 0.
void expect_frames(const Daemon& daemon, const std::string& interface, Tally tally);
// "native", "generic", "none".
void expect_mode(const Daemon& daemon, const std::string& interface, const std::string& mode);

// In the network namespace that we are in; `broken` as KUBEPULSE_TEST_BREAK has it.
Daemon start_counting(const Words& interfaces, const std::string& broken = "");

void go_to(const Fd& netns);
void check(const Status& status);

// A silent cable, near and far; this process is at its near end, where the daemon is to be.
struct Cable {
  Fd near, far;
};
Cable make_cable();
// One more, `name` here and "NAME-far" there.
void add_cable(const Cable& cable, const std::string& name);
void send_all(const Cable& cable, const std::string& far_end, const std::vector<Frame>& frames,
              Tally& tally);

// Of one that is there.
InterfaceState state_of(const std::string& interface);
void await_detached(const std::string& interface);

}  // namespace kubepulse::live

#endif
