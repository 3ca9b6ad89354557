#include "tests/live/cgroups.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "base/fd.h"
#include "base/text.h"
#include "identity/cgroup_tree.h"
#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

namespace {

std::string mount_folder;
std::string home_folder;  // where the run was started
std::string run_name;

// This process's path in /proc/self/cgroup, "ID:CONTROLLERS:PATH"; of v2 where `controller` is "".
std::string own_path(std::string_view controller) {
  std::string table = read_file("/proc/self/cgroup");
  std::string_view rest = table;
  while (!rest.empty()) {
    std::string_view path = next_piece(rest, '\n');
    next_piece(path, ':');
    if (next_piece(path, ':') == controller) return std::string(path);
  }
  return {};
}

bool move_self(const std::string& folder) {
  Fd procs(open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  return procs && write(procs.get(), "0", 1) == 1;
}

void kill_processes_of(const std::string& folder) {
  std::string pids = read_file(folder + "/cgroup.procs");
  std::string_view rest = pids;
  while (!rest.empty()) {
    std::optional<uint64_t> pid = parse_number(next_piece(rest, '\n'));
    if (pid && *pid > 1 && static_cast<pid_t>(*pid) != getpid())
      kill(static_cast<pid_t>(*pid), SIGKILL);
  }
}

void remove_tree(const std::string& folder) {
  for (const std::string& name : folders_in(folder))
    remove_tree(folder + "/" + name);
  kill_processes_of(folder);
  for (int tries = 0; rmdir(folder.c_str()) != 0 && errno == EBUSY && tries < 100; tries++)
    usleep(10 * 1000);
}

}  // namespace

Status open_cgroups() {
  CgroupMounts mounts = parse_cgroup_mounts(read_file("/proc/self/mountinfo"));
  // Where both are, one of v1 tells the owner, wherever in v2 a process may be.
  std::string legacy = own_path(mounts.legacy_controller);
  if (!mounts.unified.empty() && !mounts.legacy.empty() && legacy.size() > 1)
    return Status::error("in the cgroup v1 " + legacy + "; start it from the root of " +
                         mounts.legacy_controller);
  bool unified = !mounts.unified.empty();
  mount_folder = unified ? mounts.unified : mounts.legacy;
  if (mount_folder.empty()) return Status::error("no cgroup hierarchy is mounted");
  for (const std::string& name : folders_in(mount_folder))
    if (is_dead_run(name)) remove_tree(mount_folder + "/" + name);
  run_name = std::string(kRunPrefix) + std::to_string(getpid());
  home_folder = mount_folder + (unified ? own_path("") : legacy);
  std::string run_folder = mount_folder + "/" + run_name;
  if (mkdir(run_folder.c_str(), 0755) != 0) return Status::from_errno(run_folder, errno);
  return {};
}

void close_cgroups() {
  if (run_name.empty()) return;
  move_self(home_folder);
  remove_tree(mount_folder + "/" + run_name);
}

std::string cgroup_mount() {
  return mount_folder;
}
std::string cgroup_run_name() {
  return run_name;
}

Cgroup make_cgroup(const std::string& path, const Owner& owner) {
  std::string folder = mount_folder + "/" + run_name;
  std::string_view rest = path;
  while (!rest.empty()) {
    folder += "/";
    folder += next_piece(rest, '/');
    bool made = mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
    ck_assert_msg(made, "mkdir %s: %s", folder.c_str(), strerror(errno));
  }
  return {folder, owner};
}

Cgroup make_unit(const std::string& name) {
  return make_cgroup(name + ".service", {"systemd", name + ".service"});
}

void remove_cgroup(const Cgroup& cgroup) {
  ck_assert_msg(rmdir(cgroup.folder.c_str()) == 0, "rmdir %s: %s", cgroup.folder.c_str(),
                strerror(errno));
}

void enter(const Cgroup& cgroup) {
  ck_assert_msg(move_self(cgroup.folder), "enter %s: %s", cgroup.folder.c_str(), strerror(errno));
}

void leave_cgroup() {
  if (move_self(home_folder)) return;
  perror(home_folder.c_str());
  abort();
}

}  // namespace kubepulse::live
