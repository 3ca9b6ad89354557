#include "tests/live/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

namespace {

// One message to rtnetlink and the kernel's answer to it.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    header()->nlmsg_type = type;
    header()->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    header()->nlmsg_len = NLMSG_LENGTH(0);
  }

  template <typename T>
  void body(const T& value) {
    append(&value, sizeof value);
  }

  void attribute(uint16_t type, const void* value, size_t size) {
    rtattr head{static_cast<uint16_t>(RTA_LENGTH(size)), type};
    append(&head, sizeof head);
    append(value, size);
  }
  void attribute(uint16_t type, const std::string& text) {
    attribute(type, text.c_str(), text.size() + 1);
  }

  // What is added until close() of the same belongs to it.
  size_t open(uint16_t type) {
    size_t at = header()->nlmsg_len;
    attribute(type, nullptr, 0);
    return at;
  }
  void close(size_t at) {
    reinterpret_cast<rtattr*>(bytes_ + at)->rta_len =
        static_cast<uint16_t>(header()->nlmsg_len - at);
  }

  Status send(const std::string& what) {
    Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!netlink || ::send(netlink.get(), bytes_, header()->nlmsg_len, 0) < 0)
      return Status::from_errno(what, errno);
    alignas(nlmsghdr) char answer[4096];
    ssize_t got = recv(netlink.get(), answer, sizeof answer, 0);
    if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr))))
      return Status::error(what + ": no answer of netlink");
    int error = static_cast<nlmsgerr*>(NLMSG_DATA(reinterpret_cast<nlmsghdr*>(answer)))->error;
    return error == 0 ? Status() : Status::from_errno(what, -error);
  }

 private:
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_); }
  void append(const void* value, size_t size) {
    if (size > 0) memcpy(bytes_ + header()->nlmsg_len, value, size);
    header()->nlmsg_len += NLMSG_ALIGN(size);
  }

  alignas(nlmsghdr) char bytes_[1024] = {};
};

struct Prefix {
  in_addr address{};
  uint8_t length = 32;
};

Result<Prefix> parse_prefix(const std::string& text) {
  Prefix prefix;
  std::string_view rest = text;
  std::string host(next_piece(rest, '/'));
  std::optional<uint64_t> length = parse_number(rest, 32);
  if (!length || inet_pton(AF_INET, host.c_str(), &prefix.address) != 1)
    return Status::error("malformed prefix " + text);
  prefix.length = static_cast<uint8_t>(*length);
  return prefix;
}

// With a peer, the only one that is reached by the interface.
Status change_address(uint16_t type, uint16_t flags, const std::string& interface,
                      const std::string& text, const std::string& peer = "") {
  Result<Prefix> prefix = parse_prefix(text), other = parse_prefix(peer.empty() ? text : peer);
  if (!prefix.ok()) return prefix.status();
  if (!other.ok()) return other.status();
  Request request(type, flags);
  ifaddrmsg head{};
  head.ifa_family = AF_INET;
  head.ifa_prefixlen = prefix.value().length;
  head.ifa_index = if_nametoindex(interface.c_str());
  request.body(head);
  request.attribute(IFA_LOCAL, &prefix.value().address, sizeof(in_addr));
  request.attribute(IFA_ADDRESS, &other.value().address, sizeof(in_addr));
  return request.send("address " + text + " of " + interface);
}

// By `gateway`, or where that is "" by lo.
Status new_route(const std::string& network, uint8_t scope, const std::string& gateway) {
  Result<Prefix> prefix = parse_prefix(network);
  if (!prefix.ok()) return prefix.status();
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_dst_len = prefix.value().length;
  head.rtm_table = RT_TABLE_MAIN;
  head.rtm_protocol = RTPROT_STATIC;
  head.rtm_scope = scope;
  head.rtm_type = RTN_UNICAST;
  request.body(head);
  request.attribute(RTA_DST, &prefix.value().address, sizeof(in_addr));
  in_addr via{};
  unsigned lo = if_nametoindex("lo");
  if (gateway.empty())
    request.attribute(RTA_OIF, &lo, sizeof lo);
  else if (inet_pton(AF_INET, gateway.c_str(), &via) == 1)
    request.attribute(RTA_GATEWAY, &via, sizeof via);
  return request.send("route " + network);
}

Status interface_ioctl(const std::string& interface, unsigned long request, short flags, int mtu) {
  Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq argument{};
  strncpy(argument.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  if (request == SIOCSIFMTU)
    argument.ifr_mtu = mtu;
  else
    argument.ifr_flags = flags;
  if (!any || ioctl(any.get(), request, &argument) != 0)
    return Status::from_errno("ioctl on " + interface, errno);
  return {};
}

}  // namespace

Status enter_new_netns() {
  if (unshare(CLONE_NEWNET) != 0) return Status::from_errno("no network namespace", errno);
  return set_up("lo");
}

