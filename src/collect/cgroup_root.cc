#include "collect/cgroup_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace kubepulse {

Result<Fd> open_cgroup_root(const std::string& mount_point) {
  if (mount_point.empty())
    return Status::error("no cgroup v2 is mounted, and on v1 alone there is nothing to hang on");
  Fd root(open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat about {};
  if (!root || fstat(root.get(), &about) != 0) return Status::from_errno(mount_point, errno);
  // Ids count from 1, which the root has (fs/kernfs/dir.c, kernfs_create_root).
  if (about.st_ino != 1)
    return Status::error(mount_point + " is not the root of cgroup v2; mount the host's");
  return root;
}

}  // namespace kubepulse
