#include "top/controls.h"

#include <set>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Effect = Controls::Effect;

START_TEST(sorts) {
  std::set<char> keys;
  size_t number = 0;
  for (const SortKey& each : kSortKeys) {
    Controls controls;
    ck_assert(controls.press(each.key) == Effect::redraw);
    ck_assert(controls.sort == each.by && static_cast<size_t>(each.by) == number++);
    CHECK_TEXT(sort_name(each.by), each.name);
    SortBy by = SortBy::bytes;
    ck_assert(set_sort(by, each.name) && by == each.by);
    keys.insert(each.key);
  }
  ck_assert_uint_eq(keys.size(), number);
  SortBy by = SortBy::p95;
  ck_assert(!set_sort(by, "cpu") && by == SortBy::p95);
  CHECK_TEXT(sort_names(),
             "bytes, connections, failures, p50, p95, dns, nxdomain, in, out, drops, retransmits, "
             "rtt or name");
}
END_TEST

START_TEST(keys) {
  Controls controls;
  ck_assert(controls.press('r') == Effect::redraw && controls.reverse);
  ck_assert(controls.press('r') == Effect::redraw && !controls.reverse);
  ck_assert(controls.press(' ') == Effect::redraw && controls.paused);
  ck_assert(controls.press('h') == Effect::redraw && controls.help);
  ck_assert(controls.press('?') == Effect::redraw && !controls.help);
  ck_assert(controls.press('\x0c') == Effect::redraw);
  ck_assert(controls.press('z') == Effect::none);
  ck_assert(controls.press('q') == Effect::quit && controls.press('\x03') == Effect::quit);
}
END_TEST

// Arrow keys and their like hold letters that mean something else.
START_TEST(escapes) {
  for (const char* sequence : {"\x1b[A", "\x1bOa", "\x1b[5~", "\x1b[1;5D", "\x1bq"}) {
    Controls controls;
    for (const char* c = sequence; *c != '\0'; c++)
      ck_assert_msg(controls.press(*c) == Effect::none, "%s", sequence + 1);
    ck_assert(controls.press('c') == Effect::redraw && controls.sort == SortBy::connections);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("controls", sorts, keys, escapes)