Fd own_netns() {
  return Fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

Status go_to_netns(const Fd& netns) {
  if (setns(netns.get(), CLONE_NEWNET) == 0) return {};
  return Status::from_errno("setns", errno);
}

namespace {

// A line of names, and below it one of values.
uint64_t counter_of(const std::string& path, const std::string& group, const std::string& name) {
  std::string text = read_file(path);
  size_t start = text.find(group + ": ");
  ck_assert(start != std::string::npos);
  std::string_view lines = std::string_view(text).substr(start);
  std::string_view names = next_piece(lines, '\n'), values = next_piece(lines, '\n');
  while (!names.empty()) {
    std::string_view value = next_piece(values, ' ');
    if (next_piece(names, ' ') != name) continue;
    if (std::optional<uint64_t> number = parse_number(value)) return *number;
  }
  ck_abort_msg("no counter %s in %s", name.c_str(), path.c_str());
}

}  // namespace

uint64_t netns_tcp_counter(const std::string& name) {
  return counter_of("/proc/self/net/snmp", "Tcp", name);
}
uint64_t netns_udp_counter(const std::string& name) {
  return counter_of("/proc/self/net/snmp", "Udp", name);
}
uint64_t netns_tcp_extra(const std::string& name) {
  return counter_of("/proc/self/net/netstat", "TcpExt", name);
}

namespace {

struct {
  uint64_t netns = 0;
  uint64_t retransmits = 0;
} at_start;

uint64_t netns_inode() {
  struct stat about {};
  return stat("/proc/self/ns/net", &about) == 0 ? about.st_ino : 0;
}

}  // namespace

void note_retransmits() {
  at_start.netns = netns_inode();
  at_start.retransmits = netns_tcp_counter("RetransSegs");
}

uint64_t retransmits_in_test() {
  bool new_netns = netns_inode() != at_start.netns;
  return netns_tcp_counter("RetransSegs") - (new_netns ? 0 : at_start.retransmits);
}

Status add_address(const std::string& interface, const std::string& address) {
  return change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, interface, address);
}

Status remove_address(const std::string& interface, const std::string& address) {
  return change_address(RTM_DELADDR, 0, interface, address);
}

Status set_up(const std::string& interface) {
  return interface_ioctl(interface, SIOCSIFFLAGS, IFF_UP | IFF_RUNNING, 0);
}

Status set_down(const std::string& interface) {
  return interface_ioctl(interface, SIOCSIFFLAGS, 0, 0);
}

Status set_mtu(const std::string& interface, int mtu) {
  return interface_ioctl(interface, SIOCSIFMTU, 0, mtu);
}

Status add_black_hole(const std::string& network) {
  return new_route(network, RT_SCOPE_LINK, "");
}

Status add_route(const std::string& network, const std::string& gateway) {
  return new_route(network, RT_SCOPE_UNIVERSE, gateway);
}

Status enter_black_hole_netns() {
  Status status = enter_new_netns();
  // Scope global, so that it is the source of what leaves by lo.
  if (status.ok()) status = add_address("lo", "10.66.0.1/32");
  if (status.ok()) status = add_black_hole("10.77.0.0/24");
  return status;
}

Status make_veth(const std::string& name, const std::string& peer, const Fd& peer_netns) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  size_t info = request.open(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, std::string("veth"));
  size_t data = request.open(IFLA_INFO_DATA);
  size_t other = request.open(VETH_INFO_PEER);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, peer);
  int netns = peer_netns.get();
  request.attribute(IFLA_NET_NS_FD, &netns, sizeof netns);
  request.close(other);
  request.close(data);
  request.close(info);
  return request.send("veth " + name);
}

namespace {

// A request about an interface that is there.
Request about(const std::string& name, uint16_t type) {
  Request request(type, 0);
  ifinfomsg head{};
  head.ifi_index = static_cast<int>(if_nametoindex(name.c_str()));
  request.body(head);
  return request;
}

}  // namespace

Status remove_interface(const std::string& name) {
  return about(name, RTM_DELLINK).send("removing " + name);
}

Status rename_interface(const std::string& name, const std::string& new_name) {
  Request request = about(name, RTM_NEWLINK);
  request.attribute(IFLA_IFNAME, new_name);
  return request.send("renaming " + name);
}

Status move_interface(const std::string& name, const Fd& netns) {
  Request request = about(name, RTM_NEWLINK);
  int fd = netns.get();
  request.attribute(IFLA_NET_NS_FD, &fd, sizeof fd);
  return request.send("moving " + name);
}

Status enter_cabled_netns(Fd& far) {
  Status status = enter_new_netns();
  Fd near = own_netns();
  if (status.ok()) status = enter_new_netns();
  far = own_netns();
  if (status.ok() && !write_file("/proc/sys/net/ipv4/ip_forward", "1"))
    status = Status::error("no /proc/sys/net/ipv4/ip_forward");
  if (status.ok()) status = go_to_netns(near);
  if (status.ok()) status = make_veth("near", "far", far);
  if (status.ok()) status = add_address("near", "10.88.0.1/24");
  if (status.ok()) status = set_up("near");
  if (status.ok()) status = go_to_netns(far);
  if (status.ok()) status = add_address("far", "10.88.0.2/24");
  if (status.ok()) status = set_up("far");
  if (status.ok()) status = go_to_netns(near);
  if (status.ok()) status = add_route("10.99.0.0/24", "10.88.0.2");
  // Three questions for a neighbour, 100 ms apart instead of 1 s.
  write_file("/proc/sys/net/ipv4/neigh/near/retrans_time_ms", "100");
  return status;
}

