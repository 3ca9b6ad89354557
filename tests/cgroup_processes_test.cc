#include "collect/cgroup_processes.h"

#include <unistd.h>

#include <cerrno>

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string text_of(const std::vector<uint32_t>& pids) {
  std::string text;
  for (uint32_t pid : pids)
    text += std::to_string(pid) + " ";
  return text;
}

START_TEST(whole_lines) {
  CHECK_TEXT(text_of(parse_cgroup_processes("")), "");
  CHECK_TEXT(text_of(parse_cgroup_processes("1\n4194304\n")), "1 4194304 ");
  CHECK_TEXT(text_of(parse_cgroup_processes("12\n34")), "12 ");
  CHECK_TEXT(text_of(parse_cgroup_processes("1\n2\n3\n4\n5\n6\n7\n8\n9\n")), "1 2 3 4 5 6 7 8 ");
}
END_TEST

START_TEST(others) {
  CHECK_TEXT(text_of(parse_cgroup_processes("0\n0\n7\n0\n")), "7 ");
  CHECK_TEXT(text_of(parse_cgroup_processes("x\n-1\n\n4294967296\n2147483648\n 5\n6\n")), "6 ");
}
END_TEST

START_TEST(folders) {
  Folder folder;
  auto none = first_processes(folder.path("none"));
  ck_assert(!none.ok());
  ck_assert_int_eq(none.status().error_number(), ENOENT);
  CHECK_TEXT(none.status().message(),
             folder.path("none") + "/cgroup.procs: No such file or directory");
  folder.make_folder("empty");
  folder.write("empty/cgroup.procs", "");
  ck_assert(first_processes(folder.path("empty")).value().empty());
  folder.make_folder("full");
  std::string text;
  for (int pid = 4000001; pid < 4000101; pid++)
    text += std::to_string(pid) + "\n";
  folder.write("full/cgroup.procs", text);
  CHECK_TEXT(text_of(first_processes(folder.path("full")).value()),
             "4000001 4000002 4000003 4000004 4000005 4000006 4000007 4000008 ");
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_processes", whole_lines, others, folders)
