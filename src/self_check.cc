#include "self_check.h"

#include <cstdio>

#include "check_report.h"
#include "collect/host.h"
#include "counted_interfaces.h"
#include "probes.h"
#include "version.h"

namespace kubepulse {

namespace {

void describe_cgroups(const CgroupMounts& mounts, CheckReport& report) {
  bool v2 = !mounts.unified.empty(), v1 = !mounts.legacy.empty();
  report.cgroups = v2 && v1 ? "hybrid" : v2 ? "v2" : v1 ? "v1" : "none";
  report.cgroup_mounts = mounts.unified + (v2 && v1 ? " " : "") + mounts.legacy;
}

}  // namespace

int self_check(const Options& options) {
  CountedInterfaces interfaces;
  CheckReport report;
  report.version = KUBEPULSE_VERSION;
  report.host = Host::look("", options.btf);
  CgroupMounts mounts;
  if (auto tree = CgroupTree::open("/proc"); tree.ok()) mounts = tree.value().mounts();
  describe_cgroups(mounts, report);
  if (Status status = check_bpf_usable(); !status.ok()) {
    report.problem = status.message();
  } else {
    Probes probes = Probes::open(options, report.host, mounts);
    report.signals = Probes::signals(options.groups);
    report.outcome = probes.outcome;
    report.problem = probes.problem(options, report.host);
    interfaces.open(options.interfaces, {report.host, mounts.unified, options.test_break});
    for (Signal& signal : interfaces.signals())
      report.signals.push_back(std::move(signal));
    for (Attached& attached : interfaces.outcome())
      report.outcome.push_back(std::move(attached));
  }
  for (const Profile& profile : kProfileTable)
    report.profiles.push_back(
        {profile.name,
         series_of_pod(profile.groups, options.buckets_ns.size(), options.syscalls.size())});
  fputs((options.check_json ? report.json() : report.table()).c_str(), stdout);
  if (report.problem.empty()) return kExitOk;
  fflush(stdout);
  fprintf(stderr, "kubepulse: %s\n", report.problem.c_str());
  return kExitCannotWork;
}

}  // namespace kubepulse
