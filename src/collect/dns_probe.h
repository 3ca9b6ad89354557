// The kernel side of DNS: bpf/dns.bpf.c, or where that cannot serve bpf/dns_cgroup.bpf.c, loaded,
// attached and read.
#ifndef KUBEPULSE_COLLECT_DNS_PROBE_H
#define KUBEPULSE_COLLECT_DNS_PROBE_H

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"
#include "collect/loader.h"
#include "collect/ring.h"

struct dns_bpf;
struct dns_cgroup_bpf;

namespace kubepulse {

struct DnsProbeConfig {
  size_t ring_bytes;
  int legacy_subsys;    // see LegacyHierarchy
  std::string flavour;  // "auto", "fentry", "kprobe", "tracepoint" or "cgroup"
};

class DnsProbe {
 public:
  static const std::vector<Signal>& signals();
  // Where nothing could be attached only outcome() may be asked.
  static Result<std::unique_ptr<DnsProbe>> open(const DnsProbeConfig& config,
                                                const LoadSettings& settings);
  ~DnsProbe();

  const std::vector<Attached>& outcome() const { return loaded_.outcome; }
  Ring& ring() { return *ring_; }  // dns_records, each followed by its payload
  uint64_t dropped() const;        // records that did not fit in the ring
  // Runs of the tracing programs that the kernel skipped: of each of them a message may be lost.
  // Other packets than DNS count, too, where the flavour sees them.
  uint64_t skipped() const;

  // Those that are loaded.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;

 private:
  struct SkeletonDeleter {
    void operator()(dns_bpf* skeleton) const;
    void operator()(dns_cgroup_bpf* skeleton) const;
  };

  DnsProbe() = default;
  Status open_tracing(const DnsProbeConfig& config, const LoadSettings& settings);
  Status open_cgroup(const DnsProbeConfig& config, const LoadSettings& settings);
  Status open_ring(const bpf_map* ring, size_t bytes);

  // One of the two.
  std::unique_ptr<dns_bpf, SkeletonDeleter> tracing_;
  std::unique_ptr<dns_cgroup_bpf, SkeletonDeleter> cgroup_;
  Loaded loaded_;  // detached before the skeletons go
  std::unique_ptr<Ring> ring_;
  const __u64* dropped_ = nullptr;
};

}  // namespace kubepulse

#endif
