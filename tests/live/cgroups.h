// Cgroups of the tests' own, all below MOUNT/kubepulse-live-PID, and the labels that each must get.
// Of v2 where it is mounted, else of the v1 hierarchy that the daemon looks at. The process that
// called open_cgroups() removes them.
#ifndef KUBEPULSE_TESTS_LIVE_CGROUPS_H
#define KUBEPULSE_TESTS_LIVE_CGROUPS_H

#include <string>
#include <string_view>

#include "base/status.h"
#include "tests/live/page.h"

namespace kubepulse::live {

// A workload as the labels name it.
struct Owner {
  std::string name_space;
  std::string pod;

  Labels labels() const { return {{"namespace", name_space}, {"pod", pod}}; }
};

struct Cgroup {
  std::string folder;
  Owner owner;
};

// Finds the mount and clears away what dead runs have left.
Status open_cgroups();
// Removes all cgroups of this run and kills what is still in them.
void close_cgroups();
std::string cgroup_mount();
// The name of this run's folder, "kubepulse-live-PID".
std::string cgroup_run_name();

// A cgroup at `path` below the run's folder; asserts that it can be made.
Cgroup make_cgroup(const std::string& path, const Owner& owner);
// "NAME.service", which is namespace="systemd", pod="NAME.service".
Cgroup make_unit(const std::string& name);
// The same with all that the kernel counts of a cgroup: in v2 with the controllers that there are,
// and in each v1 hierarchy that the daemon reads at the same path. The cgroups above it hold no
// processes then.
Cgroup make_counted(const std::string& path, const Owner& owner);
Cgroup make_counted_unit(const std::string& name);
// Makes such a one of a cgroup that is there, or is not.
void count_in(const Cgroup& cgroup);

enum class Controller { kCpu, kCpuacct, kMemory, kDisk };
// Where the files of a controller stand: in its v1 hierarchy where that is mounted, else in v2. ""
// where it is in neither.
std::string files_of(const Cgroup& cgroup, Controller controller);
bool is_legacy(Controller controller);
// The cgroup in v2, which has files of its own (*.pressure); "" where that is not mounted.
std::string unified_folder(const Cgroup& cgroup);

// Removes the folder itself, empty of processes, in all hierarchies.
void remove_cgroup(const Cgroup& cgroup);

// Moves the calling process, in all hierarchies that have the cgroup. What sockets it makes from
// now on belong to it.
void enter(const Cgroup& cgroup);
// To where the run was started. Outside of tests as well.
void leave_cgroup();

}  // namespace kubepulse::live

#endif
