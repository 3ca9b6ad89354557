// live PATH-TO-DAEMON [TEST...]: real traffic against a real daemon. Needs root and BPF; where they
// are missing it says so and passes, but with KUBEPULSE_REQUIRE_LIVE=1 it fails. TEST is the name
// of a test or of a case.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/cgroups.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr double kSecondsMax = 60;  // of one test; the longest takes about 12

int skip(const std::string& reason) {
  printf("SKIP live: %s\n", reason.c_str());
  if (!skip_is_failure()) return EXIT_SUCCESS;
  printf("KUBEPULSE_REQUIRE_LIVE=1: this is a failure\n");
  return EXIT_FAILURE;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool is_asked_for(const Words& names, const Case& tests, const TTest* test) {
  auto asked = [&names](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return names.empty() || asked(tests.name) || asked(test->name);
}

int run(const std::vector<Case>& cases, const Words& names) {
  Suite* suite = suite_create("live");
  int count = 0;
  for (const Case& tests : cases) {
    TCase* made = tcase_create(tests.name);
    tcase_set_timeout(made, kSecondsMax);
    int before = count;
    for (const TTest* test : tests.tests) {
      if (!is_asked_for(names, tests, test)) continue;
      tcase_add_test(made, test);
      count++;
    }
    if (tests.shares_daemon && count > before)
      tcase_add_unchecked_fixture(made, start_shared_daemon, stop_shared_daemon);
    suite_add_tcase(suite, made);
  }
  if (count == 0) {
    fprintf(stderr, "live: no test has that name\n");
    return EXIT_FAILURE;
  }
  SRunner* runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_FORK);
  srunner_run_all(runner, getenv("KUBEPULSE_LIVE_VERBOSE") != nullptr ? CK_VERBOSE : CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

pid_t runner_pid;

void pass_on(int signal_number) {
  kill(runner_pid, signal_number);
}

// In a process of its own: Check does not return from a signal, and somebody must clear up.
int run_in_child(const std::vector<Case>& cases, const Words& names) {
  pid_t parent = getpid();
  runner_pid = fork();
  if (runner_pid < 0) return EXIT_FAILURE;
  if (runner_pid == 0) {
    die_with(parent);
    exit(run(cases, names));
  }
  for (int signal_number : {SIGINT, SIGTERM, SIGHUP})
    signal(signal_number, pass_on);
  int status = 0;
  while (waitpid(runner_pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int run_all(const char* daemon, const Words& names) {
  if (access(daemon, X_OK) != 0) {
    fprintf(stderr, "live: %s cannot be run\n", daemon);
    return EXIT_FAILURE;
  }
  set_daemon_path(daemon);
  if (geteuid() != 0) return skip("not root");
  if (!open_scratch()) return skip("no folder can be made in /tmp");
  Status cgroups = open_cgroups();
  if (!cgroups.ok()) return skip(cgroups.message());
  if (names != Words{"harness"}) {
    Ended check = run_daemon({{"--check"}});
    if (check.status == 1) return skip(first_line(check.err.empty() ? check.out : check.err));
    if (check.status != 0) {
      fprintf(stderr, "live: %s --check: status %d: %s", daemon, check.status, check.err.c_str());
      return EXIT_FAILURE;
    }
  }
  return run_in_child({harness_case(), tcp_case(), tcp_close_case(), tcp_failure_case(),
                       tcp_amount_case(), dns_ways_case(), dns_case(), dns_junk_case(),
                       event_log_case(), loss_case(), http_case(), service_case(), hooks_case()},
                      names);
}

}  // namespace

}  // namespace kubepulse::live

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: live PATH-TO-DAEMON [TEST...]\n");
    return EXIT_FAILURE;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  int status = kubepulse::live::run_all(argv[1], {argv + 2, argv + argc});
  kubepulse::live::close_cgroups();
  kubepulse::live::close_scratch();
  return status;
}
