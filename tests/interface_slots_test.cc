#include "collect/interface_slots.h"

#include <linux/if_link.h>

#include <cerrno>
#include <map>

#include "tests/captured_log.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Interfaces of a kernel that is none.
struct Bench {
  std::map<std::string, InterfaceState> interfaces;
  std::map<size_t, uint32_t> attached;  // index by slot
  std::string done;
  std::string flavour = "native";
  int looks = 0;
  int refusal = 0;  // errno, whatever the interface is like
  uint64_t now_ns = 0;
  InterfaceSlots slots{
      {"a", "b"},
      {[this](const std::string& name) { return look(name); },
       [this](size_t slot, const InterfaceState& state, int& error) {
         return attach(slot, state, error);
       },
       [this](size_t slot) {
         done += "-" + std::to_string(slot) + " ";
         attached.erase(slot);
       },
       [this](size_t slot) { return attached.count(slot) != 0; }, [this] { return now_ns; }}};

  Result<std::optional<InterfaceState>> look(const std::string& name) {
    looks++;
    if (name == failing) return Status::error("no socket");
    auto found = interfaces.find(name);
    if (found == interfaces.end()) return std::optional<InterfaceState>();
    return std::optional<InterfaceState>(found->second);
  }
  std::string failing;

  Attached attach(size_t slot, const InterfaceState& state, int& error) {
    done += "+" + std::to_string(slot) + ":" + std::to_string(state.index) + " ";
    Attached outcome;
    error = state.xdp_attached != 0 ? EBUSY : refusal;
    if (error != 0) {
      outcome.refused = {{"native", "taken"}, {"generic", "taken"}};
      return outcome;
    }
    outcome.flavour = flavour;
    if (flavour == "generic") outcome.refused = {{"native", "no driver"}};
    attached[slot] = state.index;
    return outcome;
  }

  void make(const std::string& name, uint32_t index) {
    InterfaceState state;
    state.index = index;
    state.name.assign(name);
    state.mtu = 1500;
    interfaces[name] = state;
  }

  // What was done since it was asked last.
  std::string take() {
    std::string taken = done;
    done.clear();
    return taken;
  }
  std::string outcome() {
    std::string text;
    for (const Attached& each : slots.outcome())
      text += each.signal + "=" + each.flavour + "(" + each.refused_text() + ") ";
    return text;
  }
};

START_TEST(there_at_the_start) {
  CapturedLog log;
  Bench bench;
  bench.make("a", 3);
  bench.slots.look_at_all();
  CHECK_TEXT(bench.take(), "+0:3 ");
  CHECK_TEXT(bench.outcome(), "interface:a=native() interface:b=(no interface has that name) ");
  std::string said =
      "{\"level\":\"info\",\"msg\":\"an interface is counted\",\"interface\":\"a\","
      "\"mode\":\"native\"}\n"
      "{\"level\":\"info\",\"msg\":\"an interface is not there: it is counted once it is\","
      "\"interface\":\"b\"}\n";
  CHECK_TEXT(log.text(), said);
  // Nothing new.
  bench.slots.look_at_all();
  bench.slots.changed("a", 3);
  bench.slots.changed("b", 9);
  CHECK_TEXT(bench.take(), "");
  CHECK_TEXT(log.text(), said);
}
END_TEST

START_TEST(comes_and_goes) {
  Bench bench;
  bench.slots.look_at_all();
  CHECK_TEXT(bench.take(), "");
  bench.make("b", 5);
  bench.slots.changed("b", 5);
  CHECK_TEXT(bench.take(), "+1:5 ");
  bench.interfaces.clear();
  bench.slots.changed("b", 5);
  CHECK_TEXT(bench.take(), "-1 ");
  CHECK_TEXT(bench.outcome(),
             "interface:a=(no interface has that name) interface:b=(no interface has that name) ");
  bench.make("b", 6);
  bench.slots.changed("b", 6);
  CHECK_TEXT(bench.take(), "+1:6 ");
  // Made again before anybody looked.
  bench.make("b", 7);
  bench.slots.changed("b", 6);
  CHECK_TEXT(bench.take(), "-1 +1:7 ");
  // Nobody's affair.
  int looks = bench.looks;
  bench.slots.changed("c", 8);
  ck_assert_int_eq(bench.looks, looks);
}
END_TEST

// The news have the new name, and both slots are concerned.
START_TEST(renamed) {
  Bench bench;
  bench.make("a", 3);
  bench.slots.look_at_all();
  bench.take();
  bench.interfaces.clear();
  bench.make("b", 3);
  bench.slots.changed("b", 3);
  CHECK_TEXT(bench.take(), "-0 +1:3 ");
  CHECK_TEXT(bench.outcome(), "interface:a=(no interface has that name) interface:b=native() ");
  // They change names.
  bench.make("a", 4);
  bench.slots.changed("a", 4);
  CHECK_TEXT(bench.take(), "+0:4 ");
  bench.make("a", 3);
  bench.make("b", 4);
  bench.slots.changed("a", 3);
  bench.slots.changed("b", 4);
  CHECK_TEXT(bench.take(), "-0 +0:3 -1 +1:4 ");
}
END_TEST

