// Packets of each workload, held against what was sent and against the counters of a veth. Of each
// workload of a test everything that the page says is asked for: what was not sent must be 0.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/tcp.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "collect/traffic_probe.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr uint64_t kLinkHeader = 14;  // Ethernet; counted by a veth, not by us
constexpr uint64_t kUdp4 = 20 + 8, kUdp6 = 40 + 8;
const char* const kDirections[] = {"out", "in"};
const char* const kProtocols[] = {"tcp", "udp", "icmp", "sctp", "other"};
enum Direction { kOut, kIn };

// What was sent or received, packet by packet.
struct Tally {
  std::map<std::string, uint64_t> packets[2], bytes[2];
  std::vector<uint64_t> sizes[2];

  void add(Direction direction, const std::string& protocol, uint64_t size, uint64_t count = 1) {
    packets[direction][protocol] += count;
    bytes[direction][protocol] += count * size;
    sizes[direction].insert(sizes[direction].end(), count, size);
  }
  uint64_t sum(Direction direction) const {
    uint64_t all = 0;
    for (const auto& [protocol, count] : bytes[direction])
      all += count;
    return all;
  }
};

Labels labels_of(const Owner& owner, Direction direction, const Labels& more = {}) {
  Labels labels = owner.labels();
  labels.push_back({"direction", kDirections[direction]});
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

void add_wants(std::vector<Want>& wants, const Owner& owner, Tally tally) {
  for (Direction direction : {kOut, kIn}) {
    for (const char* protocol : kProtocols) {
      Labels labels = labels_of(owner, direction, {{"protocol", protocol}});
      wants.push_back({"kubepulse_packets_total", labels,
                       static_cast<double>(tally.packets[direction][protocol])});
      wants.push_back({"kubepulse_packet_bytes_total", labels,
                       static_cast<double>(tally.bytes[direction][protocol])});
    }
    const std::vector<uint64_t>& sizes = tally.sizes[direction];
    for (uint64_t bound = 64; bound <= 32768; bound *= 2)
      wants.push_back(
          {"kubepulse_packet_size_bytes_bucket",
           labels_of(owner, direction, {{"le", std::to_string(bound)}}),
           static_cast<double>(std::count_if(sizes.begin(), sizes.end(),
                                             [bound](uint64_t size) { return size <= bound; }))});
    Labels labels = labels_of(owner, direction);
    wants.push_back({"kubepulse_packet_size_bytes_count", labels, double(sizes.size())});
    wants.push_back({"kubepulse_packet_size_bytes_sum", labels, double(tally.sum(direction))});
  }
}

void expect_packets(const std::vector<std::pair<Owner, Tally>>& tallies) {
  std::vector<Want> wants;
  for (const auto& [owner, tally] : tallies)
    add_wants(wants, owner, tally);
  expect(shared_daemon(), wants);
}

// What the page says of a workload, in one direction.
struct Told {
  uint64_t packets, bytes;
};
Told told(const Page& page, const Owner& owner, Direction direction) {
  Labels labels = labels_of(owner, direction);
  Told sums{static_cast<uint64_t>(page.value("kubepulse_packets_total", labels)),
            static_cast<uint64_t>(page.value("kubepulse_packet_bytes_total", labels))};
  ck_assert_uint_eq(static_cast<uint64_t>(page.value("kubepulse_packet_size_bytes_count", labels)),
                    sums.packets);
  ck_assert_uint_eq(static_cast<uint64_t>(page.value("kubepulse_packet_size_bytes_sum", labels)),
                    sums.bytes);
  return sums;
}

// All that went over the cable was of this workload, and was as the cable has it.
void expect_cable(const Owner& owner, const std::string& interface) {
  InterfaceCounters cable = interface_counters(interface);
  auto agrees = [&](const Page& page) {
    Told out = told(page, owner, kOut), in = told(page, owner, kIn);
    return out.packets == cable.sent_packets && in.packets == cable.received_packets &&
           out.bytes + kLinkHeader * out.packets == cable.sent_bytes &&
           in.bytes + kLinkHeader * in.packets == cable.received_bytes;
  };
  uint64_t give_up_ns = monotonic_ns() + 3 * kNsPerSecond;
  while (!agrees(shared_daemon().scrape()) && monotonic_ns() < give_up_ns)
    sleep_ms(100);
  Page page = shared_daemon().scrape();
  Told out = told(page, owner, kOut), in = told(page, owner, kIn);
  ck_assert_msg(agrees(page),
                "%s: sent %lu of %lu packets, %lu bytes (%lu with links); "
                "received %lu of %lu, %lu bytes (%lu)",
                interface.c_str(), out.packets, cable.sent_packets, out.bytes, cable.sent_bytes,
                in.packets, cable.received_packets, in.bytes, cable.received_bytes);
}

struct Cable {
  Fd near, far;
};

// This process is at its near end.
Cable make_cable() {
  Cable cable;
  Status status = enter_silent_netns(cable.far);
  ck_assert_msg(status.ok(), "%s", status.message().c_str());
  cable.near = own_netns();
  return cable;
}

void go_to(const Fd& netns) {
  ck_assert(go_to_netns(netns).ok());
}

Fd bound_socket(const std::string& host) {
  Address address = Address::of(host, 0);
  Fd made = make_socket(address.family(), SOCK_DGRAM);
  ck_assert(bind(made.get(), address.raw(), address.size) == 0);
  return made;
}

void send_packet(const Fd& from, const Address& to, const void* data, size_t size) {
  ssize_t sent = sendto(from.get(), data, size, 0, to.raw(), to.size);
  ck_assert_msg(sent == static_cast<ssize_t>(size), "sendto: %s", strerror(errno));
}

void send_datagram(const Fd& from, const Address& to, size_t size) {
  std::vector<char> payload(size, 'x');
  send_packet(from, to, payload.data(), size);
}

void receive_datagram(const Fd& at, size_t size) {
  std::vector<char> payload(70000);
  ck_assert_int_eq(recv(at.get(), payload.data(), payload.size(), 0), static_cast<ssize_t>(size));
}

// One echo request through a socket of its own and the answer of the far kernel.
void ping(const std::string& from, const std::string& to, size_t payload) {
  bool is_v6 = Address::of(to, 0).family() == AF_INET6;
  Fd raw(socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
                is_v6 ? int(IPPROTO_ICMPV6) : int(IPPROTO_ICMP)));
  Address own = Address::of(from, 0), other = Address::of(to, 0);
  ck_assert(raw && bind(raw.get(), own.raw(), own.size) == 0);
  std::vector<uint8_t> message(8 + payload, 0);
  message[0] = is_v6 ? uint8_t{ICMP6_ECHO_REQUEST} : uint8_t{ICMP_ECHO};
  if (!is_v6) {  // the kernel sums up that of IPv6 only; all else is 0
    message[2] = 0xF7;
    message[3] = 0xFF;
  }
  send_packet(raw, other, message.data(), message.size());
  uint8_t answer[2048];
  ck_assert_int_eq(recv(raw.get(), answer, sizeof answer, 0),
                   static_cast<ssize_t>(message.size() + (is_v6 ? 0 : 20)));
}

