// live [-jN] PATH-TO-DAEMON [TEST...]: real traffic against a real daemon. Needs root and BPF;
// where they are missing it says so and passes, but with KUBEPULSE_REQUIRE_LIVE=1 it fails. TEST is
// the name of a test or of a case, -NAME leaves a case out; -jN has N cases at work at a time,
// which mostly wait.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/cgroups.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

int skip(const std::string& reason) {
  printf("SKIP live: %s\n", reason.c_str());
  if (!skip_is_failure()) return EXIT_SUCCESS;
  printf("KUBEPULSE_REQUIRE_LIVE=1: this is a failure\n");
  return EXIT_FAILURE;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// The cases with those of their tests that are asked for.
std::vector<Case> pick(std::vector<Case> cases, const Words& names) {
  auto asked = [&names](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  bool all_asked = std::all_of(names.begin(), names.end(),
                               [](const std::string& name) { return name[0] == '-'; });
  std::vector<Case> picked;
  for (Case& tests : cases) {
    std::vector<const TTest*>& all = tests.tests;
    if (asked(std::string("-") + tests.name)) continue;
    if (!all_asked && !asked(tests.name))
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&](const TTest* test) { return !asked(test->name); }),
                all.end());
    if (!all.empty()) picked.push_back(std::move(tests));
  }
  return picked;
}

int run(const std::vector<Case>& cases) {
  Suite* suite = suite_create(cases.size() == 1 ? cases[0].name : "live");
  for (const Case& tests : cases) {
    TCase* made = tcase_create(tests.name);
    tcase_set_timeout(made, tests.seconds_max);
    tcase_add_checked_fixture(made, note_retransmits, nullptr);
    for (const TTest* test : tests.tests)
      tcase_add_test(made, test);
    if (tests.shares_daemon)
      tcase_add_unchecked_fixture(made, start_shared_daemon, stop_shared_daemon);
    suite_add_tcase(suite, made);
  }
  SRunner* runner = srunner_create(suite);
  srunner_set_fork_status(runner, CK_FORK);
  srunner_run_all(runner, getenv("KUBEPULSE_LIVE_VERBOSE") != nullptr ? CK_VERBOSE : CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

// A case at work in a process of its own; what it prints is printed when it has ended.
struct Worker {
  pid_t pid;
  std::string out;
};

Worker start_worker(const Case& tests) {
  pid_t parent = getpid();
  Worker worker{-1, scratch_path(tests.name)};
  worker.pid = fork();
  if (worker.pid != 0) return worker;
  die_with(parent);
  int out = open(worker.out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) _exit(EXIT_FAILURE);
  exit(run({tests}));
}

// Waits for one of them. False: it has failed.
bool end_worker(std::vector<Worker>& workers) {
  int status = 0;
  pid_t pid = wait(&status);
  auto ended = std::find_if(workers.begin(), workers.end(),
                            [pid](const Worker& worker) { return worker.pid == pid; });
  if (ended == workers.end()) return false;
  fputs(read_file(ended->out).c_str(), stdout);
  workers.erase(ended);
  return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

int run_side_by_side(const std::vector<Case>& cases, size_t jobs) {
  std::vector<Worker> workers;
  bool good = true;
  for (const Case& tests : cases) {
    size_t others_max = tests.alone ? 0 : jobs - 1;
    while (workers.size() > others_max)
      good &= end_worker(workers);
    workers.push_back(start_worker(tests));
    if (workers.back().pid < 0) return EXIT_FAILURE;
    if (tests.alone) good &= end_worker(workers);
  }
  while (!workers.empty())
    good &= end_worker(workers);
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

pid_t runner_pid;

void pass_on(int signal_number) {
  kill(runner_pid, signal_number);
}

// In a process of its own: Check does not return from a signal, and somebody must clear up.
int run_in_child(const std::vector<Case>& cases, size_t jobs) {
  pid_t parent = getpid();
  runner_pid = fork();
  if (runner_pid < 0) return EXIT_FAILURE;
  if (runner_pid == 0) {
    die_with(parent);
    exit(jobs > 1 ? run_side_by_side(cases, jobs) : run(cases));
  }
  for (int signal_number : {SIGINT, SIGTERM, SIGHUP})
    signal(signal_number, pass_on);
  int status = 0;
  while (waitpid(runner_pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) printf("live: killed by signal %d\n", WTERMSIG(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int run_all(const char* daemon, const Words& names, size_t jobs) {
  // In this order: the one that must be alone, then by what they take.
  std::vector<Case> all = {loss_case(),
                           map_case(),
                           drops_case(),
                           container_crowd_case(),
                           insights_case(),
                           insight_states_case(),
                           kubelet_case(),
                           apiserver_case(),
                           containers_case(),
                           pods_case(),
                           container_views_case(),
                           container_programs_case(),
                           packets_case(),
                           interfaces_case(),
                           flows_case(),
                           shedding_case(),
                           hooks_case(),
                           top_case(),
                           sniff_case(),
                           tcp_amount_case(),
                           tcp_socket_case(),
                           service_case(),
                           http_case(),
                           tcp_case(),
                           dns_case(),
                           tcp_failure_case(),
                           tcp_close_case(),
                           dns_ways_case(),
                           event_log_case(),
                           dns_junk_case(),
                           harness_case()};
#ifdef KUBEPULSE_TLS
  all.push_back(kubelet_tls_case());
#endif
  std::vector<Case> cases = pick(std::move(all), names);
  if (cases.empty()) {
    fprintf(stderr, "live: no test has that name\n");
    return EXIT_FAILURE;
  }
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
  return run_in_child(cases, jobs);
}

}  // namespace

}  // namespace kubepulse::live

int main(int argc, char** argv) {
  long jobs = 1;
  if (argc > 1 && strncmp(argv[1], "-j", 2) == 0) {
    jobs = strtol(argv[1] + 2, nullptr, 10);
    argc--, argv++;
  }
  if (argc < 2 || jobs < 1) {
    fprintf(stderr, "usage: live [-jN] PATH-TO-DAEMON [TEST|-CASE...]\n");
    return EXIT_FAILURE;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  // Check ends a test without its message where that has more than half of this: 4 KiB.
  setenv("CK_MAX_MSG_SIZE", "65536", 1);
  int status =
      kubepulse::live::run_all(argv[1], {argv + 2, argv + argc}, static_cast<size_t>(jobs));
  kubepulse::live::close_cgroups();
  kubepulse::live::close_scratch();
  return status;
}
