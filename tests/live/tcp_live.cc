// Who connects to whom: directions, address families, owners.
#include <netinet/tcp.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

// One connection between two processes, 5 bytes there and 7 back, looked at open and closed.
void connect_and_close(const std::string& name, const std::string& listen_host,
                       const std::string& connect_host) {
  Cgroup server = make_unit(name + "-server"), client = make_unit(name + "-client");
  enter(server);
  Fd listener = listen_at(listen_host);
  Address to = Address::of(connect_host, local_address(listener).port());
  Child connecting = Child::in(client, [&] {
    Fd socket = connect_to(to);
    send_bytes(socket, 5);
    return receive_rest(socket) == 7 ? 0 : 1;
  });
  Fd accepted = accept_from(listener);
  receive_bytes(accepted, 5);
  // When open connections were sampled last is not ours to know.
  const Words open_bytes = {"sent", "received"};
  const Daemon& daemon = shared_daemon();
  expect_tcp(daemon, client.owner, {{"out", 1}, {"active_out", 1}, {"handshakes", 1}}, open_bytes);
  expect_tcp(daemon, server.owner, {{"in", 1}, {"active_in", 1}}, open_bytes);

  send_bytes(accepted, 7);
  accepted.reset();
  connecting.finish();
  expect_tcp(daemon, client.owner,
             {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}, {"sent", 5}, {"received", 7}});
  expect_tcp(daemon, server.owner, {{"in", 1}, {"sent", 7}, {"received", 5}});
  Page page = daemon.scrape();
  for (const Owner& owner : {client.owner, server.owner})
    ck_assert(page.value("kubepulse_tcp_rtt_seconds_count", owner.labels()) >= 1);
}

bool has_ipv6() {
  return access("/proc/net/if_inet6", R_OK) == 0;
}

START_TEST(connect_v4) {
  connect_and_close("connect-v4", "127.0.0.1", "127.0.0.1");
}
END_TEST

START_TEST(connect_v6) {
  if (!has_ipv6()) SKIP_TEST("connect_v6", "no IPv6");
  connect_and_close("connect-v6", "::1", "::1");
}
END_TEST

START_TEST(connect_v4_mapped) {
  if (!has_ipv6()) SKIP_TEST("connect_v4_mapped", "no IPv6");
  connect_and_close("mapped-client", "127.0.0.1", "::ffff:127.0.0.1");
  connect_and_close("mapped-server", "::", "127.0.0.1");
  connect_and_close("mapped-both", "::ffff:127.0.0.1", "::ffff:127.0.0.1");
}
END_TEST

START_TEST(connect_in_netns) {
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("connect_in_netns", status.message());
  connect_and_close("netns", "127.0.0.1", "127.0.0.1");
}
END_TEST

// A machine under load may send again; as often as the kernel counts for this network namespace,
// where nobody else is.
void expect_retransmits_of_netns(const Daemon& daemon, const std::vector<Owner>& owners) {
  Page page = daemon.scrape();
  double retransmits = 0;
  for (const Owner& owner : owners)
    retransmits += page.value("kubepulse_tcp_retransmits_total", owner.labels());
  ck_assert(retransmits == double(netns_tcp_counter("RetransSegs")));
}

// Processes that live for a few milliseconds, each in a cgroup of its own; every other folder is
// gone before anybody can have looked at it. Where the FIN of one overtakes the last segment of its
// handshake on another CPU, the kernel answers that with RST (a listener takes no ACK,
// tcp_rcv_state_process) and may send a FIN again: as many as the namespace's own counters say.
START_TEST(short_lived) {
  constexpr int kCgroups = 50, kEach = 4;
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("short_lived", status.message());
  Cgroup server = make_unit("short-lived-server");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  std::vector<Owner> owners{server.owner};
  std::vector<Want> wants;
  for (int number = 0; number < kCgroups; number++) {
    Cgroup cgroup = make_unit("short-lived-" + std::to_string(number));
    Child child = Child::in(cgroup, [&] {
      for (int made = 0; made < kEach; made++)
        connect_to(to).release();  // the kernel closes it at exit
      return 0;
    });
    child.finish();
    if (number % 2 == 1 && knows_the_gone(shared_daemon())) remove_cgroup(cgroup);
    for (int accepted = 0; accepted < kEach; accepted++)
      accept_from(listener).reset();
    owners.push_back(cgroup.owner);
    for (Want& want :
         tcp_wants(cgroup.owner, {{"out", kEach}, {"handshakes", kEach}, {"lifetimes", kEach}},
                   {"retransmits"}))
      wants.push_back(std::move(want));
  }
  expect(shared_daemon(), wants);
  expect_tcp(shared_daemon(), server.owner,
             {{"in", kCgroups * kEach}, {"reset_sent", netns_tcp_counter("OutRsts")}},
             {"retransmits"});
  expect_retransmits_of_netns(shared_daemon(), owners);
}
END_TEST

