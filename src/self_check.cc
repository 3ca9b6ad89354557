#include "self_check.h"

#include <sys/utsname.h>

#include <cstdio>
#include <string>

#include "daemon.h"

namespace kubepulse {

namespace {

void print_host(const CgroupMounts& mounts) {
  utsname kernel{};
  uname(&kernel);
  printf("kernel   %s %s\n", kernel.release, kernel.machine);
  const char* version = "none is mounted";
  if (!mounts.unified.empty()) version = mounts.legacy.empty() ? "v2" : "v2 and v1 (hybrid)";
  if (mounts.unified.empty() && !mounts.legacy.empty()) version = "v1";
  printf("cgroups  %s %s%s%s\n\n", version, mounts.unified.c_str(),
         mounts.unified.empty() || mounts.legacy.empty() ? "" : " ", mounts.legacy.c_str());
}

}  // namespace

int self_check(const Options& options) {
  if (Status status = check_bpf_usable(); !status.ok()) {
    fprintf(stderr, "kubepulse: %s\n", status.message().c_str());
    return kExitCannotWork;
  }
  CgroupMounts mounts;
  if (auto tree = CgroupTree::open("/proc"); tree.ok()) mounts = tree.value().mounts();
  print_host(mounts);
  Probes probes = Probes::open(options, mounts);
  printf("%-20s %-12s %s\n", "SIGNAL", "FLAVOUR", "REFUSED");
  for (const Attached& attached : probes.outcome)
    printf("%-20s %-12s %s\n", attached.signal.c_str(),
           attached.flavour.empty() ? "none" : attached.flavour.c_str(),
           attached.refused.empty() ? "-" : attached.refused.c_str());
  if (probes.any()) return kExitOk;
  fflush(stdout);
  fprintf(stderr, "kubepulse: nothing would work here: neither TCP nor DNS can be observed\n");
  return kExitCannotWork;
}

}  // namespace kubepulse
