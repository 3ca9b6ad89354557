// The kernel side of TCP: bpf/tcp.bpf.c loaded, attached and read.
#ifndef KUBEPULSE_COLLECT_TCP_PROBE_H
#define KUBEPULSE_COLLECT_TCP_PROBE_H

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/ring.h"

struct tcp_bpf;

namespace kubepulse {

struct TcpProbeConfig {
  size_t ring_bytes;
  uint32_t connections_max;
  bool log_events;    // the records are to name tasks
  int legacy_subsys;  // see LegacyHierarchy
};

class TcpProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<TcpProbe>> open(const TcpProbeConfig& config,
                                                const LoadSettings& settings);
  ~TcpProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Holds tcp_records of the kinds OPENED, FAILED and CLOSED.
  Ring& ring() { return *ring_; }

  // Walks the TCP sockets that tasks hold open now; records of the kinds OPEN and LISTEN. A socket
  // with several descriptors comes more than once. O(open files of the node): milliseconds.
  Status each_open(const std::function<void(const tcp_record&)>& take);
  bool can_walk_open() const { return walk_ != nullptr; }

  // RST segments so far, by cgroup id (0: by the kernel itself).
  void each_reset(const std::function<void(uint64_t cgroup, const reset_counts&)>& take);
  void forget_resets(uint64_t cgroup);

  uint64_t dropped() const;  // records that did not fit in the ring
  // Runs of the second state program that the kernel skipped (its recursion_misses, since 5.12): of
  // each of them a change of state may be lost.
  uint64_t skipped() const;
  uint64_t connections_overflow() const;  // connections beyond connections_max
  uint64_t resets_overflow() const;       // RST of cgroups beyond the bound

 private:
  struct SkeletonDeleter {
    void operator()(tcp_bpf* skeleton) const;
  };

  TcpProbe() = default;

  std::unique_ptr<tcp_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
  std::unique_ptr<Ring> ring_;
  bpf_link* walk_ = nullptr;  // owned by loaded_
};

}  // namespace kubepulse

#endif
