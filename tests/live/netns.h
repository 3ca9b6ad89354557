// A network namespace of the test's own, made without any tool. It goes when its processes do.
#ifndef KUBEPULSE_TESTS_LIVE_NETNS_H
#define KUBEPULSE_TESTS_LIVE_NETNS_H

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse::live {

// Moves the calling process into a new one, where only lo is, and up.
Status enter_new_netns();
// The one that the calling process is in, for go_to_netns().
Fd own_netns();
Status go_to_netns(const Fd& netns);

// What the kernel itself counts here, by its name in the "Tcp:" lines of /proc/net/snmp (RFC 4022).
uint64_t netns_tcp_counter(const std::string& name);
// Likewise of the "Udp:" lines.
uint64_t netns_udp_counter(const std::string& name);
// Likewise of the "TcpExt:" lines of /proc/net/netstat.
uint64_t netns_tcp_extra(const std::string& name);

// Segments that the kernel has sent again in our network namespace since the test began: a machine
// that stands still for 200 ms, as an emulated one may, does so. Nearly always 0.
void note_retransmits();  // when a test begins
uint64_t retransmits_in_test();

// Addresses are IPv4 with a prefix length, "10.77.0.1/32".
Status add_address(const std::string& interface, const std::string& address);
Status remove_address(const std::string& interface, const std::string& address);
Status set_up(const std::string& interface);
Status set_down(const std::string& interface);
Status set_mtu(const std::string& interface, int mtu);

// What goes to `network` leaves by lo and is dropped as it comes back: nobody answers. An address
// of it that is added later answers at once.
Status add_black_hole(const std::string& network);

// The namespace of most failures: lo has 10.66.0.1, and nobody answers in 10.77.0.0/24.
Status enter_black_hole_netns();

Status add_route(const std::string& network, const std::string& gateway);

// A pair of virtual cards, `name` here and `peer` in the namespace `peer_netns`, both down.
Status make_veth(const std::string& name, const std::string& peer, const Fd& peer_netns);

// Of a pair both ends go.
Status remove_interface(const std::string& name);
// It must be down.
Status rename_interface(const std::string& name, const std::string& new_name);
Status move_interface(const std::string& name, const Fd& netns);

// A namespace with a cable to another one, `far`. 10.88.0.1 here and 10.88.0.2 there, which is also
// the router to 10.99.0.0/24 and knows no way to it; 10.88.0.77 is a neighbour that never answers.
Status enter_cabled_netns(Fd& far);

// A namespace with a cable to another one, `far`, on which nothing goes but what the test sends:
// no neighbour is asked for, and nobody announces himself. 10.88.0.1 and fd88::1 are here,
// 10.88.0.2 and fd88::2 there; the interfaces are called near and far.
Status enter_silent_netns(Fd& far);

// A network namespace as a pod has one: eth0 there, a cable to the one that the caller was in, and
// no way but to node_address().
Status enter_pod_netns();

// Where servers of the tests are reached by a daemon, wherever it is: 127.0.0.1, and where daemons
// are in namespaces of pods an address of lo, made where it is not there yet.
bool daemons_are_in_pods();  // KUBEPULSE_LIVE_NETWORK=pod
std::string node_address();

// What the interface has counted in our namespace, in /proc/net/dev. Bytes are with the link's
// header.
struct InterfaceCounters {
  uint64_t received_bytes, received_packets, sent_bytes, sent_packets;
};
InterfaceCounters interface_counters(const std::string& name);

}  // namespace kubepulse::live

#endif
