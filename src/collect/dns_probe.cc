#include "collect/dns_probe.h"

#include "bpf/dns.skel.h"
#include "bpf/dns_cgroup.skel.h"

namespace kubepulse {

namespace {

// One signal, not two: queries and answers must be seen on the same side of NAT to be matched.
const std::vector<Signal>& tracing_signals() {
  static const std::vector<Signal> signals = {
      {"dns",
       {{"fentry", {"dns_query4_fentry", "dns_query6_fentry", "dns_answer_fentry"}},
        {"kprobe", {"dns_query4_kprobe", "dns_query6_kprobe", "dns_answer_kprobe"}},
        {"tracepoint", {"dns_query_tracepoint", "dns_answer_tracepoint"}}}},
  };
  return signals;
}

const std::vector<Signal>& cgroup_signals() {
  static const std::vector<Signal> signals = {
      {"dns", {{"cgroup", {"dns_query_cgroup", "dns_answer_cgroup"}}}}};
  return signals;
}

}  // namespace

void DnsProbe::SkeletonDeleter::operator()(dns_bpf* skeleton) const {
  dns_bpf__destroy(skeleton);
}
void DnsProbe::SkeletonDeleter::operator()(dns_cgroup_bpf* skeleton) const {
  dns_cgroup_bpf__destroy(skeleton);
}

DnsProbe::~DnsProbe() = default;

const std::vector<Signal>& DnsProbe::signals() {
  static const std::vector<Signal> signals = prefers_cgroup()
                                                 ? joined(cgroup_signals(), tracing_signals())
                                                 : joined(tracing_signals(), cgroup_signals());
  return signals;
}

Result<std::unique_ptr<DnsProbe>> DnsProbe::open(const DnsProbeConfig& config,
                                                 const LoadSettings& settings) {
  std::unique_ptr<DnsProbe> probe(new DnsProbe);
  std::vector<Attached> tried;
  Status status;
  bool may_trace = config.flavour != "cgroup";
  bool may_hang = config.flavour == "auto" || !may_trace;
  // That flavour cannot tell owners of cgroup v1.
  bool cgroup_first = prefers_cgroup() && config.legacy_subsys < 0;
  if (may_hang && cgroup_first) status = probe->open_cgroup(config, settings);
  if (may_trace && status.ok() && !probe->loaded_.any()) {
    tried = std::move(probe->loaded_.outcome);
    status = probe->open_tracing(config, settings);
  }
  if (may_hang && !cgroup_first && status.ok() && !probe->loaded_.any()) {
    tried = std::move(probe->loaded_.outcome);
    status = probe->open_cgroup(config, settings);
  }
  if (!status.ok()) return status;
  bool forced = config.flavour != "auto";
  tell_refused(signals(), tried,
               forced ? "excluded by --flavour=" + config.flavour : "owners are of cgroup v1 here",
               probe->loaded_.outcome);
  return probe;
}

Status DnsProbe::open_tracing(const DnsProbeConfig& config, const LoadSettings& settings) {
  cgroup_.reset();
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    tracing_.reset(dns_bpf__open_opts(options));
    if (tracing_ == nullptr) return nullptr;
    bpf_map__set_max_entries(tracing_->maps.dns_ring, static_cast<uint32_t>(config.ring_bytes));
    tracing_->rodata->legacy_subsys = config.legacy_subsys;
    return tracing_->skeleton;
  };
  loaded_ = load_signals(open_skeleton, tracing_signals(), config.flavour, settings);
  if (!loaded_.any()) return {};
  dropped_ = &tracing_->bss->dns_dropped;
  return open_ring(tracing_->maps.dns_ring, config.ring_bytes);
}

Status DnsProbe::open_cgroup(const DnsProbeConfig& config, const LoadSettings& settings) {
  tracing_.reset();
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    cgroup_.reset(dns_cgroup_bpf__open_opts(options));
    if (cgroup_ == nullptr) return nullptr;
    bpf_map__set_max_entries(cgroup_->maps.dns_ring, static_cast<uint32_t>(config.ring_bytes));
    return cgroup_->skeleton;
  };
  loaded_ = load_signals(open_skeleton, cgroup_signals(), "auto", settings);
  if (!loaded_.any()) return {};
  dropped_ = &cgroup_->bss->dns_dropped;
  return open_ring(cgroup_->maps.dns_ring, config.ring_bytes);
}

Status DnsProbe::open_ring(const bpf_map* map, size_t bytes) {
  Result<Ring> ring = Ring::open(bpf_map__fd(map), bytes);
  if (!ring.ok()) return std::move(ring.status());
  ring_ = std::make_unique<Ring>(std::move(ring.value()));
  return {};
}

uint64_t DnsProbe::dropped() const {
  return __atomic_load_n(dropped_, __ATOMIC_RELAXED);
}

void DnsProbe::each_map(const VisitMap& visit) const {
  visit(tracing_ != nullptr ? tracing_->maps.dns_ring : cgroup_->maps.dns_ring, dropped_);
}
void DnsProbe::each_program(const VisitProgram& visit) const {
  each_loaded(tracing_ != nullptr ? tracing_->obj : cgroup_->obj, visit);
}

uint64_t DnsProbe::skipped() const {
  uint64_t runs = 0;
  bpf_program* program;
  if (tracing_ != nullptr)
    bpf_object__for_each_program(program, tracing_->obj) runs += skipped_runs(program);
  return runs;
}

}  // namespace kubepulse
