// The cases of the suite: each file of tests exports one.
#ifndef KUBEPULSE_TESTS_LIVE_CASES_H
#define KUBEPULSE_TESTS_LIVE_CASES_H

#include <check.h>

#include <vector>

namespace kubepulse::live {

struct Case {
  const char* name;
  bool shares_daemon;  // start_shared_daemon() before the first test, stop_shared_daemon() after
  std::vector<const TTest*> tests;
  bool alone = false;  // counts the records of the whole machine: no other case may run beside it
  double seconds_max = 60;  // of each test; most take less than 20
};

Case harness_case();  // needs neither root nor the daemon
Case tcp_case();
Case tcp_close_case();
Case tcp_failure_case();
Case tcp_amount_case();
Case tcp_socket_case();
Case dns_ways_case();
Case dns_case();
Case dns_junk_case();
Case event_log_case();
Case loss_case();
Case map_case();
Case http_case();
Case service_case();
Case hooks_case();
Case pods_case();
Case containers_case();
Case container_views_case();
Case container_programs_case();
Case container_crowd_case();
Case drops_case();
Case apiserver_case();
Case packets_case();
Case interfaces_case();
Case top_case();
Case sniff_case();
Case flows_case();
Case insights_case();
Case insight_states_case();
Case shedding_case();
Case kubelet_case();
Case kubelet_tls_case();

}  // namespace kubepulse::live

#endif
