// What the kernel is watched with, but for the frames of interfaces (counted_interfaces.h).
#ifndef KUBEPULSE_PROBES_H
#define KUBEPULSE_PROBES_H

#include <memory>
#include <string>
#include <vector>

#include "collect/cgroup_probe.h"
#include "collect/dns_probe.h"
#include "collect/drop_probe.h"
#include "collect/host.h"
#include "collect/sched_probe.h"
#include "collect/syscall_probe.h"
#include "collect/tcp_probe.h"
#include "collect/traffic_probe.h"
#include "identity/cgroup_tree.h"
#include "options.h"

namespace kubepulse {

// The kernel programs, each loaded as far as this kernel takes it.
struct Probes {
  std::unique_ptr<CgroupProbe> cgroup;  // null where it cannot be loaded at all, likewise below
  std::unique_ptr<TcpProbe> tcp;
  std::unique_ptr<DnsProbe> dns;
  std::unique_ptr<SchedProbe> sched;
  std::unique_ptr<SyscallProbe> syscalls;
  std::unique_ptr<DropProbe> drops;
  std::unique_ptr<TrafficProbe> traffic;
  std::vector<Attached> outcome;  // of every signal, the missing ones included

  // Never fails as a whole: what is missing is said in `outcome`.
  static Probes open(const Options& options, const Host& host, const CgroupMounts& mounts);
  // What there is to be attached for these groups of metrics, in the order of `outcome`.
  static std::vector<Signal> signals(uint32_t groups);
  // The maps and the programs of all of them.
  void each_map(const VisitMap& visit) const;
  void each_program(const VisitProgram& visit) const;
  // What is in the way: that there is nothing to measure with, or that --flavour cannot be had.
  // Empty: nothing.
  std::string problem(const Options& options, const Host& host) const;
};

}  // namespace kubepulse

#endif
