// How the node as a whole is doing: what its tasks wait for, and how much room is left for them.
#ifndef KUBEPULSE_COLLECT_NODE_STATS_H
#define KUBEPULSE_COLLECT_NODE_STATS_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "collect/cgroup_stat_text.h"
#include "collect/statfs_helper.h"

namespace kubepulse {

struct NodeRoom {
  uint64_t used = 0, whole = 0;  // `whole` 0: not known
};

struct NodeState {
  // PSI, since the kernel began to count; by PressureOn. Absent where it counts none.
  PressureTimes pressure[kPressures];
  unsigned cpus = 1;  // that are online
  // As the kubelet reckons, which evicts by it.
  NodeRoom memory;  // used: what MemAvailable leaves
  NodeRoom pids;    // threads, and the lower of kernel.pid_max and kernel.threads-max
  // Of the filesystem that the kubelet's folder is on, where there is one; used: what ordinary
  // users cannot have.
  NodeRoom disk, inodes;
};

// From the texts of /proc/meminfo and /proc/loadavg: pure, any bytes are safe.
NodeRoom parse_meminfo(std::string_view text);
std::optional<uint64_t> parse_threads(std::string_view text);

class NodeStats {
 public:
  static constexpr const char* kKubeletFolder = "/var/lib/kubelet";
  // A helper process is asked for the filesystem, and is there for the one question: 300 us.
  static constexpr uint64_t kDiskPauseNs = 60 * kNsPerSecond;
  static constexpr uint64_t kDiskPatienceNs = 5 * kNsPerSecond;
  // What is older is not known any more.
  static constexpr uint64_t kDiskKeptNs = 3 * kDiskPauseNs;

  // What is not there now is never told. Keeps seven files open.
  explicit NodeStats(std::string proc_root);

  // Never waits: 30 us. Of the filesystem the answer to an earlier call's question, where it has
  // come. Valid until the next call.
  const NodeState& read(uint64_t now_ns);

 private:
  enum File { kCpu, kMemory, kIo, kMeminfo, kLoadavg, kPidMax, kThreadsMax, kFiles };

  std::string_view text_of(File file);
  std::optional<uint64_t> number_of(File file);
  void read_pids();
  void ask_disk(uint64_t now_ns);
  void take_disk(uint64_t now_ns);

  std::string proc_root_;
  Fd files_[kFiles];
  char text_[512];  // of the file that was read last; the beginning, in whole lines
  NodeState state_;
  // One at most: where the kernel does not let go of it, nobody else is sent there.
  std::unique_ptr<StatfsHelper> helper_;
  uint64_t asked_ns_ = 0;  // 0: never
  uint64_t answered_ns_ = 0;
  bool answered_ = false;  // by the helper of now
  bool killed_ = false;
  bool complained_ = false;
};

}  // namespace kubepulse

#endif
