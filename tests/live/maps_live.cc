// What the daemon says of its own maps and programs, held against what was done to them.
#include <bpf/bpf.h>
#include <unistd.h>

#include "bpf/event.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

double of_map(const Page& page, const char* what, const char* map) {
  return page.value(std::string("kubepulse_bpf_map_") + what, {{"map", map}});
}

std::vector<Connection> open_connections(const Cgroup& client, const Cgroup& server, int count) {
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  enter(client);
  std::vector<Connection> open;
  for (int made = 0; made < count; made++) {
    Fd socket = connect_to(to);
    open.push_back({std::move(socket), accept_from(listener)});
  }
  return open;
}

// Until there are so many, for 3 s at most; strangers open and close connections, too.
bool await_entries(const Daemon& daemon, const char* map, double entries) {
  for (uint64_t give_up_ns = monotonic_ns() + 3 * kNsPerSecond; monotonic_ns() < give_up_ns;
       sleep_ms(20))
    if (of_map(daemon.scrape(), "entries", map) == entries) return true;
  return false;
}

// Both ends of a connection are an entry each.
START_TEST(entries) {
  constexpr int kOpen = 700;  // more than one batch
  Daemon daemon = Daemon::start({{"--tcp-connections=5000"}});
  Cgroup client = make_unit("maps-client"), server = make_unit("maps-server");
  bool rose = false, fell = false;
  for (int tries = 0; tries < 5 && !(rose && fell); tries++) {
    double before = of_map(daemon.scrape(), "entries", "connections");
    std::vector<Connection> open = open_connections(client, server, kOpen);
    rose = await_entries(daemon, "connections", before + 2 * kOpen);
    for (Connection& connection : open)
      connection.close();
    fell = await_entries(daemon, "connections", before);
  }
  ck_assert(rose && fell);
  Page page = daemon.scrape();
  ck_assert(of_map(page, "capacity", "connections") == 5000);
  // Of each entry at least a key and a cgroup.
  ck_assert(of_map(page, "bytes", "connections") >= 5000 * 16);
  ck_assert(of_map(page, "update_errors_total", "connections") == 0);
  daemon.stop();
}
END_TEST

START_TEST(full) {
  Daemon daemon = Daemon::start({{"--tcp-connections=1024", "--tcp-ring=4K"}});
  Cgroup client = make_unit("full-client"), server = make_unit("full-server");
  double before = of_map(daemon.scrape(), "entries", "connections");
  {
    std::vector<Connection> open = open_connections(client, server, 600);
    Page page = daemon.scrape();
    ck_assert(of_map(page, "entries", "connections") == 1024);
    ck_assert(of_map(page, "capacity", "connections") == 1024);
    double overflow = page.value("kubepulse_overflow_total", {{"table", "connections"}});
    double errors = of_map(page, "update_errors_total", "connections");
    ck_assert_msg(overflow >= 176 && errors >= overflow, "%g beyond the bound, %g errors", overflow,
                  errors);
    ck_assert(of_map(page, "update_errors_total", "resets") == 0);
  }
  ck_assert(await_entries(daemon, "connections", before));
  // What a ring does not take is an error of its own, and all that was in it has been read.
  for (int round = 0; round < 500; round++)
    make_connection(client, server).close();
  ck_assert(await_entries(daemon, "tcp_ring", 0));
  Page page = daemon.scrape();
  double dropped = page.value("kubepulse_events_dropped_total", {{"type", "tcp"}});
  ck_assert(dropped > 0 && of_map(page, "update_errors_total", "tcp_ring") == dropped);
  ck_assert(of_map(page, "capacity", "tcp_ring") == double(sysconf(_SC_PAGESIZE)));
  ck_assert(of_map(page, "bytes", "tcp_ring") >= of_map(page, "capacity", "tcp_ring"));
  daemon.stop();
}
END_TEST

// What waits in a ring is read some 10 ms later; a scrape may come before that.
START_TEST(waiting_in_ring) {
  constexpr int kConnections = 5;
  constexpr double kBytes = 4 * kConnections * (BPF_RINGBUF_HDR_SZ + sizeof(tcp_record));
  Daemon daemon = Daemon::start();
  Cgroup client = make_unit("ring-client"), server = make_unit("ring-server");
  bool seen = false;
  for (int tries = 0; tries < 100 && !seen; tries++) {
    ck_assert(await_entries(daemon, "tcp_ring", 0));
    for (Connection& connection : open_connections(client, server, kConnections))
      connection.close();
    seen = of_map(daemon.scrape(), "entries", "tcp_ring") == kBytes;
  }
  ck_assert(seen);
  daemon.stop();
}
END_TEST

START_TEST(program_runs) {
  const std::string kEnabled = "/proc/sys/kernel/bpf_stats_enabled";
  Daemon daemon = Daemon::start();
  bool counted_before = read_file(kEnabled) != "0\n";
  ck_assert(daemon.scrape().has("kubepulse_bpf_program_runs_total") == counted_before);
  // Ends with the test, unlike the setting.
  Fd counting(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!counting) SKIP_TEST("program_runs", "BPF_ENABLE_STATS is refused");
  Cgroup client = make_unit("runs-client"), server = make_unit("runs-server");
  for (int made = 0; made < 100; made++)
    make_connection(client, server).close();
  Page page = daemon.scrape();
  double runs = page.value("kubepulse_bpf_program_runs_total");
  double seconds = page.value("kubepulse_bpf_program_run_seconds_total");
  // At the very least a run for each end and each of its two events.
  ck_assert_msg(runs >= 400 && seconds > 0 && seconds < runs * 1e-3, "%g runs, %g s", runs,
                seconds);
  daemon.stop();
}
END_TEST

}  // namespace

Case map_case() {
  return {"maps", false, {entries, full, waiting_in_ring, program_runs}, true};
}

}  // namespace kubepulse::live
