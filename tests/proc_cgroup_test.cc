#include "identity/proc_cgroup.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SLICE "/kubepods.slice/kubepods-pod5f3b0c1e_7a2d_4e7b_9f10_2b6c1d0e9a41.slice"
#define SCOPE SLICE "/cri-containerd-" ID ".scope"

START_TEST(unified) {
  CHECK_TEXT(best_path("0::/system.slice/a.service\n"), "/system.slice/a.service");
  CHECK_TEXT(best_path("0::/"), "/");
  CHECK_TEXT(best_path("0::" SCOPE "/container\n"), SCOPE "/container");
  CHECK_TEXT(best_path("0::/../../init.scope\n"), "/../../init.scope");
}
END_TEST

START_TEST(the_line_that_says_most) {
  CHECK_TEXT(best_path("12:devices:" SLICE "\n4:memory:" SCOPE "\n0::" SLICE "\n"), SCOPE);
  CHECK_TEXT(best_path("12:pids:" SLICE "\n4:memory:/docker/" ID "\n0::/a\n"), "/docker/" ID);
  CHECK_TEXT(best_path("12:pids:" SLICE "\n4:memory:/a.service\n0::/\n"), SLICE);
  CHECK_TEXT(best_path("8:pids:/\n4:memory:/process_api/abc\n0::/\n"), "/process_api/abc");
  CHECK_TEXT(best_path("8:pids:/x\n4:blkio:/system.slice\n0::/\n"), "/system.slice");
}
END_TEST

START_TEST(ties) {
  CHECK_TEXT(best_path("4:memory:/m\n5:pids:/p\n1:name=systemd:/s\n0::/u\n"), "/u");
  CHECK_TEXT(best_path("1:name=systemd:/s\n5:pids:/p\n4:memory:/m\n3:cpu:/c\n"), "/m");
  CHECK_TEXT(best_path("3:cpu,cpuacct:/c\n1:name=systemd:/s\n5:pids:/p\n"), "/p");
  CHECK_TEXT(best_path("3:cpu,cpuacct:/c\n1:name=systemd:/s\n"), "/s");
  CHECK_TEXT(best_path("3:cpu,cpuacct:/c\n2:blkio:/b\n"), "/c");
  CHECK_TEXT(best_path("3:cpu:/c\n2:cpuset,memory:/m\n"), "/m");
}
END_TEST

START_TEST(odd_text) {
  CHECK_TEXT(best_path(""), "");
  CHECK_TEXT(best_path("\n\n"), "");
  CHECK_TEXT(best_path("0::"), "");
  CHECK_TEXT(best_path("no colons\n0:one\n0::relative\n"), "");
  CHECK_TEXT(best_path("0::/a:b:c\n"), "/a:b:c");
  CHECK_TEXT(best_path("1:name=systemd:/x.slice:docker:" ID "\n0::/\n"), "/x.slice:docker:" ID);
  CHECK_TEXT(best_path("0::/a (deleted)\n"), "/a (deleted)");
}
END_TEST

}  // namespace

CHECK_MAIN("proc_cgroup", unified, the_line_that_says_most, ties, odd_text)