namespace {

Status connect_end(const std::string& interface, const std::string& own, const std::string& peer) {
  // No address of its own making, which it would have to announce.
  write_file("/proc/sys/net/ipv6/conf/" + interface + "/addr_gen_mode", "1");
  Status status =
      change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, interface, own + "/32", peer + "/32");
  return status.ok() ? set_up(interface) : status;
}

constexpr const char* kNodeAddress = "10.89.0.1";

}  // namespace

Status enter_pod_netns() {
  unsigned number = static_cast<unsigned>(getpid());
  std::string cable = "veth" + std::to_string(number);
  std::string own =
      "10.89." + std::to_string(128 | (number >> 8 & 127)) + "." + std::to_string(number & 255);
  Fd node = own_netns();
  Status status = enter_new_netns();
  Fd pod = own_netns();
  if (status.ok()) status = go_to_netns(node);
  if (status.ok()) status = make_veth(cable, "eth0", pod);
  if (status.ok()) status = connect_end(cable, kNodeAddress, own);
  if (status.ok()) status = go_to_netns(pod);
  if (status.ok()) status = connect_end("eth0", own, kNodeAddress);
  return status;
}

bool daemons_are_in_pods() {
  const char* network = getenv("KUBEPULSE_LIVE_NETWORK");
  return network != nullptr && strcmp(network, "pod") == 0;
}

std::string node_address() {
  if (!daemons_are_in_pods()) return "127.0.0.1";
  add_address("lo", std::string(kNodeAddress) + "/32").ok();
  return kNodeAddress;
}

namespace {

// As of linux/ipv6.h, which does not go together with netinet/in.h.
struct AddressRequest6 {
  in6_addr address;
  uint32_t length;
  int interface;
};

Status add_address6(const std::string& interface, const std::string& address, uint32_t length) {
  AddressRequest6 request{{}, length, static_cast<int>(if_nametoindex(interface.c_str()))};
  Fd any(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any || inet_pton(AF_INET6, address.c_str(), &request.address) != 1 ||
      ioctl(any.get(), SIOCSIFADDR, &request) != 0)
    return Status::from_errno("address " + address + " of " + interface, errno);
  return {};
}

// Both ends have the same address of hardware: without a neighbour's the kernel takes its own.
Status set_up_silent(const std::string& interface, const std::string& number) {
  // No address of its own making, which it would have to announce.
  if (!write_file("/proc/sys/net/ipv6/conf/" + interface + "/addr_gen_mode", "1"))
    return Status::error("no addr_gen_mode of " + interface);
  Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq argument{};
  strncpy(argument.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  argument.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy(argument.ifr_hwaddr.sa_data, "\x02\0\0\0\0\1", 6);
  if (!any || ioctl(any.get(), SIOCSIFHWADDR, &argument) != 0)
    return Status::from_errno("hardware address of " + interface, errno);
  constexpr short kFlags = IFF_UP | IFF_RUNNING | IFF_NOARP;
  Status status = interface_ioctl(interface, SIOCSIFFLAGS, kFlags, 0);
  if (status.ok()) status = add_address(interface, "10.88.0." + number + "/24");
  if (status.ok()) status = add_address6(interface, "fd88::" + number, 64);
  return status;
}

}  // namespace

Status enter_silent_netns(Fd& far) {
  Status status = enter_new_netns();
  Fd near = own_netns();
  if (status.ok()) status = enter_new_netns();
  far = own_netns();
  if (status.ok()) status = go_to_netns(near);
  if (status.ok()) status = make_veth("near", "far", far);
  if (status.ok()) status = go_to_netns(far);
  if (status.ok()) status = set_up_silent("far", "2");
  if (status.ok()) status = go_to_netns(near);
  if (status.ok()) status = set_up_silent("near", "1");
  return status;
}

InterfaceCounters interface_counters(const std::string& name) {
  std::string text = read_file("/proc/thread-self/net/dev");
  size_t at = text.find(name + ":");
  ck_assert_msg(at != text.npos, "no interface %s", name.c_str());
  InterfaceCounters counters{};
  uint64_t unread = 0;
  int count =
      sscanf(text.c_str() + at + name.size() + 1, "%lu %lu %lu %lu %lu %lu %lu %lu %lu %lu",
             &counters.received_bytes, &counters.received_packets, &unread, &unread, &unread,
             &unread, &unread, &unread, &counters.sent_bytes, &counters.sent_packets);
  ck_assert_int_eq(count, 10);
  return counters;
}

}  // namespace kubepulse::live
