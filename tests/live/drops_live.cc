// Packets that the kernel drops, in network namespaces of the test's own: for known reasons, known
// times. What belongs to a workload of the test is exact at once. What has no owner is the
// kernel's, where the rest of the machine may drop packets for the same reason: it is done again
// until a look before and one after have only ours between them.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "bpf/event.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/netfilter.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kDrops = "kubepulse_packet_drops_total";
constexpr const char* kOverflow = "kubepulse_overflow_total";
constexpr const char* kFar = "10.88.0.2";
const Owner kKernel = {"host", "kernel"};

bool kernel_is(int major, int minor) {
  utsname about{};
  uname(&about);
  char* end = nullptr;
  long is = strtol(about.release, &end, 10);
  return is > major || (is == major && strtol(end + 1, nullptr, 10) >= minor);
}

// What this kernel calls it.
std::string reason(const std::string& name) {
  return kernel_is(5, 17) ? name : "NOT_SPECIFIED";
}

// What a socket is charged with, where owners are told by cgroups of v2.
Owner owner_of(const Cgroup& unit) {
  return unified_folder(unit).empty() ? kKernel : unit.owner;
}

// The kernel tells for whom it has received a packet.
Owner receiver_of(const Cgroup& unit) {
  return kernel_is(6, 11) ? owner_of(unit) : kKernel;
}

// Runs `drop` and asserts that as many packets as it returns were dropped in the meantime, by what
// the page says, but for those that the kernel kept our program from: since Linux 7.0 it tells.
void expect_drops(const Daemon& daemon, const Owner& owner, const std::string& name,
                  const std::function<double()>& drop) {
  constexpr int kTries = 8;
  bool is_shared = owner.pod == kKernel.pod;
  Labels labels = with(owner.labels(), "reason", reason(name));
  double want = 0, is = 0, skipped = 0;
  for (int tries = 0; tries < (is_shared ? kTries : 1); tries++) {
    Page before = fresh_page(daemon);
    want = drop();
    Page page = fresh_page(daemon);
    auto grown = [&](const char* metric, const Labels& of) {
      return page.value(metric, of) - before.value(metric, of);
    };
    is = grown(kDrops, labels);
    skipped = grown(kOverflow, {{"table", "packet_drops_skipped"}});
    ck_assert_double_eq(page.value(kOverflow, {{"table", "packet_drops"}}), 0);
    if (is <= want && is >= want - skipped) return;
  }
  ck_abort_msg("%s of %s: %g, not %g, with %g skipped\n%s", name.c_str(), owner.pod.c_str(), is,
               want, skipped, daemon.scrape().text_of(owner.labels()).c_str());
}

Fd udp_at(const Cgroup& unit, const std::string& host, uint16_t port) {
  enter(unit);
  Fd socket = make_socket(AF_INET, SOCK_DGRAM);
  Address address = Address::of(host, port);
  ck_assert(bind(socket.get(), address.raw(), address.size) == 0);
  return socket;
}

// What an unconnected socket sends, it sends whatever comes back.
int send_datagrams(const Fd& socket, const Address& to, int count) {
  char payload[200] = {};
  int sent = 0;
  for (int i = 0; i < count; i++)
    sent += sendto(socket.get(), payload, sizeof payload, 0, to.raw(), to.size) == sizeof payload;
  return sent;
}

struct Cable {
  Fd near, far;
};

Cable enter_cable() {
  Cable cable;
  Status status = enter_cabled_netns(cable.far);
  ck_assert_msg(status.ok(), "%s", status.message().c_str());
  cable.near = own_netns();
  return cable;
}

START_TEST(port_nobody_listens_on) {
  Cable cable = enter_cable();
  Cgroup unit = make_unit("drops-no-port");
  Fd socket = udp_at(unit, "10.88.0.1", 0);
  leave_cgroup();
  auto counted = [&] {
    go_to_netns(cable.far).ok();
    auto count = static_cast<double>(netns_udp_counter("NoPorts"));
    go_to_netns(cable.near).ok();
    return count;
  };
  expect_drops(shared_daemon(), kKernel, "NO_SOCKET", [&] {
    double before = counted();
    ck_assert_int_eq(send_datagrams(socket, Address::of(kFar, 9), 700), 700);
    double dropped = counted() - before;
    ck_assert_double_eq(dropped, 700);
    return dropped;
  });
}
END_TEST

