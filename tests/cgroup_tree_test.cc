#include "identity/cgroup_tree.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string described(const CgroupMounts& mounts) {
  return mounts.unified + " | " + mounts.legacy + " | " + mounts.legacy_controller;
}

std::string parsed(std::string_view mountinfo) {
  return described(parse_cgroup_mounts(mountinfo));
}

#define V2 "29 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1(controllers) \
  "39 31 0:36 / /sys/fs/cgroup/" controllers " rw,relatime - cgroup cgroup rw," controllers "\n"

START_TEST(mounts) {
  CHECK_TEXT(parsed("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" V2),
             "/sys/fs/cgroup |  | ");
  CHECK_TEXT(parsed(V1("cpu,cpuacct") V1("pids") V1("memory")), " | /sys/fs/cgroup/pids | pids");
  CHECK_TEXT(parsed(V1("memory") V1("cpu,cpuacct")), " | /sys/fs/cgroup/memory | memory");
  CHECK_TEXT(parsed(V1("blkio") V1("cpu,cpuacct")), " | /sys/fs/cgroup/cpu,cpuacct | cpu");
  CHECK_TEXT(parsed(V1("cpuset") "38 31 0:37 / /s rw - cgroup cgroup rw,xattr,name=systemd\n"),
             " |  | ");
  CHECK_TEXT(
      parsed(V1("pids") "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - "
                        "cgroup2 cgroup2 rw"),
      "/sys/fs/cgroup/unified | /sys/fs/cgroup/pids | pids");
}
END_TEST

START_TEST(mounts_more_than_once) {
  // The first of equals; a part is none.
  CHECK_TEXT(parsed("1 1 0:26 /docker/x /a rw - cgroup2 c rw\n2 1 0:26 / /b rw - cgroup2 c rw\n"
                    "3 1 0:26 / /c rw - cgroup2 c rw\n"),
             "/b |  | ");
  CHECK_TEXT(parsed("1 1 0:26 /docker/x /a rw - cgroup cgroup rw,pids\n"), " |  | ");
  // In a cgroup namespace of one's own "/" is only the own part, "/../.." all of it.
  CHECK_TEXT(parsed("1 1 0:26 / /sys/fs/cgroup ro - cgroup2 c rw\n"
                    "2 1 0:26 /../../.. /host/sys/fs/cgroup ro - cgroup2 c rw\n"
                    "3 1 0:26 /../../../x /x ro - cgroup2 c rw\n"
                    "4 1 0:30 / /sys/fs/cgroup/pids ro - cgroup c rw,pids\n"
                    "5 1 0:30 /.. /host/pids ro - cgroup c rw,pids\n"
                    "6 1 0:31 /../.. /host/memory ro - cgroup c rw,memory\n"),
             "/host/sys/fs/cgroup | /host/pids | pids");
}
END_TEST

std::string counted(std::string_view mountinfo) {
  CgroupMounts mounts = parse_cgroup_mounts(mountinfo);
  return mounts.cpu + " | " + mounts.cpuacct + " | " + mounts.memory + " | " + mounts.blkio;
}

START_TEST(mounts_of_what_is_counted) {
  CHECK_TEXT(counted(V2), " |  |  | ");
  CHECK_TEXT(counted(V1("cpu,cpuacct") V1("memory") V1("blkio") V1("pids")),
             "/sys/fs/cgroup/cpu,cpuacct | /sys/fs/cgroup/cpu,cpuacct | /sys/fs/cgroup/memory | "
             "/sys/fs/cgroup/blkio");
  // A hybrid host: each controller is in one of the two.
  CHECK_TEXT(counted(V2 V1("cpuset") V1("cpuacct") V1("memory")),
             " | /sys/fs/cgroup/cpuacct | /sys/fs/cgroup/memory | ");
  CHECK_TEXT(counted("4 1 0:30 / /own/memory ro - cgroup c rw,memory\n"
                     "5 1 0:30 /.. /host/memory ro - cgroup c rw,memory\n"
                     "6 1 0:30 /docker/x /part/memory ro - cgroup c rw,memory\n"),
             " |  | /host/memory | ");
}
END_TEST

START_TEST(mounts_odd_text) {
  CHECK_TEXT(parsed("29 24 0:26 / /my\\040cgroup\\134x\\011 rw - cgroup2 cgroup2 rw\n"),
             "/my cgroup\\x\t |  | ");
  CHECK_TEXT(parsed("29 24 0:26 / /a\\04 rw - cgroup2 cgroup2 rw\n"), "/a\\04 |  | ");
  for (const char* text : {"", "\n\n", "1 2 3 / /a", "1 2 3 / /a rw - ", "1 2 3 / - cgroup2 c rw",
                           "- - - - - - -", "1 2 3 // /a rw - cgroup2 c rw"}) {
    CHECK_TEXT(parsed(text), " |  | ");
  }
}
END_TEST

