// The kernel side of DNS: bpf/dns.bpf.c loaded, attached and read.
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

namespace kubepulse {

struct DnsProbeConfig {
  size_t ring_bytes;
  int legacy_subsys;    // see LegacyHierarchy
  std::string flavour;  // "auto", "fentry", "kprobe" or "tracepoint"
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

 private:
  struct SkeletonDeleter {
    void operator()(dns_bpf* skeleton) const;
  };

  DnsProbe() = default;

  std::unique_ptr<dns_bpf, SkeletonDeleter> skeleton_;
  Loaded loaded_;  // detached before the skeleton goes
  std::unique_ptr<Ring> ring_;
};

}  // namespace kubepulse

#endif
