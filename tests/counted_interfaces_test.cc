#include "counted_interfaces.h"

#include "tests/captured_log.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(none_asked_for) {
  CapturedLog log;
  auto loop = Loop::create();
  ck_assert(loop.ok());
  CountedInterfaces interfaces;
  interfaces.open({}, {});
  interfaces.watch(loop.value());
  ck_assert(interfaces.signals().empty() && interfaces.outcome().empty());
  ck_assert(interfaces.frames().empty());
  interfaces.each_program([](const bpf_program*) { ck_abort_msg("there is none"); });
  CHECK_TEXT(log.text(), "");
}
END_TEST

// Whoever may load programs, the kernel takes neither of these.
START_TEST(no_program) {
  CapturedLog log;
  CountedInterfaces interfaces;
  LoadSettings settings;
  settings.broken = {"frames_in", "frames_in_plain"};
  interfaces.open({"lo", "eth0"}, settings);
  std::vector<Attached> outcome = interfaces.outcome();
  ck_assert_uint_eq(outcome.size(), 2);
  CHECK_TEXT(outcome[0].signal, "interface:lo");
  CHECK_TEXT(outcome[1].signal, "interface:eth0");
  for (const Attached& each : outcome)
    ck_assert(each.flavour.empty() && !each.refused_text().empty());
  ck_assert_uint_eq(interfaces.signals().size(), 2);
  CHECK_TEXT(interfaces.signals()[1].name, "interface:eth0");
  ck_assert(interfaces.frames().empty());
  std::string text = log.text();
  ck_assert_msg(text.find("{\"level\":\"warn\",\"msg\":\"interfaces are not counted\"") == 0, "%s",
                text.c_str());
}
END_TEST

}  // namespace

CHECK_MAIN("counted_interfaces", none_asked_for, no_program)
