// Reads what the kernel counts of cgroups, from the files of whichever hierarchies there are.
#ifndef KUBEPULSE_COLLECT_CGROUP_STATS_H
#define KUBEPULSE_COLLECT_CGROUP_STATS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/flat_map.h"
#include "base/status.h"
#include "collect/cgroup_stat_text.h"

namespace kubepulse {

// Mount points, "" where there is none. A controller is in its v1 hierarchy where that is mounted,
// else in the unified one (v2); two v1 controllers may share a hierarchy.
struct CgroupStatMounts {
  std::string unified;
  std::string cpu, cpuacct, memory, blkio;  // v1
};

// What is to be read, each for its own files. Times are of an idle cgroup on a 2-CPU machine with
// Linux 6.18, files kept open; to open one anew costs 2 us more. A cgroup at work costs more: the
// kernel first adds up what its CPUs have counted, in memory.stat up to 16 us, in others up to 8.
enum CgroupStatKind : uint32_t {
  kStatCpu = 1 << 0,          // usage and throttling; 0.4 us
  kStatPressure = 1 << 1,     // three files, v2 only; 1.8 us
  kStatMemory = 1 << 2,       // usage and limit; 0.4 us
  kStatWorkingSet = 1 << 3,   // usage and memory.stat; 2.4 us
  kStatOomKills = 1 << 4,     // 0.2 us
  kStatMajorFaults = 1 << 5,  // memory.stat, which is read once for both; 2.2 us
  kStatDisks = 1 << 6,        // 0.4 us, more with many disks
  kStatCpuLimit = 1 << 7,     // 0.2 us, in v1 twice that
  kStatAll = (1 << 8) - 1,
};

enum class CgroupRead {
  done,
  absent,  // it is there, but in no hierarchy that was asked
  gone,    // the cgroup is not there any more, or was never added
  failed,  // no descriptor or no memory was to be had; it may go well the next time
};

class CgroupStatReader {
 public:
  static constexpr size_t kCgroupsMax = 4096;
  // Descriptors that are kept open, and never more than a quarter of RLIMIT_NOFILE. The kernel
  // holds some 5 KiB for each, which count for our own cgroup, whose limit is worth more than the
  // time that others take to be opened.
  static constexpr size_t kFdsMax = 512;
  // Of a file more is not read; whole lines are.
  static constexpr size_t kFileBytesMax = 16 << 10;
  // What a cgroup has not got is looked for again at every kLookAgain-th read: controllers may be
  // turned on late, and a new cgroup may not be in all hierarchies yet.
  static constexpr uint32_t kLookAgain = 16;

  // Fails where no hierarchy can be opened. `fds_max` 0 keeps none.
  static Result<CgroupStatReader> open(const CgroupStatMounts& mounts, size_t fds_max = kFdsMax);

  // `path` is below each of the mount points, "/" for the root; `id`, not 0, is the caller's name
  // for it. Nothing is read yet. An id that is known takes the new path, or is left as it is where
  // that is no new one. False where kCgroupsMax are held.
  bool add(uint64_t id, std::string_view path);
  void remove(uint64_t id);

  // Reads the files that `wanted`, a set of CgroupStatKind, asks for. `stats` is written where it
  // is done, and holds what was not asked for only as far as it came along; else it is left as it
  // was: the last values of a cgroup that is gone, which is then removed. One that was made anew
  // under the same path is another one. In v1 a cgroup is gone as soon as one hierarchy that was
  // asked has lost it.
  CgroupRead read(uint64_t id, uint32_t wanted, CgroupStats& stats);

  size_t cgroups() const { return cgroups_.size(); }
  size_t open_fds() const { return open_fds_; }

 private:
  enum Hierarchy : uint8_t { kUnified, kCpu, kCpuacct, kMemory, kBlkio, kHierarchies };
  using Parse = void (*)(std::string_view text, CgroupStats& stats);
  struct File {
    const char* name;
    const char* other_name;  // on an older kernel; or null
    Hierarchy hierarchy;
    uint32_t serves;  // CgroupStatKind
    Parse parse;
  };
  struct Held {
    std::string path;
    uint64_t inodes[kHierarchies] = {};  // 0: not met there
    std::vector<Fd> kept;                // by file; none where it is not kept
    uint32_t absent = 0;                 // bits by file
    uint32_t reads = 0;
  };
  // What one read() has come to know.
  struct Visit {
    Fd folders[kHierarchies];
    bool lives[kHierarchies] = {};
    CgroupStats stats;
  };
  // Of a file or folder: `missing` is no error.
  enum class Found { yes, missing, gone, failed };

  CgroupStatReader() : cgroups_(kCgroupsMax) {}
  void choose_files(const CgroupStatMounts& mounts);
  void use(const File* files, size_t count);  // of one hierarchy
  Found read_file(Held& held, size_t index, Visit& visit);
  Found open_folder(Held& held, Hierarchy hierarchy, Visit& visit);
  Found check_lives(Held& held, uint32_t wanted, Visit& visit);
  CgroupRead give_up(uint64_t id, Found why);
  // openat(); out of descriptors, those that are kept are let go, and fewer are kept from then on.
  Fd open_below(int folder, const char* name, int flags);
  void drop(Held& held);

  Fd roots_[kHierarchies];
  std::vector<File> files_;
  FlatMap<Held> cgroups_;
  size_t fds_max_ = 0;
  size_t open_fds_ = 0;
};

}  // namespace kubepulse

#endif