bool has_packets() {
  return !flavour_of(shared_daemon(), "packets").empty();
}

START_TEST(over_a_cable) {
  if (!has_packets()) SKIP_TEST("over_a_cable", "packets are not counted here");
  Cgroup client = make_unit("packets-client"), server = make_unit("packets-server");
  Tally sent, received;
  Cable cable = make_cable();
  for (const char* const* ends : {(const char* const[]){"10.88.0.1", "10.88.0.2"},
                                  (const char* const[]){"fd88::1", "fd88::2"}}) {
    bool is_v6 = strchr(ends[0], ':') != nullptr;
    uint64_t headers = is_v6 ? kUdp6 : kUdp4;
    enter(server);
    go_to(cable.far);
    Fd there = bound_socket(ends[1]);
    enter(client);
    go_to(cable.near);
    Fd here = bound_socket(ends[0]);
    // Around bounds of buckets, the smallest and the largest that is not cut up.
    for (uint64_t size : {uint64_t{0}, uint64_t{1}, 64 - headers, 65 - headers, 128 - headers,
                          uint64_t{1000}, 1500 - headers}) {
      send_datagram(here, local_address(there), size);
      receive_datagram(there, size);
      sent.add(kOut, "udp", size + headers);
      received.add(kIn, "udp", size + headers);
    }
    for (int i = 0; i < 20; i++) {
      send_datagram(there, local_address(here), 100);
      receive_datagram(here, 100);
    }
    received.add(kOut, "udp", 100 + headers, 20);
    sent.add(kIn, "udp", 100 + headers, 20);
    // The far kernel answers in its own name.
    for (size_t size : {0, 56, 1000}) {
      ping(ends[0], ends[1], size);
      for (Direction direction : {kOut, kIn})
        sent.add(direction, "icmp", size + headers);
    }
  }
  leave_cgroup();
  expect_packets({{client.owner, sent}, {server.owner, received}});
  expect_cable(client.owner, "near");
}
END_TEST

