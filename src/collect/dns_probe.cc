#include "collect/dns_probe.h"

#include "bpf/dns.skel.h"

namespace kubepulse {

namespace {

// One signal, not two: queries and answers must be seen on the same side of NAT to be matched.
const std::vector<Signal>& dns_signals() {
  static const std::vector<Signal> signals = {
      {"dns",
       {{"fentry", {"dns_query4_fentry", "dns_query6_fentry", "dns_answer_fentry"}},
        {"kprobe", {"dns_query4_kprobe", "dns_query6_kprobe", "dns_answer_kprobe"}},
        {"tracepoint", {"dns_query_tracepoint", "dns_answer_tracepoint"}}}},
  };
  return signals;
}

}  // namespace

void DnsProbe::SkeletonDeleter::operator()(dns_bpf* skeleton) const {
  dns_bpf__destroy(skeleton);
}

DnsProbe::~DnsProbe() = default;

const std::vector<Signal>& DnsProbe::signals() {
  return dns_signals();
}

Result<std::unique_ptr<DnsProbe>> DnsProbe::open(const DnsProbeConfig& config,
                                                 const LoadSettings& settings) {
  std::unique_ptr<DnsProbe> probe(new DnsProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->skeleton_.reset(dns_bpf__open_opts(options));
    dns_bpf* skeleton = probe->skeleton_.get();
    if (skeleton == nullptr) return nullptr;
    bpf_map__set_max_entries(skeleton->maps.dns_ring, static_cast<uint32_t>(config.ring_bytes));
    skeleton->rodata->legacy_subsys = config.legacy_subsys;
    return skeleton->skeleton;
  };
  probe->loaded_ = load_signals(open_skeleton, dns_signals(), config.flavour, settings);
  if (!probe->loaded_.any()) return probe;
  Result<Ring> ring = Ring::open(bpf_map__fd(probe->skeleton_->maps.dns_ring), config.ring_bytes);
  if (!ring.ok()) return std::move(ring.status());
  probe->ring_ = std::make_unique<Ring>(std::move(ring.value()));
  return probe;
}

uint64_t DnsProbe::dropped() const {
  return skeleton_->bss->dns_dropped;
}

}  // namespace kubepulse
