#include "tests/live/cgroups.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

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
bool on_unified;
// Of v1, but for `mount_folder`, and where the run was started there.
struct Legacy {
  std::string mount;
  std::string home;
};
std::vector<Legacy> legacy_mounts;
std::map<Controller, std::string> mounts_of;

bool lists(std::string_view list, std::string_view name) {
  if (list == name) return true;
  while (!list.empty())
    if (next_piece(list, ',') == name) return true;
  return false;
}

// This process's path in /proc/self/cgroup, "ID:CONTROLLERS:PATH"; of v2 where `controller` is "".
std::string own_path(std::string_view controller) {
  std::string table = read_file("/proc/self/cgroup");
  std::string_view rest = table;
  while (!rest.empty()) {
    std::string_view path = next_piece(rest, '\n');
    next_piece(path, ':');
    if (lists(next_piece(path, ':'), controller)) return std::string(path);
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

namespace {

void find_legacy(const CgroupMounts& mounts) {
  const std::pair<Controller, const char*> kControllers[] = {{Controller::kCpu, "cpu"},
                                                             {Controller::kCpuacct, "cpuacct"},
                                                             {Controller::kMemory, "memory"},
                                                             {Controller::kDisk, "blkio"}};
  const std::string* kMounts[] = {&mounts.cpu, &mounts.cpuacct, &mounts.memory, &mounts.blkio};
  for (size_t at = 0; at < std::size(kMounts); at++) {
    const std::string& mount = *kMounts[at];
    mounts_of[kControllers[at].first] = mount;
    bool known = mount.empty() || mount == mount_folder ||
                 std::any_of(legacy_mounts.begin(), legacy_mounts.end(),
                             [&](const Legacy& held) { return held.mount == mount; });
    if (!known) legacy_mounts.push_back({mount, mount + own_path(kControllers[at].second)});
  }
}

// The same path in another hierarchy.
std::string in_mount(const std::string& mount, const std::string& folder) {
  return mount + folder.substr(mount_folder.size());
}

void turn_controllers_on(const std::string& folder) {
  std::string all = read_file(folder + "/cgroup.controllers");
  std::string_view rest = trim_blanks(all);
  while (!rest.empty())
    write_file(folder + "/cgroup.subtree_control", "+" + std::string(next_piece(rest, ' ')));
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
  on_unified = unified;
  find_legacy(mounts);
  for (const std::string& name : folders_in(mount_folder))
    if (is_dead_run(name)) remove_tree(mount_folder + "/" + name);
  for (const Legacy& each : legacy_mounts)
    for (const std::string& name : folders_in(each.mount))
      if (is_dead_run(name)) remove_tree(each.mount + "/" + name);
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
  for (const Legacy& each : legacy_mounts) {
    move_self(each.home);
    std::string folder = each.mount + "/" + run_name;
    if (access(folder.c_str(), F_OK) == 0) remove_tree(folder);
  }
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

void count_in(const Cgroup& cgroup) {
  // So that whoever hears of the cgroup finds all its files.
  for (const Legacy& each : legacy_mounts)
    ck_assert(make_folders(in_mount(each.mount, cgroup.folder)));
  for (size_t end = mount_folder.size(); end != std::string::npos;
       end = cgroup.folder.find('/', end + 1)) {
    std::string folder = cgroup.folder.substr(0, end);
    ck_assert(make_folders(folder));
    if (on_unified) turn_controllers_on(folder);
  }
  ck_assert(make_folders(cgroup.folder));
}

Cgroup make_counted(const std::string& path, const Owner& owner) {
  Cgroup cgroup{mount_folder + "/" + run_name + "/" + path, owner};
  count_in(cgroup);
  return cgroup;
}

Cgroup make_counted_unit(const std::string& name) {
  return make_counted(name + ".service", {"systemd", name + ".service"});
}

bool is_legacy(Controller controller) {
  return !mounts_of[controller].empty();
}

std::string unified_folder(const Cgroup& cgroup) {
  return on_unified ? cgroup.folder : "";
}

std::string files_of(const Cgroup& cgroup, Controller controller) {
  if (is_legacy(controller)) return in_mount(mounts_of[controller], cgroup.folder);
  if (!on_unified) return "";
  const char* name = controller == Controller::kMemory ? "memory"
                     : controller == Controller::kDisk ? "io"
                                                       : "cpu";
  std::string here = " " + read_file(cgroup.folder + "/cgroup.controllers") + " ";
  std::replace(here.begin(), here.end(), '\n', ' ');
  return here.find(" " + std::string(name) + " ") == here.npos ? "" : cgroup.folder;
}

void remove_cgroup(const Cgroup& cgroup) {
  ck_assert_msg(rmdir(cgroup.folder.c_str()) == 0, "rmdir %s: %s", cgroup.folder.c_str(),
                strerror(errno));
  for (const Legacy& each : legacy_mounts) {
    std::string folder = in_mount(each.mount, cgroup.folder);
    ck_assert_msg(rmdir(folder.c_str()) == 0 || errno == ENOENT, "rmdir %s: %s", folder.c_str(),
                  strerror(errno));
  }
}

void enter(const Cgroup& cgroup) {
  ck_assert_msg(move_self(cgroup.folder), "enter %s: %s", cgroup.folder.c_str(), strerror(errno));
  for (const Legacy& each : legacy_mounts) {
    std::string folder = in_mount(each.mount, cgroup.folder);
    if (access(folder.c_str(), F_OK) == 0)
      ck_assert_msg(move_self(folder), "enter %s: %s", folder.c_str(), strerror(errno));
  }
}

void leave_cgroup() {
  bool left = move_self(home_folder);
  for (const Legacy& each : legacy_mounts)
    left = move_self(each.home) && left;
  if (left) return;
  perror(home_folder.c_str());
  abort();
}

}  // namespace kubepulse::live
