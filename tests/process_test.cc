#include "collect/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(descriptors_are_counted) {
  uint64_t before = own_cost().open_fds;
  ck_assert_uint_ge(before, 3);
  Fd fds[5];
  for (Fd& fd : fds)
    fd.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ck_assert_uint_eq(own_cost().open_fds, before + 5);
}
END_TEST

START_TEST(limit_of_descriptors) {
  rlimit limit{100, 200};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  allow_many_fds();
  ck_assert_uint_eq(own_cost().max_fds, 200);
}
END_TEST

}  // namespace

CHECK_MAIN("process", descriptors_are_counted, limit_of_descriptors)
