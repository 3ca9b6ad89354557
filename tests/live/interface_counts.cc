#include "tests/live/interface_counts.h"

#include <linux/if_link.h>

#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

const char* const kProtocols[] = {"tcp", "udp", "icmp", "sctp", "other"};

}  // namespace

void Tally::add(const std::string& protocol, uint64_t size) {
  packets[protocol]++;
  bytes[protocol] += size;
  all_packets++;
  all_bytes += size;
}

void expect_frames(const Daemon& daemon, const std::string& interface, Tally tally) {
  std::vector<Want> wants;
  for (const char* protocol : kProtocols) {
    Labels labels = {{"interface", interface}, {"protocol", protocol}};
    wants.push_back({"kubepulse_interface_packets_total", labels, double(tally.packets[protocol])});
    wants.push_back({"kubepulse_interface_bytes_total", labels, double(tally.bytes[protocol])});
  }
  expect(daemon, wants);
}

void expect_mode(const Daemon& daemon, const std::string& interface, const std::string& mode) {
  expect(daemon, {{"kubepulse_bpf_program_attached",
                   {{"program", "interface:" + interface}, {"flavour", mode}},
                   mode == "none" ? 0.0 : 1.0}});
  Page page = daemon.scrape();
  ck_assert(page.has("kubepulse_bpf_program_attached",
                     {{"program", "interface:" + interface}, {"flavour", mode}}));
}

Daemon start_counting(const Words& interfaces, const std::string& broken) {
  Launch launch{{"--profile=custom", "--collect=cpu"}};
  for (const std::string& name : interfaces)
    launch.flags.push_back("--interface=" + name);
  if (!broken.empty()) launch.environment.push_back("KUBEPULSE_TEST_BREAK=" + broken);
  return Daemon::start(launch);
}

void go_to(const Fd& netns) {
  ck_assert(go_to_netns(netns).ok());
}

void check(const Status& status) {
  ck_assert_msg(status.ok(), "%s", status.message().c_str());
}

Cable make_cable() {
  Cable cable;
  check(enter_silent_netns(cable.far));
  cable.near = own_netns();
  for (const Fd* end : {&cable.far, &cable.near}) {
    go_to(*end);
    // Others that are made later do not announce themselves either.
    write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  }
  return cable;
}

void add_cable(const Cable& cable, const std::string& name) {
  check(make_veth(name, name + "-far", cable.far));
  check(set_up(name));
  go_to(cable.far);
  check(set_up(name + "-far"));
  go_to(cable.near);
}

void send_all(const Cable& cable, const std::string& far_end, const std::vector<Frame>& frames,
              Tally& tally) {
  go_to(cable.far);
  Fd interface = open_interface(far_end);
  for (const Frame& frame : frames) {
    send_frame(interface, frame.bytes);
    tally.add(frame.protocol, frame.bytes.size());
  }
  go_to(cable.near);
}

InterfaceState state_of(const std::string& interface) {
  auto state = look_at_interface(interface);
  ck_assert(state.ok() && state.value());
  return *state.value();
}

void await_detached(const std::string& interface) {
  for (int i = 0; i < 300 && state_of(interface).xdp_attached != 0; i++)
    sleep_ms(10);
  ck_assert_uint_eq(state_of(interface).xdp_attached, XDP_ATTACHED_NONE);
}

}  // namespace kubepulse::live