START_TEST(another_program) {
  CapturedLog log;
  Bench bench;
  bench.make("a", 3);
  bench.make("b", 4);
  bench.flavour = "generic";
  bench.interfaces["a"].xdp_attached = XDP_ATTACHED_DRV;
  bench.interfaces["a"].xdp_program = 57;
  bench.slots.look_at_all();
  CHECK_TEXT(bench.take(), "+0:3 +1:4 ");
  CHECK_TEXT(bench.outcome(),
             "interface:a=(native, generic: taken) interface:b=generic(native: no driver) ");
  // As long as nothing has changed it is not tried again, and when it has it is said once.
  bench.slots.changed("a", 3);
  CHECK_TEXT(bench.take(), "");
  bench.interfaces["a"].mtu = 9000;
  bench.slots.changed("a", 3);
  CHECK_TEXT(bench.take(), "+0:3 ");
  CHECK_TEXT(log.text(),
             "{\"level\":\"warn\",\"msg\":\"an interface is not counted\",\"interface\":\"a\","
             "\"reason\":\"native, generic: taken\"}\n"
             "{\"level\":\"info\",\"msg\":\"an interface is counted\",\"interface\":\"b\","
             "\"mode\":\"generic\",\"refused\":\"native: no driver\"}\n");
  // A link that goes is no news: who asks for the outcome finds out.
  bench.interfaces["a"].xdp_attached = XDP_ATTACHED_NONE;
  bench.interfaces["a"].xdp_program = 0;
  bench.flavour = "native";
  CHECK_TEXT(bench.outcome(), "interface:a=native() interface:b=generic(native: no driver) ");
}
END_TEST

START_TEST(detached) {
  CapturedLog log;
  Bench bench;
  bench.make("a", 3);
  bench.make("b", 4);
  bench.slots.look_at_all();
  bench.take();
  bench.attached.clear();
  // The one is gone, of the other the program was taken off.
  bench.interfaces.erase("b");
  for (int i = 0; i < 2; i++)
    CHECK_TEXT(bench.outcome(),
               "interface:a=(somebody has detached the program) "
               "interface:b=(no interface has that name) ");
  CHECK_TEXT(bench.take(), "-1 ");
  std::string text = log.text();
  ck_assert_uint_eq(text.find("\"warn\""), text.rfind("\"warn\""));
}
END_TEST

// What is in the way is not the interface's own, so nothing tells when it goes.
START_TEST(tried_again) {
  constexpr uint64_t kSecond = 1'000'000'000;
  for (int error : {EEXIST, EBUSY, ENOMEM, EPERM, EOPNOTSUPP}) {
    bool again = error != EPERM && error != EOPNOTSUPP;
    CapturedLog log;
    Bench bench;
    bench.make("a", 3);
    bench.refusal = error;
    bench.now_ns = 5 * kSecond;
    bench.slots.look_at_all();
    CHECK_TEXT(bench.take(), "+0:3 ");
    std::string said = log.text();
    for (int minute = 0; minute < 3; minute++) {
      bench.now_ns += 60 * kSecond - 1;
      bench.outcome();
      bench.slots.changed("a", 3);
      CHECK_TEXT(bench.take(), "");
      bench.now_ns++;
      for (int i = 0; i < 2; i++)
        CHECK_TEXT(
            bench.outcome(),
            "interface:a=(native, generic: taken) interface:b=(no interface has that name) ");
      CHECK_TEXT(bench.take(), again ? "+0:3 " : "");
    }
    CHECK_TEXT(log.text(), said);
    bench.refusal = 0;
    bench.now_ns += 60 * kSecond;
    bench.outcome();
    CHECK_TEXT(bench.take(), again ? "+0:3 " : "");
    // What is attached stays so.
    bench.now_ns += 600 * kSecond;
    bench.outcome();
    CHECK_TEXT(bench.take(), "");
  }
}
END_TEST

START_TEST(cannot_look) {
  Bench bench;
  bench.make("a", 3);
  bench.slots.look_at_all();
  bench.take();
  bench.failing = "a";
  bench.interfaces.clear();
  CapturedLog log;
  bench.slots.changed("a", 3);
  CHECK_TEXT(bench.take(), "");
  CHECK_TEXT(log.text(),
             "{\"level\":\"warn\",\"msg\":\"an interface cannot be looked at\","
             "\"interface\":\"a\",\"reason\":\"no socket\"}\n");
}
END_TEST

}  // namespace

CHECK_MAIN("interface_slots", there_at_the_start, comes_and_goes, renamed, another_program,
           detached, tried_again, cannot_look)
