// The file systems that a process has mounted and that can run full, from /proc/PID/mountinfo.
#ifndef KUBEPULSE_COLLECT_MOUNTS_H
#define KUBEPULSE_COLLECT_MOUNTS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/text.h"

namespace kubepulse {

struct Mount {
  std::string point;  // as the process sees it, printable, at most kLabelBytesMax: a label as it is
  uint64_t device = 0;  // the superblock's number: major << 32 | minor
  uint64_t id = 0;      // of the mount, unique on the host while it lasts: that of statx(2)
  // Of overlay, whose number is its own: the folder that has what is written, as whoever mounted it
  // saw it. Its size is that of the file system there.
  std::string upper;
};

constexpr size_t kMountsMax = 16;

struct Mounts {
  // Of the mount namespace: the inode of /proc/PID/ns/mnt. 0 from the parser.
  uint64_t mount_namespace = 0;
  std::vector<Mount> mounts;  // in the order of mounting, so that what lies below comes later
  size_t left_out = 0;        // worth showing, but beyond kMountsMax
};

// From the text of mountinfo. Left out is:
// - what is no storage: proc, sysfs, cgroup, devpts and their like, and images, which are always
//   full;
// - whatever is mounted in /proc, /sys and /dev, but for /dev/shm: its 64 MiB do run full;
// - tmpfs that this process cannot write to: secrets, tokens, masks over the kernel's files. What
//   remains is `emptyDir` in memory, and /run and /tmp of hosts;
// - overlay but for the root: the roots of other containers, as a runtime sees them, and likewise
//   what lies in the folders of kubelet and runtimes;
// - the files that each container has for itself, such as /etc/hosts. Others cannot be told from
//   folders here: a reader has to;
// - what is hidden by a later mount on the same point, the same folder of the same file system once
//   more, and a folder of one that is there as a whole. Two folders of one file system are two, as
//   each may have a quota of its own.
// Beyond kMountsMax, whole file systems stay and parts of them go. Pure.
Mounts parse_mounts(std::string_view mountinfo);

// Whether `point` is `folder` or lies below it.
bool lies_in(std::string_view point, std::string_view folder);

// Costs some 1.5 us a mount, and a container has 25. Nothing is asked of a file system, so that
// none can block. Needs CAP_SYS_PTRACE for processes of others; fails where the process is gone. Of
// more than 128 KiB (some 800 mounts) the rest is not seen.
Result<Mounts> read_mounts(const std::string& proc_root, uint32_t pid);

// The inode of PROC_ROOT/PID/ns/mnt; 0 where the process is gone, or not ours to see.
uint64_t mount_namespace(const std::string& proc_root, uint32_t pid);

}  // namespace kubepulse

#endif
