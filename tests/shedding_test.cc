#include "shedding.h"

#include <fcntl.h>

#include <string>

#include "base/fd.h"
#include "tests/captured_log.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// A daemon without programs, and so without flows.
struct Bench {
  explicit Bench(uint64_t bound) : shedding(loop, traffic, bound, [this] { return events; }) {
    shedding.set_log(&log);
    shedding.look();
  }
  void come(uint64_t more) {
    events += more;
    shedding.look();
  }

  CapturedLog told;
  Loop loop = std::move(Loop::create().value());
  Fd null{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  EventLog log{loop, null.get()};
  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{}};
  FlowStore flows{store};
  Traffic traffic{workloads, store, flows};
  uint64_t events = 0;
  Shedding shedding;
};

START_TEST(the_event_log_first) {
  Bench bench(1000);
  bench.come(1000);
  ck_assert(bench.log.wants_line());
  CHECK_TEXT(bench.told.text(), "");
  bench.come(5000);
  ck_assert(!bench.log.wants_line());
  std::string text = bench.told.text();
  ck_assert_msg(text.find("\"level\":\"warn\"") != text.npos &&
                    text.find("\"left_out\":\"event log\"") != text.npos,
                "%s", text.c_str());
  // There are no flows that could be left out: nothing to tell.
  bench.come(5000);
  CHECK_TEXT(bench.told.text(), text);
}
END_TEST

START_TEST(never) {
  Bench bench(0);
  for (int i = 0; i < 10; i++)
    bench.come(1000000);
  ck_assert(bench.log.wants_line());
  CHECK_TEXT(bench.told.text(), "");
}
END_TEST

START_TEST(nothing_to_leave_out) {
  Bench bench(1000);
  bench.shedding.set_log(nullptr);
  bench.come(5000);
  bench.come(5000);
  CHECK_TEXT(bench.told.text(), "");
}
END_TEST

}  // namespace

CHECK_MAIN("shedding", the_event_log_first, never, nothing_to_leave_out)