std::string
    temporary_dir;  // made and removed outside of the fork: a failed assert runs no destructor
const char* const kUnifiedName = "/kubepulse-cgroup-tree-test";

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// A small tree of plain folders in place of a cgroup file system: no root is needed to scan it.
CgroupTree plain_tree() {
  std::string point = temporary_dir + "/cg roup";
  for (const char* dir : {"", "/a", "/a/b", "/a/b/c", "/d"})
    mkdir((point + dir).c_str(), 0755);
  write_file(point + "/a/file", "");
  mkdir((temporary_dir + "/self").c_str(), 0755);
  mkdir((temporary_dir + "/42").c_str(), 0755);
  write_file(temporary_dir + "/self/mountinfo",
             "1 1 0:1 / " + temporary_dir + "/cg\\040roup rw - cgroup2 cgroup2 rw\n");
  write_file(temporary_dir + "/42/cgroup", "3:cpu:/\n0::/system.slice/a.service\n");
  Result<CgroupTree> tree = CgroupTree::open(temporary_dir);
  ck_assert_msg(tree.ok(), "%s", tree.ok() ? "" : tree.status().message().c_str());
  return std::move(tree.value());
}

START_TEST(scans_where_ids_cannot_be_opened) {
  CgroupTree tree = plain_tree();
  ck_assert(tree.scans());
  uint64_t now = 5 * kNsPerSecond;
  uint64_t c = tree.id_of_path("/a/b/c");
  ck_assert_uint_ne(c, 0);
  CHECK_TEXT(tree.path_of(c, now), "/a/b/c");
  // One scan serves all that it met.
  CHECK_TEXT(tree.path_of(1, now), "/");
  CHECK_TEXT(tree.path_of(1 | kLegacyBit, now), "/");
  CHECK_TEXT(tree.path_of(tree.id_of_path("/d"), now), "/d");
  CHECK_TEXT(tree.path_of(tree.id_of_path("/a/file"), now), "");
  // The next is due a second later.
  mkdir((temporary_dir + "/cg roup/late").c_str(), 0755);
  uint64_t late = tree.id_of_path("late");
  CHECK_TEXT(tree.path_of(late, now + kNsPerSecond - 1), "");
  CHECK_TEXT(tree.path_of(late, now + kNsPerSecond), "/late");
  CHECK_TEXT(tree.path_of(c | kLegacyBit, now + 9 * kNsPerSecond), "");
  ck_assert_uint_eq(tree.id_of_path("/none"), 0);
  // The root of a mount that is not the root of its hierarchy is not the kernel.
  CHECK_TEXT(tree.path_of(tree.id_of_path("/"), now + 9 * kNsPerSecond), "");
}
END_TEST

START_TEST(paths_of_processes) {
  CgroupTree tree = plain_tree();
  CHECK_TEXT(tree.path_of_pid(42), "/system.slice/a.service");
  CHECK_TEXT(tree.path_of_pid(43), "");
  write_file(temporary_dir + "/42/cgroup", "0::/\n");
  CHECK_TEXT(tree.path_of_pid(42), "/");
  // This file is no initial cgroup namespace: "/" is the reader's own cgroup, whatever that is.
  mkdir((temporary_dir + "/self/ns").c_str(), 0755);
  write_file(temporary_dir + "/self/ns/cgroup", "");
  CHECK_TEXT(plain_tree().path_of_pid(42), "/system.slice/a.service");
  write_file(temporary_dir + "/42/cgroup", "0::/\n");
  Result<CgroupTree> inside = CgroupTree::open(temporary_dir);
  ck_assert(inside.ok());
  CHECK_TEXT(inside.value().path_of_pid(42), "");
  // Cut at 16 KiB: the line that was cut is not taken for a whole one.
  std::string filler;
  while (filler.size() < 20000)
    filler += "3:cpu:/" + std::string(991, 'x') + "\n";
  write_file(temporary_dir + "/42/cgroup", "0::/a\n" + filler);
  CHECK_TEXT(tree.path_of_pid(42), "/a");
}
END_TEST

