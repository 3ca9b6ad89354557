#include "load_shedder.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Level = LoadShedder::Level;

constexpr uint64_t kBound = 1000, kT = 5000 * kNsPerSecond;

// Events at a steady rate, and a look at them every 20 ms, as the rings are drained.
struct Load {
  explicit Load(uint64_t bound) : shedder(bound) { shedder.look(now_ns, events); }

  void run(uint64_t seconds, uint64_t per_second) {
    for (uint64_t i = 0; i < seconds * 50; i++) {
      now_ns += 20 * kNsPerMs;
      events += per_second / 50;
      changes += shedder.look(now_ns, events) ? 1 : 0;
    }
  }
  // As on a node without events.
  void rest(uint64_t seconds) { now_ns += seconds * kNsPerSecond; }
  // As the timer does while load is shed.
  void look_each_second(unsigned times) {
    for (unsigned i = 0; i < times; i++) {
      now_ns += kNsPerSecond;
      changes += shedder.look(now_ns, events) ? 1 : 0;
    }
  }

  LoadShedder shedder;
  uint64_t now_ns = kT;
  uint64_t events = 77;
  unsigned changes = 0;
};

START_TEST(within_the_bound) {
  Load load(kBound);
  load.run(100, kBound);
  ck_assert(load.changes == 0 && load.shedder.level() == Level::all);
  ck_assert_uint_eq(load.shedder.rate(), kBound);
}
END_TEST

START_TEST(never) {
  Load load(0);
  load.run(10, 1000 * kBound);
  ck_assert(load.changes == 0 && load.shedder.level() == Level::all);
}
END_TEST

START_TEST(one_step_a_window) {
  Load load(kBound);
  load.run(1, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_event_log);
  load.run(1, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_flows);
  load.run(100, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_flows && load.changes == 2);
}
END_TEST

// All of it within a tenth of a second: nobody waits for the second to end.
START_TEST(a_flood) {
  Load load(kBound);
  load.now_ns += 50 * kNsPerMs;
  load.events += kBound;
  ck_assert(!load.shedder.look(load.now_ns, load.events));
  load.events++;
  ck_assert(load.shedder.look(load.now_ns, load.events));
  ck_assert(load.shedder.level() == Level::without_event_log);
  ck_assert_uint_eq(load.shedder.rate(), kBound + 1);
  // However many more there are in this second, the next step takes another one.
  for (int i = 0; i < 47; i++) {
    load.now_ns += 20 * kNsPerMs;
    load.events += 5 * kBound;
    ck_assert(!load.shedder.look(load.now_ns, load.events));
  }
  load.run(1, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_event_log);
  load.run(1, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_flows && load.changes == 1);
}
END_TEST

// Whatever it had, it was one second.
START_TEST(one_burst) {
  Load load(kBound);
  for (int i = 0; i < 3; i++) {
    load.now_ns += 10 * kNsPerMs;
    load.events += 100 * kBound;
    ck_assert(load.shedder.look(load.now_ns, load.events) == (i == 0));
  }
  load.look_each_second(LoadShedder::kCalmWindows);
  ck_assert(load.shedder.level() == Level::without_event_log && load.changes == 0);
  // From there on nothing is done before the second is over, either.
  load.now_ns += 10 * kNsPerMs;
  load.events += 100 * kBound;
  ck_assert(!load.shedder.look(load.now_ns, load.events));
  load.look_each_second(1);
  ck_assert(load.shedder.level() == Level::without_flows);
}
END_TEST

START_TEST(down_once_it_is_calm) {
  Load load(kBound);
  load.run(5, 3 * kBound);
  ck_assert(load.changes == 2);
  // Not below three quarters: it may go on for ever.
  load.run(100, kBound * 3 / 4 + 50);
  ck_assert(load.shedder.level() == Level::without_flows);
  load.run(LoadShedder::kCalmWindows - 1, kBound / 2);
  ck_assert(load.shedder.level() == Level::without_flows);
  load.run(2, kBound / 2);
  ck_assert(load.shedder.level() == Level::without_event_log);
  // The next step takes as long again.
  load.run(LoadShedder::kCalmWindows - 2, kBound / 2);
  ck_assert(load.shedder.level() == Level::without_event_log);
  load.run(2, kBound / 2);
  ck_assert(load.shedder.level() == Level::all && load.changes == 4);
}
END_TEST

START_TEST(calm_that_is_broken) {
  Load load(kBound);
  load.run(1, kBound + 100);
  for (int i = 0; i < 5; i++) {
    load.run(LoadShedder::kCalmWindows - 2, 100);
    load.run(2, kBound * 9 / 10);
  }
  ck_assert(load.shedder.level() == Level::without_event_log && load.changes == 1);
}
END_TEST

START_TEST(no_more_events) {
  Load load(kBound);
  load.run(3, 2 * kBound);
  load.look_each_second(2 * LoadShedder::kCalmWindows + 1);
  ck_assert(load.shedder.level() == Level::all);
  ck_assert_uint_eq(load.shedder.rate(), 0);
}
END_TEST

// What came in an hour is not what came in a second; and of what comes behind it each second
// counts.
START_TEST(after_a_rest) {
  Load load(kBound);
  load.rest(3600);
  load.events += kBound / 2;
  ck_assert(!load.shedder.look(load.now_ns, load.events));
  load.run(1, 2 * kBound);
  ck_assert(load.shedder.level() != Level::all);
}
END_TEST

START_TEST(clock_leaps_ahead) {
  Load load(kBound);
  load.run(3, 2 * kBound);
  // One window, however long it was.
  load.rest(100000);
  load.look_each_second(LoadShedder::kCalmWindows - 1);
  ck_assert(load.shedder.level() == Level::without_flows);
  load.run(3, 2 * kBound);
  ck_assert(load.shedder.level() == Level::without_flows && load.changes == 2);
}
END_TEST

START_TEST(clock_goes_back) {
  Load load(kBound);
  load.run(1, kBound / 2);
  load.now_ns = 0;
  ck_assert(!load.shedder.look(load.now_ns, load.events));
  load.run(2, kBound / 2);
  ck_assert(load.changes == 0);
  load.run(2, kBound + 100);
  ck_assert(load.shedder.level() == Level::without_flows);
  load.now_ns -= kNsPerSecond;
  load.run(LoadShedder::kCalmWindows + 1, 0);
  ck_assert(load.shedder.level() == Level::without_event_log);
}
END_TEST

START_TEST(count_goes_back) {
  Load load(kBound);
  load.run(1, kBound / 2);
  load.events = 0;
  ck_assert(!load.shedder.look(load.now_ns, load.events));
  load.run(5, kBound / 2);
  ck_assert(load.changes == 0);
}
END_TEST

START_TEST(any_numbers) {
  for (uint64_t bound : {uint64_t{1}, kBound, UINT64_MAX}) {
    LoadShedder shedder(bound);
    for (uint64_t now_ns : {uint64_t{0}, UINT64_MAX, uint64_t{1}, UINT64_MAX - 1})
      for (uint64_t events : {uint64_t{0}, UINT64_MAX, uint64_t{1}, UINT64_MAX - 1})
        shedder.look(now_ns, events);
    ck_assert(shedder.level() <= Level::without_flows);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("load_shedder", within_the_bound, never, one_step_a_window, a_flood, one_burst,
           down_once_it_is_calm, calm_that_is_broken, no_more_events, after_a_rest,
           clock_leaps_ahead, clock_goes_back, count_goes_back, any_numbers)
