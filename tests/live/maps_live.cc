// What the daemon says of its own maps and programs, held against what was done to them.
#include <bpf/bpf.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

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

// The map of ours that has this bound, which no other has.
Fd connections_map(uint32_t entries_max) {
  for (uint32_t id = 0; bpf_map_get_next_id(id, &id) == 0;) {
    Fd map(bpf_map_get_fd_by_id(id));
    bpf_map_info info{};
    uint32_t size = sizeof info;
    if (map && bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 &&
        info.max_entries == entries_max && info.key_size == sizeof(uint64_t) &&
        std::string(info.name) == "connections")
      return map;
  }
  return {};
}

using Entries = std::map<uint64_t, std::string>;

Entries entries_of(const Fd& map) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  ck_assert(bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0);
  Entries entries;
  uint64_t key = 0, next = 0;
  std::string value(info.value_size, 0);
  for (void* from = nullptr; bpf_map_get_next_key(map.get(), from, &next) == 0; from = &key) {
    key = next;
    if (bpf_map_lookup_elem(map.get(), &key, value.data()) == 0) entries[key] = value;
  }
  return entries;
}

// Memory is used again by the CPU that gave it back.
class OnOneCpu {
 public:
  OnOneCpu() {
    cpu_set_t one;
    ck_assert(sched_getaffinity(0, sizeof all_, &all_) == 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
      if (CPU_ISSET(cpu, &all_)) CPU_SET(cpu, &one);
    ck_assert(sched_setaffinity(0, sizeof one, &one) == 0);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof all_, &all_); }

 private:
  cpu_set_t all_;
};

// Whether an entry is of one of our cgroups: others connect meanwhile. The id, but for the bit that
// says in which hierarchy, stands in the value.
bool is_of(const std::string& value, const Cgroup& cgroup) {
  struct stat status {};
  ck_assert_int_eq(stat(cgroup.folder.c_str(), &status), 0);
  uint64_t id = status.st_ino;
  return value.find(std::string(reinterpret_cast<const char*>(&id), sizeof id - 1)) !=
         std::string::npos;
}

// As where the kernel calls no program for its ends: they are told of a connection without an
// entry, and afterwards its entries are still there. Returns how many.
size_t lose_ends(const Fd& map, const Cgroup& client, const Cgroup& server) {
  Entries before = entries_of(map), ours;
  Connection open = make_connection(client, server);
  for (const auto& [key, value] : entries_of(map))
    if (before.count(key) == 0 && (is_of(value, client) || is_of(value, server))) ours[key] = value;
  for (const auto& [key, value] : ours)
    ck_assert(bpf_map_delete_elem(map.get(), &key) == 0);
  open.close();
  sleep_ms(20);
  for (const auto& [key, value] : ours)
    ck_assert(bpf_map_update_elem(map.get(), &key, value.data(), BPF_NOEXIST) == 0);
  return ours.size();
}

// Nothing is lost then, neither of it nor of a socket in the same memory.
void check_lost_ends(const std::string& name, bool walked) {
  constexpr uint32_t kEntriesMax = 3001;
  constexpr int kMost = 2000;
  Daemon daemon = Daemon::start({{"--tcp-connections=" + std::to_string(kEntriesMax),
                                  walked ? "--sample-interval=1s" : "--sample-interval=60m"}});
  std::string flavour = flavour_of(daemon, "tcp_state");
  bool keys_come_again = flavour == "tp_btf" || flavour == "raw_tp";
  if (keys_come_again && (!walked || flavour_of(daemon, "tcp_open") == "iter")) {
    OnOneCpu pinned;
    Cgroup client = make_unit(name + "-client"), server = make_unit(name + "-server");
    Fd map = connections_map(kEntriesMax);
    ck_assert(map);
    auto told = [&] {
      return daemon.scrape().value("kubepulse_overflow_total", {{"table", "tcp_ends_lost"}});
    };
    auto lost = double(lose_ends(map, client, server));
    ck_assert_msg(lost == 2, "%g entries", lost);
    if (walked) sleep_ms(1500);
    uint64_t made = 1;
    for (; told() < lost && made < kMost; made++)
      make_connection(client, server).close();
    ck_assert_msg(told() == lost, "%g, not %g, after %d", told(), lost, static_cast<int>(made));
    ck_assert(!walked || made == 1);
    expect_tcp(daemon, client.owner, {{"out", made}, {"handshakes", made}, {"lifetimes", made}});
    expect_tcp(daemon, server.owner, {{"in", made}});
  }
  daemon.stop();
}

START_TEST(end_lost_and_reused) {
  check_lost_ends("reused", false);
}
END_TEST

START_TEST(end_lost_and_walked) {
  check_lost_ends("walked", true);
}
END_TEST

// The same of a connect that fails, and whose error has been asked for.
START_TEST(failure_lost_and_walked) {
  constexpr uint32_t kEntriesMax = 3002;
  Daemon daemon =
      Daemon::start({{"--tcp-connections=" + std::to_string(kEntriesMax), "--sample-interval=1s"}});
  std::string flavour = flavour_of(daemon, "tcp_state");
  CHECK_OK(enter_black_hole_netns());
  bool walks = flavour_of(daemon, "tcp_open") == "iter";
  if (walks && (flavour == "tp_btf" || flavour == "raw_tp")) {
    Cgroup client = make_unit("failing");
    Fd map = connections_map(kEntriesMax);
    ck_assert(map);
    Entries before = entries_of(map);
    enter(client);
    Fd connecting = make_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    set_option(connecting, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
    Address nobody = Address::of("10.77.0.1", 80);
    ck_assert(connect(connecting.get(), nobody.raw(), nobody.size) == -1);
    uint64_t key = 0;
    std::string entry;
    for (const auto& [other, value] : entries_of(map))
      if (before.count(other) == 0 && is_of(value, client)) key = other, entry = value;
    ck_assert(key != 0 && bpf_map_delete_elem(map.get(), &key) == 0);
    ck_assert_int_eq(connect_outcome(connecting, 8000), ETIMEDOUT);
    expect_tcp(daemon, client.owner, {{"timeout", 1}}, {"retransmits"});
    ck_assert(bpf_map_update_elem(map.get(), &key, entry.data(), BPF_NOEXIST) == 0);
    expect_tcp(daemon, client.owner,
               {{"timeout", 2}, {"retransmits", 2 * retransmits_of(connecting)}});
    ck_assert_double_eq(
        daemon.scrape().value("kubepulse_overflow_total", {{"table", "tcp_ends_lost"}}), 1);
  }
  daemon.stop();
}
END_TEST

// What waits in a ring is read some 10 ms later; a scrape may come before that.
START_TEST(waiting_in_ring) {
  constexpr int kConnections = 5;
  constexpr double kBytes = 4.0 * kConnections * (BPF_RINGBUF_HDR_SZ + sizeof(tcp_record));
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
  return {"maps",
          false,
          {entries, full, end_lost_and_reused, end_lost_and_walked, failure_lost_and_walked,
           waiting_in_ring, program_runs},
          true};
}

}  // namespace kubepulse::live
