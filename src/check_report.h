// What `kubepulse --check` says, as a table or as JSON. Pure.
#ifndef KUBEPULSE_CHECK_REPORT_H
#define KUBEPULSE_CHECK_REPORT_H

#include <string>
#include <vector>

#include "collect/flavours.h"
#include "collect/host.h"
#include "groups.h"

namespace kubepulse {

struct CheckReport {
  std::string version;  // of kubepulse
  Host host;
  const char* cgroups = "none";  // or "v1", "v2", "hybrid"
  std::string cgroup_mounts;     // with a space between them
  std::vector<Signal> signals;
  struct ProfileSeries {
    std::string profile;
    SeriesOfPod series;
  };
  std::vector<ProfileSeries> profiles;
  std::vector<Attached> outcome;  // empty where BPF cannot be used at all
  std::string problem;            // empty: it works here

  std::string table() const;
  // One object on one line, which is ended.
  std::string json() const;
};

}  // namespace kubepulse

#endif
