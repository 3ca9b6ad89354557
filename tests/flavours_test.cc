#include "collect/flavours.h"

#include <algorithm>
#include <set>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Names = std::set<std::string>;

const std::vector<Signal>& signals() {
  static const std::vector<Signal> signals = {
      {"one", {{"fast", {"one_fast"}}, {"slow", {"one_slow", "one_slow_too"}}}},
      {"two", {{"fast", {"two_fast"}}, {"slow", {"two_slow"}}}},
      {"three", {{"only", {"three_only"}}}},
  };
  return signals;
}

// A kernel that refuses some programs, and of those in `silent` does not say which it was.
struct Kernel {
  Names bad;
  bool silent = false;
  int attempts = 0;
  Names standing;  // by the last attempt

  Verdict attempt(const Choice& choice) {
    attempts++;
    standing.clear();
    Names wanted;
    for (size_t i = 0; i < choice.size(); i++) {
      if (choice[i] == nullptr) continue;
      for (const char* program : choice[i]->programs) {
        if (bad.count(program) != 0)
          return Verdict::refused(silent ? Verdict::kNobody : i, std::string("no ") + program);
        wanted.insert(program);
      }
    }
    ck_assert(!wanted.empty());
    standing = wanted;
    return {};
  }
};

std::string choose(Kernel& kernel, std::string_view only = "auto") {
  std::string text;
  for (const Attached& attached : choose_flavours(
           signals(), only, [&kernel](const Choice& choice) { return kernel.attempt(choice); })) {
    text += attached.signal + "=" + (attached.flavour.empty() ? "none" : attached.flavour);
    if (!attached.refused.empty()) text += " (" + attached.refused_text() + ")";
    text += "\n";
  }
  return text;
}

START_TEST(best_of_all) {
  Kernel kernel;
  CHECK_TEXT(choose(kernel), "one=fast\ntwo=fast\nthree=only\n");
  ck_assert_int_eq(kernel.attempts, 1);
}
END_TEST

START_TEST(next_flavour) {
  Kernel kernel{{"one_fast"}};
  CHECK_TEXT(choose(kernel), "one=slow (fast: no one_fast)\ntwo=fast\nthree=only\n");
  ck_assert(kernel.standing == (Names{"one_slow", "one_slow_too", "two_fast", "three_only"}));
  // One program that is refused takes its flavour along.
  kernel = {{"one_fast", "one_slow_too"}};
  CHECK_TEXT(choose(kernel),
             "one=none (fast: no one_fast; slow: no one_slow_too)\ntwo=fast\nthree=only\n");
}
END_TEST

START_TEST(nobody_is_named) {
  for (const char* bad : {"one_fast", "two_fast"}) {
    Kernel kernel{{bad}, true};
    std::string text = choose(kernel);
    ck_assert_msg(text.find(std::string("slow (fast: no ") + bad + ")") != text.npos, "%s",
                  text.c_str());
    ck_assert(text.find("three=only\n") != text.npos);
    ck_assert_uint_ge(kernel.standing.size(), 3);
  }
  Kernel kernel{{"one_fast", "one_slow", "three_only"}, true};
  CHECK_TEXT(choose(kernel),
             "one=none (fast: no one_fast; slow: no one_slow)\ntwo=fast\nthree=none (only: no "
             "three_only)\n");
  ck_assert(kernel.standing == Names{"two_fast"});
}
END_TEST

START_TEST(nothing_works_at_all) {
  for (bool silent : {false, true}) {
    Kernel kernel{{"one_fast", "one_slow", "two_fast", "two_slow", "three_only"}, silent};
    CHECK_TEXT(choose(kernel),
               "one=none (fast: no one_fast; slow: no one_slow)\n"
               "two=none (fast: no two_fast; slow: no two_slow)\nthree=none (only: no "
               "three_only)\n");
    ck_assert(kernel.standing.empty());
  }
}
END_TEST