// Small segments, that go each for itself, are what the socket itself has counted; large ones what
// the cable has. The connection ends so that both sides have a socket till the last segment.
START_TEST(tcp_over_a_cable) {
  if (!has_packets()) SKIP_TEST("tcp_over_a_cable", "packets are not counted here");
  Cgroup client = make_unit("stream-client"), server = make_unit("stream-server");
  Cable cable = make_cable();
  enter(server);
  go_to(cable.far);
  Fd listener = listen_at("10.88.0.2");
  enter(client);
  go_to(cable.near);
  Fd here = connect_to(local_address(listener));
  Fd there = accept_from(listener);
  leave_cgroup();
  constexpr int kMessages = 10;
  for (int i = 0; i < kMessages; i++) {
    send_bytes(here, 1000);
    receive_bytes(there, 1000);
    send_bytes(there, 10);
    receive_bytes(here, 10);
  }
  sleep_ms(300);  // longer than an ACK may be put off
  tcp_info info{};
  socklen_t size = sizeof info;
  ck_assert(getsockopt(here.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  // A SYN has 40 bytes of TCP header, any other segment 32: timestamps.
  uint64_t out = 60 + 52 * (info.tcpi_segs_out - 1) + 1000 * kMessages;
  uint64_t in = 60 + 52 * (info.tcpi_segs_in - 1) + 10 * kMessages;
  Labels tcp = {{"protocol", "tcp"}};
  expect(
      shared_daemon(),
      {{"kubepulse_packets_total", labels_of(client.owner, kOut, tcp), double(info.tcpi_segs_out)},
       {"kubepulse_packets_total", labels_of(client.owner, kIn, tcp), double(info.tcpi_segs_in)},
       {"kubepulse_packet_bytes_total", labels_of(client.owner, kOut, tcp), double(out)},
       {"kubepulse_packet_bytes_total", labels_of(client.owner, kIn, tcp), double(in)}});
  expect_cable(client.owner, "near");
  constexpr uint64_t kStream = 4 << 20;
  Child reader = Child::in(server, [&] {
    receive_bytes(there, kStream);
    return 0;
  });
  send_bytes(here, kStream);
  reader.finish();
  ck_assert(shutdown(here.get(), SHUT_WR) == 0);
  ck_assert_uint_eq(receive_rest(there), 0);
  there.reset();
  ck_assert_uint_eq(receive_rest(here), 0);
  sleep_ms(100);
  expect_cable(client.owner, "near");
  // Nothing was lost on the way.
  Page page = shared_daemon().scrape();
  for (Direction direction : {kOut, kIn}) {
    Told one = told(page, client.owner, direction);
    Told other = told(page, server.owner, direction == kOut ? kIn : kOut);
    ck_assert_uint_eq(one.packets, other.packets);
    ck_assert_uint_eq(one.bytes, other.bytes);
  }
  // Far fewer than segments on a wire: what is cut up for it is one.
  ck_assert_uint_lt(told(page, client.owner, kOut).packets, kStream / 1448);
}
END_TEST

// A datagram that is sent in fragments is one at either end, whole; the cable has the fragments.
START_TEST(fragments) {
  if (!has_packets()) SKIP_TEST("fragments", "packets are not counted here");
  constexpr uint64_t kSize = 5000, kFragments = 4;
  Cgroup client = make_unit("fragments-client"), server = make_unit("fragments-server");
  Tally sent, received;
  Cable cable = make_cable();
  for (const char* to : {"10.88.0.2", "fd88::2"}) {
    bool is_v6 = strchr(to, ':') != nullptr;
    uint64_t ip = is_v6 ? 40 : 20, fragment = is_v6 ? 48 : 20;
    enter(server);
    go_to(cable.far);
    Fd there = bound_socket(to);
    enter(client);
    go_to(cable.near);
    InterfaceCounters before = interface_counters("near");
    Fd here = bound_socket(is_v6 ? "fd88::1" : "10.88.0.1");
    send_datagram(here, local_address(there), kSize);
    receive_datagram(there, kSize);
    sent.add(kOut, "udp", ip + 8 + kSize);
    received.add(kIn, "udp", ip + 8 + kSize);
    InterfaceCounters after = interface_counters("near");
    ck_assert_uint_eq(after.sent_packets - before.sent_packets, kFragments);
    ck_assert_uint_eq(after.sent_bytes - before.sent_bytes,
                      8 + kSize + kFragments * (fragment + kLinkHeader));
  }
  leave_cgroup();
  expect_packets({{client.owner, sent}, {server.owner, received}});
}
END_TEST

// Headers of IPv6 before the one that tells the protocol, each of 8 bytes; the last names `last`.
std::vector<uint8_t> chain(const std::vector<uint8_t>& headers, uint8_t last, uint16_t offset) {
  std::vector<uint8_t> packet(40, 0);
  packet[0] = 0x60;
  packet[6] = headers.empty() ? last : headers[0];
  packet[7] = 1;  // as far as the next router
  Address from = Address::of("fd88::1", 0), to = Address::of("fd88::2", 0);
  memcpy(&packet[8], &reinterpret_cast<sockaddr_in6*>(from.raw())->sin6_addr, 16);
  memcpy(&packet[24], &reinterpret_cast<sockaddr_in6*>(to.raw())->sin6_addr, 16);
  for (size_t i = 0; i < headers.size(); i++) {
    uint8_t next = i + 1 < headers.size() ? headers[i + 1] : last;
    std::vector<uint8_t> header = {next, 0, 1, 4, 0, 0, 0, 0};  // one option, of padding
    if (headers[i] == IPPROTO_ROUTING) header = {next, 0, 4, 0, 0, 0, 0, 0};  // at its end
    if (headers[i] == IPPROTO_FRAGMENT)
      header = {next, 0, static_cast<uint8_t>(offset >> 5), static_cast<uint8_t>(offset << 3), 0, 0,
                0,    1};
    packet.insert(packet.end(), header.begin(), header.end());
  }
  packet.resize(packet.size() + 32, 0);
  packet[4] = static_cast<uint8_t>((packet.size() - 40) >> 8);
  packet[5] = static_cast<uint8_t>(packet.size() - 40);
  return packet;
}

// Packets that the sender has made itself; what becomes of them is another's affair.
START_TEST(made_by_hand) {
  if (!has_packets()) SKIP_TEST("made_by_hand", "packets are not counted here");
  constexpr uint8_t kHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;
  Cgroup unit = make_unit("handmade");
  Tally sent;
  Cable cable = make_cable();  // its far end lives as long
  enter(unit);
  Fd raw6(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  Fd raw4(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  leave_cgroup();
  auto send6 = [&](const std::vector<uint8_t>& packet, const char* protocol) {
    send_packet(raw6, Address::of("fd88::2", 0), packet.data(), packet.size());
    sent.add(kOut, protocol, packet.size());
  };
  send6(chain({}, IPPROTO_UDP, 0), "udp");
  send6(chain({kHop}, IPPROTO_TCP, 0), "tcp");
  send6(chain({kDestination}, IPPROTO_ICMPV6, 0), "icmp");
  send6(chain({kRouting}, IPPROTO_SCTP, 0), "sctp");
  send6(chain({kHop, kDestination, kRouting, kFragment, kDestination}, IPPROTO_UDP, 0), "udp");
  send6(chain(std::vector<uint8_t>(8, kDestination), IPPROTO_UDP, 0), "udp");
  // One more than is followed.
  send6(chain(std::vector<uint8_t>(9, kDestination), IPPROTO_UDP, 0), "other");
  send6(chain({}, 47, 0), "other");  // GRE
  // Not the first fragment: behind its header stands no other, whatever it looks like.
  send6(chain({kFragment}, IPPROTO_TCP, 100), "tcp");
  send6(chain({kFragment}, kDestination, 100), "other");
  for (auto [protocol, name] : {std::pair<uint8_t, const char*>{IPPROTO_TCP, "tcp"},
                                {IPPROTO_UDP, "udp"},
                                {IPPROTO_ICMP, "icmp"},
                                {IPPROTO_SCTP, "sctp"},
                                {IPPROTO_GRE, "other"}})
    for (uint8_t offset : {0, 100}) {
      // With options, 24 bytes of header; the kernel fills in length and checksum.
      uint8_t packet[24 + 32] = {0x46, 0, 0, 0, 0, 1, 0, offset, 1, protocol, 0, 0, 10, 88, 0, 1};
      memcpy(packet + 16, "\x0a\x58\0\2\1\1\1\1", 8);
      send_packet(raw4, Address::of("10.88.0.2", 0), packet, sizeof packet);
      sent.add(kOut, name, sizeof packet);
    }
  expect_packets({{unit.owner, sent}});
}
END_TEST

// The network of the host, as hostNetwork pods have it, and two workloads in it.
START_TEST(in_one_network) {
  if (!has_packets()) SKIP_TEST("in_one_network", "packets are not counted here");
  Cgroup client = make_unit("beside-client"), server = make_unit("beside-server");
  Tally sent, received;
  enter(server);
  Fd there = bound_socket("127.0.0.1");
  enter(client);
  Fd here = bound_socket("127.0.0.1");
  leave_cgroup();
  // Over lo, of 65,536 bytes, goes what is larger than the last bound.
  for (uint64_t size : {uint64_t{1}, 32768 - kUdp4, 32769 - kUdp4, uint64_t{60000}}) {
    send_datagram(here, local_address(there), size);
    receive_datagram(there, size);
    sent.add(kOut, "udp", size + kUdp4);
    received.add(kIn, "udp", size + kUdp4);
  }
  expect_packets({{client.owner, sent}, {server.owner, received}});
  // They go on.
  send_datagram(there, local_address(here), 7);
  receive_datagram(here, 7);
  received.add(kOut, "udp", 7 + kUdp4);
  sent.add(kIn, "udp", 7 + kUdp4);
  expect_packets({{client.owner, sent}, {server.owner, received}});
}
END_TEST

// What it had sent is told, whenever somebody asks.
START_TEST(removed_before_a_scrape) {
  if (!has_packets()) SKIP_TEST("removed_before_a_scrape", "packets are not counted here");
  Cgroup unit = make_unit("brief");
  Fd there = bound_socket("127.0.0.1");
  Tally sent;
  Child child = Child::in(unit, [&] {
    Fd here = bound_socket("127.0.0.1");
    for (int i = 0; i < 50; i++)
      send_datagram(here, local_address(there), 10);
    return 0;
  });
  child.finish();
  sent.add(kOut, "udp", 10 + kUdp4, 50);
  if (knows_the_gone(shared_daemon())) remove_cgroup(unit);
  expect_packets({{unit.owner, sent}});
}
END_TEST

// By its own statistics of BPF: how often the two programs ran.
uint64_t runs_of(const TrafficProbe& probe) {
  uint64_t runs = 0;
  probe.each_program([&](const bpf_program* program) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    ck_assert(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0);
    runs += info.run_cnt;
  });
  return runs;
}

// Beyond its bound nothing is lost from the count: counted and dropped are all that there were, of
// the whole machine.
START_TEST(a_full_table) {
  if (!has_packets()) SKIP_TEST("a_full_table", "packets are not counted here");
  Fd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  ck_assert(bool(statistics));
  LoadSettings settings;
  settings.host = Host::look("", "");
  settings.cgroup_root = cgroup_mount();
  TrafficConfig config;
  config.cgroups_max = 3;
  auto opened = TrafficProbe::open(config, settings);
  ck_assert(opened.ok() && !opened.value()->outcome().front().flavour.empty());
  TrafficProbe& probe = *opened.value();
  Fd there = bound_socket("127.0.0.1");
  for (int unit = 0; unit < 8; unit++) {
    enter(make_unit("full-table-" + std::to_string(unit)));
    Fd here = bound_socket("127.0.0.1");
    for (int i = 0; i < 25; i++)
      send_datagram(here, local_address(there), 10);
  }
  leave_cgroup();
  ck_assert_uint_ge(probe.dropped(), 5 * 25);
  // Others send as well; some time they do not.
  bool quiet = false;
  for (int tries = 0; tries < 100 && !quiet; tries++) {
    uint64_t before = runs_of(probe), counted = 0, entries = 0;
    Status status = probe.each([&](uint64_t, const traffic_counts& counts) {
      entries++;
      for (const auto& way : counts.packets)
        for (const packet_counts& protocol : way)
          for (uint64_t packets : protocol.sizes)
            counted += packets;
    });
    ck_assert(status.ok());
    uint64_t dropped = probe.dropped();
    if (runs_of(probe) != before) continue;
    quiet = true;
    ck_assert_uint_eq(entries, 3);
    ck_assert_uint_eq(counted + dropped, before);
  }
  ck_assert(quiet);
}
END_TEST

}  // namespace

Case packets_case() {
  return {"packets",
          true,
          {over_a_cable, tcp_over_a_cable, fragments, made_by_hand, in_one_network,
           removed_before_a_scrape, a_full_table}};
}

}  // namespace kubepulse::live