// Sent is received and dropped.
START_TEST(full_receive_buffer) {
  Cable cable = enter_cable();
  constexpr int kSent = 2000;
  Cgroup receiver = make_unit("drops-receiver"), sender = make_unit("drops-sender");
  go_to_netns(cable.far).ok();
  Fd in = udp_at(receiver, kFar, 5001);
  set_option(in, SOL_SOCKET, SO_RCVBUF, 20000);
  go_to_netns(cable.near).ok();
  Fd out = udp_at(sender, "10.88.0.1", 0);
  leave_cgroup();
  expect_drops(shared_daemon(), receiver_of(receiver), "SOCKET_RCVBUFF", [&] {
    ck_assert_int_eq(send_datagrams(out, Address::of(kFar, 5001), kSent), kSent);
    char payload[256];
    int received = 0;
    while (recv(in.get(), payload, sizeof payload, MSG_DONTWAIT) > 0)
      received++;
    ck_assert(received > 0 && received < kSent);
    return kSent - received;
  });
  check_absent(shared_daemon().scrape(), kDrops, sender.owner.labels());
}
END_TEST

void drop_by_socket_filter(const Daemon& daemon) {
  Cable cable = enter_cable();
  Cgroup receiver = make_unit("drops-filtered"), sender = make_unit("drops-to-filtered");
  go_to_netns(cable.far).ok();
  Fd in = udp_at(receiver, kFar, 5002);
  sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
  sock_fprog program = {1, &nothing};
  ck_assert(setsockopt(in.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
  go_to_netns(cable.near).ok();
  Fd out = udp_at(sender, "10.88.0.1", 0);
  leave_cgroup();
  expect_drops(daemon, receiver_of(receiver), "SOCKET_FILTER",
               [&] { return send_datagrams(out, Address::of(kFar, 5002), 300); });
}

START_TEST(socket_filter) {
  drop_by_socket_filter(shared_daemon());
}
END_TEST

std::array<uint8_t, ETH_ALEN> hardware_address(const char* interface) {
  Fd any = make_socket(AF_INET, SOCK_DGRAM);
  ifreq request{};
  strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  ck_assert(ioctl(any.get(), SIOCGIFHWADDR, &request) == 0);
  std::array<uint8_t, ETH_ALEN> address;
  memcpy(address.data(), request.ifr_hwaddr.sa_data, address.size());
  return address;
}

// UDP within IPv4, whose checksum nobody has summed up.
struct Frame {
  ether_header ethernet{};
  iphdr ip{};
  udphdr udp{};
} __attribute__((packed));

Frame frame_without_checksum(const std::array<uint8_t, ETH_ALEN>& to) {
  Frame frame;
  memcpy(frame.ethernet.ether_dhost, to.data(), to.size());
  frame.ethernet.ether_type = htons(ETHERTYPE_IP);
  frame.ip.version = 4;
  frame.ip.ihl = 5;
  frame.ip.ttl = 64;
  frame.ip.protocol = IPPROTO_UDP;
  frame.ip.tot_len = htons(sizeof frame.ip + sizeof frame.udp);
  frame.ip.saddr = inet_addr("10.88.0.1");
  frame.ip.daddr = inet_addr(kFar);
  frame.udp.dest = htons(9);
  frame.udp.len = htons(sizeof frame.udp);
  return frame;
}

// Sends such frames out of the cable, from a socket of the unit.
class FrameSender {
 public:
  FrameSender(const Cable& cable, const Cgroup& unit) {
    go_to_netns(cable.far).ok();
    frame_ = frame_without_checksum(hardware_address("far"));
    go_to_netns(cable.near).ok();
    enter(unit);
    socket_ = Fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    leave_cgroup();
    to_.sll_family = AF_PACKET;
    to_.sll_ifindex = static_cast<int>(if_nametoindex("near"));
  }

  int send(int count) {
    int sent = 0;
    for (int i = 0; i < count; i++)
      sent += sendto(socket_.get(), &frame_, sizeof frame_, 0, reinterpret_cast<sockaddr*>(&to_),
                     sizeof to_) == sizeof frame_;
    ck_assert_int_eq(sent, count);
    return sent;
  }

 private:
  Frame frame_;
  Fd socket_;
  sockaddr_ll to_{};
};

// Dropped before the packet is anybody's at the other end: it is its sender's.
void drop_by_checksum(const Daemon& daemon) {
  Cable cable = enter_cable();
  Cgroup unit = make_unit("drops-bad-checksum");
  FrameSender sender(cable, unit);
  expect_drops(daemon, owner_of(unit), "IP_CSUM", [&] { return sender.send(400); });
}

START_TEST(bad_ip_checksum) {
  drop_by_checksum(shared_daemon());
}
END_TEST

START_TEST(second_choice) {
  Daemon daemon = Daemon::start({{}, {"KUBEPULSE_TEST_BREAK=packet_dropped_typed"}});
  CHECK_TEXT(flavour_of(daemon, "drops"), "raw_tp");
  drop_by_socket_filter(daemon);
  drop_by_checksum(daemon);
  daemon.stop();
}
END_TEST

// The youngest of that name.
Fd drops_map() {
  Fd youngest;
  for (uint32_t id = 0; bpf_map_get_next_id(id, &id) == 0;) {
    Fd map(bpf_map_get_fd_by_id(id));
    bpf_map_info info{};
    uint32_t size = sizeof info;
    if (map && bpf_obj_get_info_by_fd(map.get(), &info, &size) == 0 &&
        std::string(info.name) == "packet_drops")
      youngest = std::move(map);
  }
  return youngest;
}

// Each packet that finds no room is counted, and none else; but the rest of the machine may find
// none either.
START_TEST(table_full) {
  Cable cable = enter_cable();
  constexpr int kTries = 8, kSent = 150;
  Daemon daemon = Daemon::start();
  Fd map = drops_map();
  ck_assert(map);
  drop_key key{UINT64_MAX >> 1, 0, 0};
  for (uint64_t none = 0; bpf_map_update_elem(map.get(), &key, &none, BPF_NOEXIST) == 0;)
    key.reason++;
  ck_assert_int_eq(errno, E2BIG);
  Labels missed = {{"table", "packet_drops"}}, errors = {{"map", "packet_drops"}};
  double is = 0;
  for (int tries = 0; tries < kTries && is != kSent; tries++) {
    Cgroup unit = make_unit("drops-full-" + std::to_string(tries));
    FrameSender sender(cable, unit);
    Page before = daemon.scrape();
    sender.send(kSent);
    Page page = daemon.scrape();
    is = page.value(kOverflow, missed) - before.value(kOverflow, missed);
    ck_assert(page.value("kubepulse_bpf_map_update_errors_total", errors) >= kSent);
    check_absent(page, kDrops, unit.owner.labels());
  }
  ck_assert_double_eq(is, kSent);
  daemon.stop();
}
END_TEST

int drop_all_that_leaves() {
  NetfilterBatch batch;
  batch.begin_out("drops", "filter", 0);
  batch.number(NFTA_CHAIN_POLICY, NF_DROP);
  return batch.send();
}

START_TEST(packet_filter) {
  Cable cable = enter_cable();
  int error = drop_all_that_leaves();
  if (error == EPROTONOSUPPORT || error == EOPNOTSUPP)
    SKIP_TEST("packet_filter", "this kernel has no nf_tables");
  ck_assert_msg(error == 0, "nf_tables: %s", strerror(error));
  Cgroup unit = make_unit("drops-filter");
  Fd socket = udp_at(unit, "10.88.0.1", 0);
  leave_cgroup();
  expect_drops(shared_daemon(), owner_of(unit), "NETFILTER_DROP", [&] {
    ck_assert_int_eq(send_datagrams(socket, Address::of(kFar, 9), 500), 0);
    ck_assert_int_eq(errno, EPERM);
    return 500;
  });
}
END_TEST

// Neither what was received nor what Unix sockets leave unread.
START_TEST(no_drops) {
  Cable cable = enter_cable();
  Cgroup unit = make_unit("drops-none");
  go_to_netns(cable.far).ok();
  Fd in = udp_at(unit, kFar, 5003);
  go_to_netns(cable.near).ok();
  Fd out = udp_at(unit, "10.88.0.1", 0);
  enter(unit);
  int ends[2];
  ck_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
  Connection connection = make_connection(unit, unit, "10.88.0.1");
  leave_cgroup();
  for (int i = 0; i < 50; i++) {
    ck_assert_int_eq(send_datagrams(out, Address::of(kFar, 5003), 1), 1);
    char payload[256];
    ck_assert_int_eq(recv(in.get(), payload, sizeof payload, 0), 200);
    if (i < 5) ck_assert_int_eq(write(ends[0], payload, 10), 10);
  }
  send_bytes(connection.client, 100000);
  receive_bytes(connection.server, 100000);
  connection.close();
  close(ends[0]);
  close(ends[1]);
  // A segment that is sent again, which a slow machine does for want of an answer in time, comes
  // twice, and is dropped once.
  Page page = fresh_page(shared_daemon());
  Labels again = unit.owner.labels();
  again.emplace_back("reason", "TCP_OLD_DATA");
  double sent_again = page.value("kubepulse_tcp_retransmits_total", unit.owner.labels());
  double dropped = page.value(kDrops, unit.owner.labels());
  ck_assert_msg(dropped == page.value(kDrops, again) && dropped <= sent_again,
                "%g drops where %g segments were sent again: %s", dropped, sent_again,
                page.text_of(unit.owner.labels()).c_str());
}
END_TEST

}  // namespace

Case drops_case() {
  return {"drops",
          true,
          {port_nobody_listens_on, full_receive_buffer, socket_filter, bad_ip_checksum,
           packet_filter, no_drops, second_choice, table_full}};
}

}  // namespace kubepulse::live