START_TEST(no_hierarchy) {
  Result<CgroupTree> tree = CgroupTree::open(temporary_dir + "/none");
  ck_assert(!tree.ok());
  ck_assert(tree.status().message().find("mountinfo") != std::string::npos);
  mkdir((temporary_dir + "/self").c_str(), 0755);
  write_file(temporary_dir + "/self/mountinfo", "1 1 0:1 / /none/there rw - cgroup2 cgroup2 rw\n");
  Result<CgroupTree> missing = CgroupTree::open(temporary_dir);
  ck_assert(!missing.ok());
  CHECK_TEXT(missing.status().message(), "/none/there: No such file or directory");
}
END_TEST

// The real ones. Each test gets the folder or says why not.
bool make_cgroup(const std::string& point, const std::string& below) {
  std::string path = point + kUnifiedName + below;
  if (!point.empty() && (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST)) return true;
  printf("skipped: %s: %s\n", path.c_str(), point.empty() ? "no such hierarchy" : strerror(errno));
  return false;
}

void drop_capabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ck_assert_int_eq(syscall(SYS_capset, &header, none), 0);
}

void check_real(bool legacy, bool privileged) {
  Result<CgroupTree> opened = CgroupTree::open();
  if (!opened.ok()) {
    printf("skipped: %s\n", opened.status().message().c_str());
    return;
  }
  CgroupTree tree = std::move(opened.value());
  std::string point = legacy ? tree.mounts().legacy : tree.mounts().unified;
  if (!make_cgroup(point, "") || !make_cgroup(point, "/in ner\\x")) return;
  std::string path = std::string(kUnifiedName) + "/in ner\\x";
  uint64_t id = tree.id_of_path(path, legacy);
  ck_assert_int_eq((id & kLegacyBit) != 0, legacy);
  ck_assert(!tree.scans());
  if (!privileged) drop_capabilities();
  uint64_t now = monotonic_ns();
  CHECK_TEXT(tree.path_of(id, now), path);
  if (privileged && tree.scans()) printf("skipped: no CAP_DAC_READ_SEARCH: open_by_handle_at\n");
  if (!privileged) ck_assert(tree.scans());
  CHECK_TEXT(tree.path_of(tree.id_of_path("/", legacy), now), "/");
  CHECK_TEXT(tree.path_of(id ^ (uint64_t{1} << 40), now + 2 * kNsPerSecond), "");
  ck_assert_int_eq(rmdir((point + path).c_str()), 0);
  if (privileged && !tree.scans()) CHECK_TEXT(tree.path_of(id, now), "");
  ck_assert_uint_eq(tree.id_of_path(path, legacy), 0);
}

START_TEST(real_unified) {
  check_real(false, true);
}
END_TEST
START_TEST(real_unified_without_capabilities) {
  check_real(false, false);
}
END_TEST
START_TEST(real_legacy) {
  check_real(true, true);
}
END_TEST
START_TEST(real_legacy_without_capabilities) {
  check_real(true, false);
}
END_TEST

START_TEST(leaks_no_descriptor_to_children) {
  CgroupTree tree = plain_tree();
  for (int fd = 3; fd < 64; fd++) {
    struct stat held = {};
    if (fstat(fd, &held) != 0 || !S_ISDIR(held.st_mode)) continue;
    ck_assert_msg((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "fd %d", fd);
  }
}
END_TEST

void setup() {
  char name[] = "/tmp/kubepulse-cgroup-tree-XXXXXX";
  temporary_dir = mkdtemp(name);
}

void teardown() {
  if (Result<CgroupTree> tree = CgroupTree::open(); tree.ok()) {
    for (const std::string& point : {tree.value().mounts().unified, tree.value().mounts().legacy}) {
      if (point.empty()) continue;
      rmdir((point + kUnifiedName + "/in ner\\x").c_str());
      rmdir((point + kUnifiedName).c_str());
    }
  }
  std::string command = "rm -rf '" + temporary_dir + "'";
  if (system(command.c_str()) != 0) printf("left behind: %s\n", temporary_dir.c_str());
}

}  // namespace

int main() {
  Suite* suite = suite_create("cgroup_tree");
  TCase* cases = tcase_create("cgroup_tree");
  tcase_add_unchecked_fixture(cases, setup, teardown);
  for (const TTest* test :
       {mounts, mounts_more_than_once, mounts_of_what_is_counted, mounts_odd_text,
        scans_where_ids_cannot_be_opened, paths_of_processes, no_hierarchy, real_unified,
        real_unified_without_capabilities, real_legacy, real_legacy_without_capabilities,
        leaks_no_descriptor_to_children}) {
    tcase_add_test(cases, test);
  }
  suite_add_tcase(suite, cases);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
