// Connects that never become connections, and why.
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kBlackHole = "10.77.0.1";

// A port where nobody listens.
uint16_t closed_port(const std::string& host) {
  Fd listener = listen_at(host);
  return local_address(listener).port();
}

void check_error(int got, int want) {
  ck_assert_msg(got == want, "got \"%s\", want \"%s\"", strerror(got), strerror(want));
}

START_TEST(refused) {
  constexpr uint64_t kTimes = 20;
  Cgroup client = make_unit("refused");
  enter(client);
  Address nobody = Address::of("127.0.0.1", closed_port("127.0.0.1"));
  for (uint64_t done = 0; done < kTimes; done++)
    check_error(connect_error(nobody), ECONNREFUSED);
  expect_tcp(shared_daemon(), client.owner, {{"refused", kTimes}, {"reset_received", kTimes}});
}
END_TEST

START_TEST(refused_v6) {
  if (access("/proc/net/if_inet6", R_OK) != 0) SKIP_TEST("refused_v6", "no IPv6");
  Cgroup client = make_unit("refused-v6"), mapped = make_unit("refused-mapped");
  enter(client);
  check_error(connect_error(Address::of("::1", closed_port("::1"))), ECONNREFUSED);
  enter(mapped);
  check_error(connect_error(Address::of("::ffff:127.0.0.1", closed_port("127.0.0.1"))),
              ECONNREFUSED);
  expect_tcp(shared_daemon(), client.owner, {{"refused", 1}, {"reset_received", 1}});
  expect_tcp(shared_daemon(), mapped.owner, {{"refused", 1}, {"reset_received", 1}});
}
END_TEST

// By its number of SYNs, and by the application's own limit.
START_TEST(timed_out) {
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST("timed_out", status.message());
  Cgroup by_count = make_unit("timeout-count"), by_time = make_unit("timeout-time");
  Address nobody = Address::of(kBlackHole, 80);
  enter(by_count);
  Fd counted = make_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  set_option(counted, IPPROTO_TCP, TCP_SYNCNT, 1);
  ck_assert(connect(counted.get(), nobody.raw(), nobody.size) == -1 && errno == EINPROGRESS);
  enter(by_time);
  Fd timed = make_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  set_option(timed, IPPROTO_TCP, TCP_USER_TIMEOUT, 1500);
  ck_assert(connect(timed.get(), nobody.raw(), nobody.size) == -1 && errno == EINPROGRESS);

  check_error(connect_outcome(counted, 8000), ETIMEDOUT);
  check_error(connect_outcome(timed, 8000), ETIMEDOUT);
  uint64_t counted_again = retransmits_of(counted), timed_again = retransmits_of(timed);
  // How many they are differs: the first SYNs are sent at a steady pace since 6.5.
  ck_assert(counted_again >= 1 && timed_again >= 1);
  expect_tcp(shared_daemon(), by_count.owner, {{"timeout", 1}, {"retransmits", counted_again}});
  expect_tcp(shared_daemon(), by_time.owner, {{"timeout", 1}, {"retransmits", timed_again}});
}
END_TEST

// Closed while connecting, as a client with a timeout of its own does; once more by AF_UNSPEC, and
// by the death of the process.
START_TEST(canceled) {
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST("canceled", status.message());
  Cgroup closed = make_unit("canceled-close"), dissolved = make_unit("canceled-unspec");
  Cgroup killed = make_unit("canceled-kill");
  Address nobody = Address::of(kBlackHole, 80);
  Child child = Child::in(killed, [&] {
    connect_error(nobody);
    return 0;
  });
  enter(closed);
  Fd first = connect_later(nobody);
  enter(dissolved);
  Fd second = connect_later(nobody);
  sleep_ms(100);
  uint64_t again = retransmits_of(first);
  first.reset();
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  ck_assert(connect(second.get(), &none, sizeof none) == 0);
  child.kill_hard();
  child.wait();
  expect_tcp(shared_daemon(), closed.owner, {{"canceled", 1}, {"retransmits", again}});
  expect_tcp(shared_daemon(), killed.owner, {{"canceled", 1}}, {"retransmits"});
  // No cgroup hook tells AF_UNSPEC from a message of ICMP.
  bool by_cgroup = flavour_of(shared_daemon(), "tcp_state") == "cgroup";
  expect_tcp(shared_daemon(), dissolved.owner, {{by_cgroup ? "unreachable" : "canceled", 1}},
             {"retransmits"});
}
END_TEST

// A neighbour that never answers ARP, and a router that knows no way and says so.
START_TEST(unreachable) {
  Fd far;
  Status status = enter_cabled_netns(far);
  if (!status.ok()) SKIP_TEST("unreachable", status.message());
  Cgroup host = make_unit("unreachable-host"), net = make_unit("unreachable-net");
  enter(host);
  check_error(connect_error(Address::of("10.88.0.77", 80)), EHOSTUNREACH);
  enter(net);
  Fd socket = connect_later(Address::of("10.99.0.1", 80));
  // A first such message that comes while connect(2) still holds the socket ends nothing: the next
  // SYN brings another.
  await_given_up(socket);
  check_error(connect_outcome(socket, 8000), ENETUNREACH);
  uint64_t again = retransmits_of(socket);
  expect_tcp(shared_daemon(), host.owner, {{"unreachable", 1}});
  expect_tcp(shared_daemon(), net.owner, {{"unreachable", 1}, {"retransmits", again}});
}
END_TEST

// All ports to one server are taken: connect(2) fails before it sends anything.
START_TEST(no_port_left) {
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("no_port_left", status.message());
  if (!write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40003"))
    SKIP_TEST("no_port_left", "no /proc/sys/net/ipv4/ip_local_port_range");
  Cgroup server = make_unit("no-port-server"), client = make_unit("no-port-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1", 80);
  Address to = local_address(listener);
  enter(client);
  std::vector<Fd> open;
  uint64_t failed = 0;
  for (int tries = 0; tries < 6; tries++) {
    Fd socket = make_socket(AF_INET, SOCK_STREAM);
    if (connect(socket.get(), to.raw(), to.size) == 0)
      open.push_back(std::move(socket));
    else if (errno == EADDRNOTAVAIL)
      failed++;
  }
  uint64_t made = open.size();
  ck_assert_msg(failed >= 2 && made + failed == 6, "%d made, %d failed", int(made), int(failed));
  for (Fd& socket : open) {
    Fd accepted = accept_from(listener);
    socket.reset();
  }
  expect_tcp(shared_daemon(), client.owner,
             {{"out", made}, {"handshakes", made}, {"lifetimes", made}, {"other", failed}});
}
END_TEST

}  // namespace

Case tcp_failure_case() {
  return {
      "tcp-failures", true, {refused, refused_v6, timed_out, canceled, unreachable, no_port_left}};
}

}  // namespace kubepulse::live