// The folder goes while the connection is open, and something else gets the labels' cgroup id
// never.
START_TEST(cgroup_removed_while_open) {
  Cgroup server = make_unit("removed-server"), client = make_unit("removed-client");
  Connection open = make_connection(client, server);
  leave_cgroup();
  if (!knows_the_gone(shared_daemon())) {
    expect_tcp(shared_daemon(), client.owner, {{"out", 1}, {"active_out", 1}, {"handshakes", 1}});
    expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"active_in", 1}});
  }
  remove_cgroup(client);
  remove_cgroup(server);
  send_bytes(open.client, 3);
  receive_bytes(open.server, 3);
  open.close();
  expect_tcp(shared_daemon(), client.owner,
             {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}, {"sent", 3}});
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"received", 3}});
}
END_TEST

// The same labels from two cgroups add up.
START_TEST(unit_started_again) {
  Cgroup server = make_unit("again-server");
  for (uint64_t round = 1; round <= 3; round++) {
    Cgroup client = make_unit("again-client");
    make_connection(client, server).close();
    leave_cgroup();
    if (knows_the_gone(shared_daemon())) remove_cgroup(client);
    expect_tcp(shared_daemon(), client.owner,
               {{"out", round}, {"handshakes", round}, {"lifetimes", round}});
    if (!knows_the_gone(shared_daemon())) remove_cgroup(client);
  }
}
END_TEST

START_TEST(owners_by_path) {
  const std::string hex = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  const std::string uid = "11223344-5566-7788-99aa-bbccddeeff00";
  const std::string other_uid = "21223344-5566-7788-99aa-bbccddeeff00";
  const std::string slice = "kubepods-besteffort-pod21223344_5566_7788_99aa_bbccddeeff00.slice";
  const std::vector<std::pair<std::string, Owner>> shapes = {
      {"kubepods/burstable/pod" + uid + "/" + hex, {"unknown", uid}},
      {"kubepods.slice/kubepods-besteffort.slice/" + slice + "/cri-containerd-" + hex + ".scope",
       {"unknown", other_uid}},
      {"docker/" + hex, {"docker", hex.substr(0, 12)}},
      {"lxc/box", {"lxc", "box"}},
      {"plain/inner", {"host", cgroup_run_name() + "/plain/inner"}},
      {"outer.slice/inner.service", {"systemd", "inner.service"}},
  };
  Cgroup server = make_unit("owners-server");
  std::vector<Want> wants;
  for (const auto& [path, owner] : shapes) {
    Cgroup client = make_cgroup(path, owner);
    make_connection(client, server).close();
    for (Want& want : tcp_wants(owner, {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}}))
      wants.push_back(std::move(want));
  }
  expect(shared_daemon(), wants);
}
END_TEST

// The root cgroup has other inhabitants, so that only the growth can be told.
START_TEST(owner_root) {
  Owner kernel{"host", "kernel"};
  Labels out = kernel.labels();
  out.emplace_back("direction", "out");
  double before = shared_daemon().scrape().value("kubepulse_tcp_connections_total", out);
  Cgroup server = make_unit("root-server");
  for (int made = 0; made < 5; made++)
    make_connection(Cgroup{cgroup_mount(), kernel}, server).close();
  expect_tcp(shared_daemon(), server.owner, {{"in", 5}});
  double after = shared_daemon().scrape().value("kubepulse_tcp_connections_total", out);
  ck_assert_msg(after >= before + 5, "%g, then %g", before, after);
}
END_TEST

// Many at once, from several processes.
START_TEST(crowd) {
  constexpr uint64_t kChildren = 10, kEach = 100;
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("crowd", status.message());
  Cgroup server = make_unit("crowd-server"), client = make_unit("crowd-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  std::vector<Child> children;
  for (uint64_t number = 0; number < kChildren; number++)
    children.push_back(Child::in(client, [&] {
      for (uint64_t made = 0; made < kEach; made++) {
        Fd socket = connect_to(to);
        send_bytes(socket, 10);
        if (receive_rest(socket) != 20) return 1;
      }
      return 0;
    }));
  for (uint64_t served = 0; served < kChildren * kEach; served++) {
    Fd accepted = accept_from(listener);
    receive_bytes(accepted, 10);
    send_bytes(accepted, 20);
  }
  for (Child& child : children)
    child.finish();
  uint64_t all = kChildren * kEach;
  const Daemon& daemon = shared_daemon();
  expect_tcp(daemon, client.owner,
             {{"out", all},
              {"handshakes", all},
              {"lifetimes", all},
              {"sent", 10 * all},
              {"received", 20 * all}},
             {"retransmits"});
  expect_tcp(daemon, server.owner, {{"in", all}, {"sent", 20 * all}, {"received", 10 * all}},
             {"retransmits"});
  expect_retransmits_of_netns(daemon, {client.owner, server.owner});
}
END_TEST

}  // namespace

Case tcp_case() {
  return {"tcp",
          true,
          {connect_v4, connect_v6, connect_v4_mapped, connect_in_netns, short_lived,
           cgroup_removed_while_open, unit_started_again, owners_by_path, owner_root, crowd}};
}

}  // namespace kubepulse::live
