// The kernel side of TCP: bpf/tcp.bpf.c, or where that cannot serve bpf/tcp_cgroup.bpf.c, loaded,
// attached and read.
#ifndef KUBEPULSE_COLLECT_TCP_PROBE_H
#define KUBEPULSE_COLLECT_TCP_PROBE_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/flat_map.h"
#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/ring.h"
#include "collect/sock_diag.h"

struct tcp_bpf;
struct tcp_cgroup_bpf;

namespace kubepulse {

struct TcpProbeConfig {
  size_t ring_bytes;
  uint32_t connections_max;
  bool log_events;    // the records are to name tasks
  int legacy_subsys;  // see LegacyHierarchy
  // "cgroup", or what else --flavour may be: then that one is taken where it gives more.
  std::string flavour;
};

class TcpProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<TcpProbe>> open(const TcpProbeConfig& config,
                                                const LoadSettings& settings);
  ~TcpProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }

  // Holds tcp_records of the kinds OPENED, FAILED and CLOSED; with the tracing flavours also
  // LISTEN and UNLISTENED, of listeners that have dropped anything.
  Ring& ring() { return *ring_; }

  // Walks the TCP sockets of now; records of the kinds OPEN, LISTEN and CONNECTING. A socket with
  // several descriptors may come more than once. CLOSED, too: flavour `cgroup`, of connections
  // from before the start, which no hook tells; the others, see ends_lost(). O(open files, or
  // sockets, of the node): milliseconds.
  Status each_open(const std::function<void(const tcp_record&)>& take);
  bool can_walk_open() const { return walk_ != nullptr || diag_ != nullptr; }

  // RST segments so far, by cgroup id (0: by the kernel itself).
  void each_reset(const std::function<void(uint64_t cgroup, const reset_counts&)>& take);
  void forget_resets(uint64_t cgroup);

  uint64_t dropped() const;  // records that did not fit in the ring
  // Runs of the second state program that the kernel skipped: of each of them a change of state may
  // be lost.
  uint64_t skipped() const;
  // Connections whose end no program was called for. It is told late (CLOSED), by a walk or when
  // another socket is in the same memory; then without totals and addresses (family 0).
  uint64_t ends_lost() const;
  uint64_t connections_overflow() const;  // connections beyond connections_max
  uint64_t resets_overflow() const;       // RST of cgroups beyond the bound

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(tcp_bpf* skeleton) const;
    void operator()(tcp_cgroup_bpf* skeleton) const;
  };

  // A connection that is older than the programs of the flavour `cgroup`, by cookie.
  struct Old {
    uint32_t walk = 0;  // that met it last
    bool told = false;  // as open: two walks in a row have met it
    tcp_record last{};
  };

  TcpProbe() = default;
  static Result<std::unique_ptr<TcpProbe>> open_tracing(const TcpProbeConfig& config,
                                                        const LoadSettings& settings);
  static Result<std::unique_ptr<TcpProbe>> open_cgroup(const TcpProbeConfig& config,
                                                       const LoadSettings& settings);
  template <typename Skeleton>
  Status take_over(Skeleton* skeleton, size_t ring_bytes);
  // How much is attached, to tell which of the two objects serves better.
  int worth() const;
  bool has_state() const { return !loaded_.outcome.front().flavour.empty(); }
  static Status iterate(const bpf_link* link, const std::function<void(const tcp_record&)>& take);
  Status walk_diag(const std::function<void(const tcp_record&)>& take);
  void walked(tcp_record record, const std::function<void(const tcp_record&)>& take);
  void tell_gone(uint64_t now_ns, const std::function<void(const tcp_record&)>& take);

  // One of the two.
  std::unique_ptr<tcp_bpf, SkeletonDeleter> tracing_;
  std::unique_ptr<tcp_cgroup_bpf, SkeletonDeleter> cgroup_;
  Loaded loaded_;  // detached before the skeletons go
  std::unique_ptr<Ring> ring_;
  int resets_map_ = -1;
  const __u64* dropped_ = nullptr;
  const __u64* connections_overflow_ = nullptr;
  const __u64* resets_overflow_ = nullptr;
  // Owned by loaded_; with the tracing flavours. The second one since Linux 5.9.
  bpf_link* walk_ = nullptr;
  bpf_link* walk_remembered_ = nullptr;
  std::unique_ptr<SockDiag> diag_;  // with the flavour `cgroup`
  FlatMap<Old> old_{0};
  uint32_t diag_walk_ = 0;
};

}  // namespace kubepulse

#endif
