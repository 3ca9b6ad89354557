#include "collect/cgroup_stats.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace kubepulse {

namespace {

template <PressureOn kResource>
void parse_pressure_on(std::string_view text, CgroupStats& stats) {
  parse_pressure(text, stats.pressure[kResource]);
}

size_t fds_allowed(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<size_t>(std::min<rlim_t>(wanted, limit.rlim_cur / 4));
}

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

}  // namespace

Result<CgroupStatReader> CgroupStatReader::open(const CgroupStatMounts& mounts, size_t fds_max) {
  CgroupStatReader reader;
  reader.fds_max_ = fds_allowed(fds_max);
  const std::pair<Hierarchy, const std::string&> points[] = {{kUnified, mounts.unified},
                                                             {kCpu, mounts.cpu},
                                                             {kCpuacct, mounts.cpuacct},
                                                             {kMemory, mounts.memory},
                                                             {kBlkio, mounts.blkio}};
  Status failure =
      Status::error("no cgroup hierarchy is mounted here, mount the host's /sys/fs/cgroup");
  for (const auto& [hierarchy, point] : points) {
    if (point.empty()) continue;
    reader.roots_[hierarchy].reset(::open(point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!reader.roots_[hierarchy]) failure = Status::from_errno(point, errno);
  }
  reader.choose_files(mounts);
  if (reader.files_.empty()) return failure;
  return reader;
}

void CgroupStatReader::use(const File* files, size_t count) {
  if (roots_[files[0].hierarchy]) files_.insert(files_.end(), files, files + count);
}

// The usage is read before memory.stat, which makes the working set of it.
void CgroupStatReader::choose_files(const CgroupStatMounts& mounts) {
  static constexpr File kPressure[] = {
      {"cpu.pressure", nullptr, kUnified, kStatPressure, parse_pressure_on<kPressureOnCpu>},
      {"memory.pressure", nullptr, kUnified, kStatPressure, parse_pressure_on<kPressureOnMemory>},
      {"io.pressure", nullptr, kUnified, kStatPressure, parse_pressure_on<kPressureOnIo>},
  };
  static constexpr File kUnifiedCpu[] = {
      {"cpu.stat", nullptr, kUnified, kStatCpu, parse_cpu_stat},
      {"cpu.max", nullptr, kUnified, kStatCpuLimit, parse_cpu_max},
  };
  static constexpr File kLegacyCpuacct[] = {
      {"cpuacct.usage", nullptr, kCpuacct, kStatCpu, parse_cpuacct_usage},
  };
  static constexpr File kLegacyCpu[] = {
      {"cpu.stat", nullptr, kCpu, kStatCpu, parse_cpu_stat},
      {"cpu.cfs_quota_us", nullptr, kCpu, kStatCpuLimit, parse_cfs_quota},
      {"cpu.cfs_period_us", nullptr, kCpu, kStatCpuLimit, parse_cfs_period},
  };
  // memory.events and not memory.events.local: a container may make cgroups of its own (systemd, or
  // a container engine in it), and whoever is killed there is killed in the container.
  static constexpr File kUnifiedMemory[] = {
      {"memory.current", nullptr, kUnified, kStatMemory | kStatWorkingSet, parse_memory_usage},
      {"memory.stat", nullptr, kUnified, kStatWorkingSet | kStatMajorFaults, parse_memory_stat},
      {"memory.max", nullptr, kUnified, kStatMemory, parse_memory_limit},
      {"memory.events", nullptr, kUnified, kStatOomKills, parse_oom_kills},
  };
  static constexpr File kLegacyMemory[] = {
      {"memory.usage_in_bytes", nullptr, kMemory, kStatMemory | kStatWorkingSet,
       parse_memory_usage},
      {"memory.stat", nullptr, kMemory, kStatWorkingSet | kStatMajorFaults, parse_memory_stat},
      {"memory.limit_in_bytes", nullptr, kMemory, kStatMemory, parse_memory_limit},
      {"memory.oom_control", nullptr, kMemory, kStatOomKills, parse_oom_kills},
  };
  static constexpr File kUnifiedIo[] = {
      {"io.stat", nullptr, kUnified, kStatDisks, parse_io_stat},
  };
  static constexpr File kLegacyBlkio[] = {
      {"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes", kBlkio,
       kStatDisks, parse_blkio_bytes},
      {"blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced", kBlkio, kStatDisks,
       parse_blkio_operations},
  };
  if (mounts.cpu.empty() && mounts.cpuacct.empty()) use(kUnifiedCpu, std::size(kUnifiedCpu));
  use(kLegacyCpuacct, std::size(kLegacyCpuacct));
  use(kLegacyCpu, std::size(kLegacyCpu));
  use(kPressure, std::size(kPressure));
  if (mounts.memory.empty()) use(kUnifiedMemory, std::size(kUnifiedMemory));
  use(kLegacyMemory, std::size(kLegacyMemory));
  if (mounts.blkio.empty()) use(kUnifiedIo, std::size(kUnifiedIo));
  use(kLegacyBlkio, std::size(kLegacyBlkio));
}

bool CgroupStatReader::add(uint64_t id, std::string_view path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  if (path.empty()) path = ".";
  Held* held = cgroups_.find(id);
  if (held != nullptr && held->path == path) return true;
  remove(id);
  held = cgroups_.insert(id);
  if (held == nullptr) return false;
  held->path = path;
  return true;
}

void CgroupStatReader::remove(uint64_t id) {
  Held* held = cgroups_.find(id);
  if (held == nullptr) return;
  drop(*held);
  cgroups_.erase(id);
}

void CgroupStatReader::drop(Held& held) {
  for (const Fd& kept : held.kept)
    open_fds_ -= kept ? 1 : 0;
  held.kept.clear();
}

Fd CgroupStatReader::open_below(int folder, const char* name, int flags) {
  Fd fd(openat(folder, name, flags | O_CLOEXEC));
  if (fd || (errno != EMFILE && errno != ENFILE) || open_fds_ == 0) return fd;
  // Those who accept connections need them more.
  cgroups_.each([this](uint64_t, Held& held) { drop(held); });
  fds_max_ /= 2;
  fd.reset(openat(folder, name, flags | O_CLOEXEC));
  return fd;
}

CgroupStatReader::Found CgroupStatReader::open_folder(Held& held, Hierarchy hierarchy,
                                                      Visit& visit) {
  if (visit.folders[hierarchy]) return Found::yes;
  uint64_t& inode = held.inodes[hierarchy];
  Fd folder = open_below(roots_[hierarchy].get(), held.path.c_str(), O_PATH | O_DIRECTORY);
  struct stat status {};
  if (!folder || fstat(folder.get(), &status) != 0) {
    if (out_of_resources(errno)) return Found::failed;
    return inode == 0 ? Found::missing : Found::gone;
  }
  if (inode != 0 && inode != status.st_ino) return Found::gone;
  inode = status.st_ino;
  visit.lives[hierarchy] = true;
  visit.folders[hierarchy] = std::move(folder);
  return Found::yes;
}

CgroupStatReader::Found CgroupStatReader::read_file(Held& held, size_t index, Visit& visit) {
  const File& file = files_[index];
  bool kept = index < held.kept.size() && held.kept[index];
  Fd opened;
  if (!kept) {
    Found found = open_folder(held, file.hierarchy, visit);
    if (found != Found::yes) return found;
    int folder = visit.folders[file.hierarchy].get();
    opened = open_below(folder, file.name, O_RDONLY);
    if (!opened && errno == ENOENT && file.other_name != nullptr) {
      opened = open_below(folder, file.other_name, O_RDONLY);
    }
    if (!opened) return out_of_resources(errno) ? Found::failed : Found::missing;
  }
  char text[kFileBytesMax];
  ssize_t size;
  do {
    // At offset 0 the kernel writes the file anew.
    size = pread(kept ? held.kept[index].get() : opened.get(), text, sizeof text, 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    int error = errno;
    if (out_of_resources(error)) return Found::failed;
    if (!kept) return Found::missing;  // EOPNOTSUPP: pressure where the kernel was told psi=0
    held.kept[index].reset();
    open_fds_--;
    // ENODEV: the cgroup is gone, or only the controller.
    return read_file(held, index, visit);
  }
  visit.lives[file.hierarchy] = true;
  std::string_view read(text, static_cast<size_t>(size));
  if (read.size() == sizeof text) read = read.substr(0, read.rfind('\n') + 1);  // npos + 1 is 0
  file.parse(read, visit.stats);
  if (!kept && open_fds_ < fds_max_) {
    held.kept.resize(files_.size());
    held.kept[index] = std::move(opened);
    open_fds_++;
  }
  return Found::yes;
}

// Where nothing was read of what was asked for: whether the cgroup is still there; missing: but in
// no hierarchy that was asked.
CgroupStatReader::Found CgroupStatReader::check_lives(Held& held, uint32_t wanted, Visit& visit) {
  bool asked[kHierarchies] = {};
  bool asked_any = false;
  for (const File& file : files_) {
    if ((file.serves & wanted) == 0) continue;
    asked[file.hierarchy] = asked_any = true;
  }
  for (bool among_asked : {true, false}) {
    bool lives = false;
    for (uint8_t i = 0; i < kHierarchies; i++) {
      auto hierarchy = static_cast<Hierarchy>(i);
      bool is_asked = asked[hierarchy] || !asked_any;
      if (!roots_[hierarchy] || is_asked != among_asked) continue;
      Found found = visit.lives[hierarchy] ? Found::yes : open_folder(held, hierarchy, visit);
      if (found == Found::failed || (found == Found::gone && is_asked)) return found;
      if (found == Found::yes) lives = true;
    }
    if (lives) return among_asked ? Found::yes : Found::missing;
  }
  return Found::gone;
}

CgroupRead CgroupStatReader::give_up(uint64_t id, Found why) {
  if (why == Found::failed) {
    drop(*cgroups_.find(id));
    return CgroupRead::failed;
  }
  remove(id);
  return CgroupRead::gone;
}

CgroupRead CgroupStatReader::read(uint64_t id, uint32_t wanted, CgroupStats& stats) {
  Held* held = cgroups_.find(id);
  if (held == nullptr) return CgroupRead::gone;
  Visit visit;
  if (held->reads++ % kLookAgain == 0) held->absent = 0;
  for (size_t index = 0; index < files_.size(); index++) {
    uint32_t bit = 1U << index;
    if ((files_[index].serves & wanted) == 0 || (held->absent & bit) != 0) continue;
    Found found = read_file(*held, index, visit);
    if (found == Found::gone || found == Found::failed) return give_up(id, found);
    if (found == Found::missing) held->absent |= bit;
  }
  Found found = check_lives(*held, wanted, visit);
  if (found == Found::missing) return CgroupRead::absent;
  if (found != Found::yes) return give_up(id, found);
  stats = visit.stats;
  return CgroupRead::done;
}

}  // namespace kubepulse
