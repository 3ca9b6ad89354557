#include "collect/cgroup_root.h"

#include <fcntl.h>

#include "identity/cgroup_tree.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(not_mounted) {
  Result<Fd> root = open_cgroup_root("");
  ck_assert(!root.ok());
  ck_assert(root.status().message().find("no cgroup v2 is mounted") == 0);
}
END_TEST

START_TEST(no_such_folder) {
  CHECK_TEXT(open_cgroup_root("/nonexistent").status().message(),
             "/nonexistent: No such file or directory");
  ck_assert(!open_cgroup_root("/proc/self/status").ok());
}
END_TEST

// As a container's own namespace shows it.
START_TEST(part_of_the_tree) {
  CHECK_TEXT(open_cgroup_root("/tmp").status().message(),
             "/tmp is not the root of cgroup v2; mount the host's");
}
END_TEST

// Where this machine has one and shows it.
START_TEST(the_root) {
  auto tree = CgroupTree::open("/proc");
  if (!tree.ok() || tree.value().mounts().unified.empty()) return;
  Result<Fd> root = open_cgroup_root(tree.value().mounts().unified);
  if (root.ok()) ck_assert((fcntl(root.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_root", not_mounted, no_such_folder, part_of_the_tree, the_root)