// Memory for one more, say: the last signals give way.
START_TEST(not_all_together) {
  int attempts = 0;
  auto attempt = [&attempts](const Choice& choice) -> Verdict {
    attempts++;
    bool all = std::count(choice.begin(), choice.end(), nullptr) == 0;
    return all ? Verdict::refused(Verdict::kNobody, "too much") : Verdict{};
  };
  std::vector<Attached> outcome = choose_flavours(signals(), "auto", attempt);
  CHECK_TEXT(outcome[0].flavour, "fast");
  CHECK_TEXT(outcome[1].flavour, "fast");
  CHECK_TEXT(outcome[2].flavour, "");
  CHECK_TEXT(outcome[2].refused_text(), "only: too much");
  ck_assert_int_eq(attempts, 5);
}
END_TEST

START_TEST(one_flavour_only) {
  Kernel kernel;
  CHECK_TEXT(choose(kernel, "slow"), "one=slow\ntwo=slow\nthree=only\n");
  kernel = {{"one_slow"}};
  CHECK_TEXT(choose(kernel, "slow"), "one=none (slow: no one_slow)\ntwo=slow\nthree=only\n");
  CHECK_TEXT(choose(kernel, "unheard-of"), "one=fast\ntwo=fast\nthree=only\n");
}
END_TEST

START_TEST(reasons_together) {
  Attached attached{"dns", "", {{"a", "x"}, {"b", "x"}, {"c", "y"}, {"", "z"}}};
  CHECK_TEXT(attached.refused_text(), "a, b: x; c: y; z");
  CHECK_TEXT(Attached{}.refused_text(), "");
}
END_TEST

START_TEST(by_release) {
  ck_assert(!prefers_cgroup("5.10.0-32-cloud-amd64") && !prefers_cgroup("6.18.44"));
  ck_assert(prefers_cgroup("7.0.0") && prefers_cgroup("7.2.13+deb14") && prefers_cgroup("10.1"));
  ck_assert(!prefers_cgroup(""));
}
END_TEST

START_TEST(since_6_4_anywhere) {
  ck_assert(!allocates_anywhere("5.10.0-32-cloud-amd64") && !allocates_anywhere("6.3.13"));
  ck_assert(allocates_anywhere("6.4.0") && allocates_anywhere("6.12.107+deb13"));
  ck_assert(allocates_anywhere("7.0.0") && allocates_anywhere("10.1"));
  ck_assert(!allocates_anywhere("") && !allocates_anywhere("six"));
}
END_TEST

// Two objects that serve the same signals.
START_TEST(of_two_objects) {
  std::vector<Signal> second = {{"one", {{"spare", {"one_spare"}}}},
                                {"two", {{"spare", {"two_spare"}}}},
                                {"three", {{"spare", {}}}}};
  std::vector<Signal> all = joined(signals(), second);
  ck_assert_uint_eq(all.size(), 3);
  ck_assert_uint_eq(all[0].flavours.size(), 3);
  CHECK_TEXT(all[2].flavours[1].name, "spare");
  ck_assert(has_flavour(all[0], "slow") && has_flavour(all[0], "spare"));
  ck_assert(!has_flavour(all[2], "slow"));

  std::vector<Attached> first = {{"one", "", {{"fast", "a"}, {"slow", "b"}}},
                                 {"two", "slow", {{"fast", "c"}}},
                                 {"three", "", {{"only", "d"}}}};
  std::vector<Attached> spare = {
      {"one", "spare", {}}, {"two", "spare", {}}, {"three", "", {{"spare", "e"}}}};
  std::vector<Attached> used = spare;
  tell_refused(all, first, "apart", used);
  CHECK_TEXT(used[0].refused_text(), "fast: a; slow: b");
  CHECK_TEXT(used[1].refused_text(), "fast: c; slow: apart");
  CHECK_TEXT(used[2].refused_text(), "only: d; spare: e");
  used = first;
  tell_refused(all, spare, "apart", used);
  CHECK_TEXT(used[0].refused_text(), "fast: a; slow: b; spare: apart");
  CHECK_TEXT(used[1].refused_text(), "fast: c");
  CHECK_TEXT(used[2].refused_text(), "only: d; spare: e");
  used = spare;
  tell_refused(all, {}, "excluded", used);
  CHECK_TEXT(used[0].refused_text(), "fast, slow: excluded");
}
END_TEST

}  // namespace

CHECK_MAIN("flavours", best_of_all, next_flavour, nobody_is_named, nothing_works_at_all,
           not_all_together, one_flavour_only, reasons_together, by_release, since_6_4_anywhere,
           of_two_objects)
