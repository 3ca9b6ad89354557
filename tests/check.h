// Check with what every unit here needs: a main from a list of tests, and comparing texts.
#ifndef KUBEPULSE_TESTS_CHECK_H
#define KUBEPULSE_TESTS_CHECK_H

#include <check.h>

#include <cstdlib>
#include <string>
#include <string_view>

// Shows both texts where they differ; takes anything that a std::string can be made from.
#define CHECK_TEXT(got, want)                                                                  \
  do {                                                                                         \
    std::string got_text(got), want_text(want);                                                \
    ck_assert_msg(got_text == want_text, "%s\n  got:  %s\n  want: %s", #got, got_text.c_str(), \
                  want_text.c_str());                                                          \
  } while (0)

// Asserts that a Status is empty, showing its text where it is not.
#define CHECK_OK(expression)                                                                     \
  do {                                                                                           \
    auto&& status_checked = (expression);                                                        \
    ck_assert_msg(status_checked.ok(), "%s: %s", #expression, status_checked.message().c_str()); \
  } while (0)

inline int run_suite(const char* name, std::initializer_list<const TTest*> tests,
                     void (*setup)() = nullptr, void (*teardown)() = nullptr) {
  Suite* suite = suite_create(name);
  TCase* cases = tcase_create(name);
  if (setup != nullptr || teardown != nullptr) tcase_add_checked_fixture(cases, setup, teardown);
  for (const TTest* test : tests)
    tcase_add_test(cases, test);
  suite_add_tcase(suite, cases);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define CHECK_MAIN(name, ...)              \
  int main() {                             \
    return run_suite(name, {__VA_ARGS__}); \
  }

#endif
