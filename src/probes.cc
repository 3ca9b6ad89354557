#include "probes.h"

#include <utility>

#include "base/random.h"
#include "groups.h"

namespace kubepulse {

namespace {

// Null where nothing of it is attached; `outcome` tells of each of its signals either way.
template <typename Probe>
std::unique_ptr<Probe> take_probe(Result<std::unique_ptr<Probe>> opened,
                                  std::vector<Attached>& outcome) {
  if (!opened.ok()) {
    for (const Signal& signal : Probe::signals())
      outcome.push_back({signal.name, "", {{"", opened.status().message()}}});
    return nullptr;
  }
  bool any = false;
  for (const Attached& attached : opened.value()->outcome()) {
    outcome.push_back(attached);
    any = any || !attached.flavour.empty();
  }
  return any ? std::move(opened.value()) : nullptr;
}

TrafficConfig traffic_config(const Options& options) {
  TrafficConfig config;
  config.with_flows = (options.groups & kGroupFlows) != 0;
  config.seed = random_seed();
  return config;
}

}  // namespace

Probes Probes::open(const Options& options, const Host& host, const CgroupMounts& mounts) {
  Probes probes;
  LoadSettings settings{host, mounts.unified, options.test_break};
  LegacyHierarchy legacy = LegacyHierarchy::find(mounts.legacy_controller, "/proc", host.btf);
  probes.cgroup = take_probe(CgroupProbe::open(legacy, settings), probes.outcome);
  TcpProbeConfig tcp{options.tcp_ring_bytes, options.tcp_connections, options.log_events,
                     legacy.subsys, options.flavour};
  if ((options.groups & kGroupTcp) != 0)
    probes.tcp = take_probe(TcpProbe::open(tcp, settings), probes.outcome);
  DnsProbeConfig dns{options.dns_ring_bytes, legacy.subsys, options.flavour};
  if ((options.groups & kGroupDns) != 0)
    probes.dns = take_probe(DnsProbe::open(dns, settings), probes.outcome);
  if ((options.groups & kGroupRunQueue) != 0)
    probes.sched = take_probe(SchedProbe::open(legacy.subsys, settings), probes.outcome);
  if ((options.groups & kGroupSyscalls) != 0 && !options.syscalls.empty()) {
    SyscallProbeConfig syscalls;
    syscalls.syscalls = options.syscalls;
    syscalls.legacy_subsys = legacy.subsys;
    probes.syscalls = take_probe(SyscallProbe::open(syscalls, settings), probes.outcome);
  }
  if ((options.groups & kGroupDrops) != 0)
    probes.drops = take_probe(DropProbe::open(settings), probes.outcome);
  if ((options.groups & kGroupPackets) != 0)
    probes.traffic =
        take_probe(TrafficProbe::open(traffic_config(options), settings), probes.outcome);
  return probes;
}

std::vector<Signal> Probes::signals(uint32_t groups) {
  std::vector<Signal> signals = CgroupProbe::signals();
  auto add = [&](uint32_t group, const std::vector<Signal>& some) {
    if ((groups & group) != 0) signals.insert(signals.end(), some.begin(), some.end());
  };
  add(kGroupTcp, TcpProbe::signals());
  add(kGroupDns, DnsProbe::signals());
  add(kGroupRunQueue, SchedProbe::signals());
  add(kGroupSyscalls, SyscallProbe::signals());
  add(kGroupDrops, DropProbe::signals());
  add(kGroupPackets, TrafficProbe::signals());
  return signals;
}

void Probes::each_map(const VisitMap& visit) const {
  if (cgroup) cgroup->each_map(visit);
  if (tcp) tcp->each_map(visit);
  if (dns) dns->each_map(visit);
  if (sched) sched->each_map(visit);
  if (syscalls) syscalls->each_map(visit);
  if (drops) drops->each_map(visit);
  if (traffic) traffic->each_map(visit);
}

void Probes::each_program(const VisitProgram& visit) const {
  if (cgroup) cgroup->each_program(visit);
  if (tcp) tcp->each_program(visit);
  if (dns) dns->each_program(visit);
  if (sched) sched->each_program(visit);
  if (syscalls) syscalls->each_program(visit);
  if (drops) drops->each_program(visit);
  if (traffic) traffic->each_program(visit);
}

std::string Probes::problem(const Options& options, const Host& host) const {
  std::vector<Signal> wanted = signals(options.groups);
  bool any = (options.groups & (kGroupTcp | kGroupDns)) == 0;
  for (size_t i = 0; i < outcome.size(); i++) {
    const Attached& attached = outcome[i];
    if (attached.signal != "tcp_state" && attached.signal != "dns") continue;
    any = any || !attached.flavour.empty();
    if (!attached.flavour.empty() || !has_flavour(wanted[i], options.flavour)) continue;
    std::string text = "--flavour=" + options.flavour + " cannot work here: " + attached.signal;
    for (const Refused& refused : attached.refused)
      if (refused.flavour.empty() || refused.flavour == options.flavour)
        text += ": " + refused.reason;
    return text;
  }
  return any ? "" : nothing_works(host);
}

}  // namespace kubepulse
