// What the rules look at: plain values, taken at one moment from what is measured anyway. What is
// not known is absent, or as its member says, and no rule speaks of it.
#ifndef KUBEPULSE_INSIGHT_FACTS_H
#define KUBEPULSE_INSIGHT_FACTS_H

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "insight/counter_window.h"
#include "insight/finding.h"
#include "insight/level_history.h"

namespace kubepulse {

// Counted since whenever.
enum ContainerCounter : size_t {
  kOomKills,
  kRestarts,        // by the kubelet
  kCpuUsageMs,      // CPU time
  kCpuThrottledMs,  // as cpu.stat has it: of each CPU, while it was held back
  kContainerCounters,
};
using ContainerWindow = CounterWindow<kContainerCounters>;

enum TrafficCounter : size_t {
  kDnsQueries,
  kDnsSearchQueries,  // of names with the search list tried on them: the domain "search"
  kDnsAnswers,
  kDnsNxdomain,
  kDnsServfail,
  kDnsTimeouts,
  kConnects,  // that this workload has opened
  kConnectsRefused,
  kConnectsTimedOut,
  kConnectsUnreachable,
  kConnectsReset,
  kConnectsOther,
  // Either is too few: of small segments the one, of those that the network card cuts up the other.
  kSegmentsByBytes,  // bytes sent by 1,448
  kPacketsSent,      // of TCP; 0 where they are not counted
  kRetransmits,
  kAccepts,
  kAcceptDrops,
  kTrafficCounters,
};
using TrafficWindow = CounterWindow<kTrafficCounters>;

enum NodeCounter : size_t {
  kCpuWaitingMs,
  kMemoryStalledMs,
  kIoStalledMs,
  kNodeCounters,
};
using NodeWindow = CounterWindow<kNodeCounters>;

enum class ContainerState : uint8_t { unknown, waiting, running, terminated };

// A container's, or a unit's.
struct ContainerFacts {
  Subject subject;
  bool is_new = false;          // not there at the tick before: all that was counted is new, too
  bool knows_restarts = false;  // kRestarts is told
  const LevelHistory* memory = nullptr;
  const ContainerWindow* counters = nullptr;
  ContainerState state = ContainerState::unknown;
  // Of waiting: "CrashLoopBackOff"; and of the last end: "OOMKilled", its exit code.
  std::string_view waiting_reason, last_reason;
  std::optional<int> last_exit_code;
  double cpu_limit = 0;  // CPUs; 0: there is none, or it is not known
};

struct PodFacts {
  enum class Phase : uint8_t { unknown, pending, running, succeeded, failed };

  Subject subject;
  Phase phase = Phase::unknown;
  bool deleting = false;
  unsigned containers = 0;  // those that are to run all the time
  unsigned ready = 0;
  // Why: the reason of a container that waits, or "Unschedulable"; and of which container.
  std::string_view waiting_reason, waiting_container;
  std::string_view message;  // the same in more words, where somebody has them
};

struct TrafficFacts {
  Subject subject;
  bool is_new = false;  // as above
  const TrafficWindow* counters = nullptr;
  // Whom most failed connects were for, where flows are told.
  std::string_view failing_peer_ns, failing_peer;
};

struct Room {
  uint64_t used = 0, whole = 0;  // `whole` 0: not known
};

struct NodeFacts {
  Subject subject;  // without a pod
  const NodeWindow* counters = nullptr;
  unsigned cpus = 1;
  Room memory;  // used: what MemAvailable leaves
  Room pids;
  Room disk, inodes;  // of the kubelet's filesystem
  // What Kubernetes says of the node, in its words, where the API server is asked; "": all is well.
  std::string_view not_ready, memory_pressure, disk_pressure, pid_pressure;
};

struct FilesystemFacts {
  Subject subject;
  std::string_view mountpoint;
  // With what may be used for a limit, and what is used of that.
  const LevelHistory* level = nullptr;
};

}  // namespace kubepulse

#endif
