// Frames of --interface: each that is sent, with its exact bytes, held against the counters of the
// veth that it comes in by. Everything that the page says of an interface is asked for: what was
// not sent must be 0.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "collect/interface_watch.h"
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/frames.h"
#include "tests/live/harness.h"
#include "tests/live/interface_counts.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

// What runs natively a veth counts without the link's header (drivers/net/veth.c, veth_xdp_rcv).
void expect_veth(const std::string& interface, const std::string& mode, const Tally& tally) {
  InterfaceCounters veth = interface_counters(interface);
  ck_assert_uint_eq(veth.received_packets, tally.all_packets);
  uint64_t left_out = mode == "native" ? kLinkHeader * tally.all_packets : 0;
  ck_assert_uint_eq(veth.received_bytes, tally.all_bytes - left_out);
}

void count_all_frames(const std::string& mode, const std::string& broken) {
  Cable cable = make_cable();
  Daemon daemon = start_counting({"near"}, broken);
  expect_mode(daemon, "near", mode);
  Tally tally;
  send_all(cable, "far", all_frames(), tally);
  expect_frames(daemon, "near", tally);
  expect_veth("near", mode, tally);
  daemon.stop();
  await_detached("near");
}

START_TEST(frames_native) {
  count_all_frames("native", "");
}
END_TEST

START_TEST(frames_generic) {
  count_all_frames("generic", "native");
}
END_TEST

// As before Linux 5.18.
START_TEST(frames_plain) {
  count_all_frames("native", "frames_in");
}
END_TEST

START_TEST(frames_plain_generic) {
  count_all_frames("generic", "frames_in,native");
}
END_TEST

// Larger than a page, with headers of IPv6 that stand far behind: whole, in either mode.
void count_large_frames(const std::string& broken, const std::string& mode) {
  Cable cable = make_cable();
  check(set_mtu("near", 9000));
  go_to(cable.far);
  check(set_mtu("far", 9000));
  go_to(cable.near);
  Daemon daemon = start_counting({"near"}, broken);
  if (!mode.empty()) expect_mode(daemon, "near", mode);
  std::vector<Frame> frames;
  for (size_t size : {2000, 3000, 3500, 4000, 5000, 8000, 8960})
    for (int i = 0; i < 5; i++) {
      frames.push_back({make_frame(0x0800, make_ipv4(6, 0, 0, size)), "tcp"});
      Bytes far_behind = make_ipv6({60, 60, 60, 60}, 17, 0, size);
      for (size_t header = 0; header < 3; header++) {
        // One of 2048 bytes, of which 8 are there already; what else is in it is no header.
        size_t at = 40 + header * 2048;
        if (at + 2048 + 8 > size) break;
        far_behind.insert(far_behind.begin() + static_cast<long>(at) + 8, 2040, 0xFF);
        far_behind[at + 1] = 255;
      }
      far_behind.resize(size);
      frames.push_back({make_frame(0x86DD, far_behind), "udp"});
    }
  Tally tally;
  send_all(cable, "far", frames, tally);
  expect_frames(daemon, "near", tally);
  ck_assert_uint_eq(interface_counters("near").received_packets, tally.all_packets);
  daemon.stop();
}

START_TEST(large_frames) {
  count_large_frames("", "");
}
END_TEST

START_TEST(large_frames_generic) {
  count_large_frames("native", "generic");
}
END_TEST

// No driver hands them to a program that knows one buffer only; generically they are put together.
START_TEST(large_frames_plain) {
  count_large_frames("frames_in", "generic");
}
END_TEST

// What stacks send: a stream, fragments, echo requests. All of it is as the veth has it.
void count_real_traffic(const std::string& mode, const std::string& broken) {
  Cable cable = make_cable();
  Daemon daemon = start_counting({"near"}, broken);
  expect_mode(daemon, "near", mode);
  Fd listener = listen_at("10.88.0.1");
  Address sink_address = Address::of("10.88.0.1", 0);
  Fd sink = make_socket(AF_INET, SOCK_DGRAM);
  ck_assert(bind(sink.get(), sink_address.raw(), sink_address.size) == 0);
  Address sink_at = local_address(sink);
  go_to(cable.far);
  Fd client = connect_to(local_address(listener));
  Fd server = accept_from(listener);
  constexpr uint64_t kStream = 1 << 20;
  Child reader = Child::in(make_unit("interfaces-reader"), [&] {
    receive_bytes(server, kStream);
    return 0;
  });
  send_bytes(client, kStream);
  reader.finish();
  Fd source = make_socket(AF_INET, SOCK_DGRAM);
  constexpr int kDatagrams = 20;
  std::vector<char> payload(5000, 'x');
  for (int i = 0; i < kDatagrams; i++)
    ck_assert(sendto(source.get(), payload.data(), payload.size(), 0, sink_at.raw(),
                     sink_at.size) == static_cast<ssize_t>(payload.size()));
  leave_cgroup();
  go_to(cable.near);
  client.reset();
  server.reset();
  sleep_ms(300);
  // Four fragments each.
  Labels udp = {{"interface", "near"}, {"protocol", "udp"}};
  expect(daemon, {{"kubepulse_interface_packets_total", udp, 4.0 * kDatagrams},
                  {"kubepulse_interface_bytes_total", udp,
                   kDatagrams * (5008.0 + 4 * (20 + kLinkHeader))}});
  InterfaceCounters veth = interface_counters("near");
  Page page = daemon.scrape();
  double frames = page.value("kubepulse_interface_packets_total", {{"interface", "near"}});
  double bytes = page.value("kubepulse_interface_bytes_total", {{"interface", "near"}});
  ck_assert_uint_eq(static_cast<uint64_t>(frames), veth.received_packets);
  uint64_t left_out = mode == "native" ? kLinkHeader * veth.received_packets : 0;
  ck_assert_uint_eq(static_cast<uint64_t>(bytes), veth.received_bytes + left_out);
  daemon.stop();
}

START_TEST(real_traffic_native) {
  count_real_traffic("native", "");
}
END_TEST

START_TEST(real_traffic_generic) {
  count_real_traffic("generic", "native");
}
END_TEST

void rename(const std::string& name, const std::string& new_name) {
  check(set_down(name));
  check(rename_interface(name, new_name));
  check(set_up(new_name));
}

START_TEST(comes_and_goes) {
  Cable cable = make_cable();
  Daemon daemon = start_counting({"later", "near"});
  ck_assert(daemon.err().find("an interface is not there") != std::string::npos);
  ck_assert(daemon.err().find("an interface is not counted") == std::string::npos);
  Tally tally, nothing;
  const std::vector<Frame> frames = {{make_frame(0x0800, make_ipv4(6)), "tcp"},
                                     {make_frame(0x86DD, make_ipv6({}, 17)), "udp"}};
  expect_mode(daemon, "later", "none");
  expect_frames(daemon, "later", tally);
  // Made, and made again under another index.
  for (int i = 0; i < 3; i++) {
    add_cable(cable, "later");
    expect_mode(daemon, "later", "native");
    send_all(cable, "later-far", frames, tally);
    expect_frames(daemon, "later", tally);
    check(remove_interface("later"));
    expect_mode(daemon, "later", "none");
    expect_frames(daemon, "later", tally);
  }
  // One that gets the name, and loses it.
  add_cable(cable, "earlier");
  send_all(cable, "earlier-far", frames, nothing);
  rename("earlier", "later");
  expect_mode(daemon, "later", "native");
  send_all(cable, "earlier-far", frames, tally);
  expect_frames(daemon, "later", tally);
  rename("later", "other");
  expect_mode(daemon, "later", "none");
  await_detached("other");
  send_all(cable, "earlier-far", frames, nothing);
  // Out of the network namespace and back.
  rename("other", "later");
  expect_mode(daemon, "later", "native");
  check(move_interface("later", cable.far));
  expect_mode(daemon, "later", "none");
  go_to(cable.far);
  await_detached("later");
  check(move_interface("later", cable.near));
  go_to(cable.near);
  check(set_up("later"));
  expect_mode(daemon, "later", "native");
  send_all(cable, "earlier-far", frames, tally);
  expect_frames(daemon, "later", tally);
  expect_frames(daemon, "near", {});
  daemon.stop();
}
END_TEST

// Each name has its own counts, whoever has the name.
START_TEST(names_exchanged) {
  Cable cable = make_cable();
  add_cable(cable, "one");
  Daemon daemon = start_counting({"one", "two"});
  Tally one, two;
  auto send = [&cable](Tally& tally) {
    send_all(cable, "one-far", {{make_frame(0x0800, make_ipv4(6)), "tcp"}}, tally);
  };
  send(one);
  rename("one", "two");
  expect_mode(daemon, "one", "none");
  expect_mode(daemon, "two", "native");
  send(two);
  send(two);
  expect_frames(daemon, "one", one);
  expect_frames(daemon, "two", two);
  rename("two", "one");
  expect_mode(daemon, "two", "none");
  expect_mode(daemon, "one", "native");
  send(one);
  expect_frames(daemon, "one", one);
  expect_frames(daemon, "two", two);
  daemon.stop();
}
END_TEST

// More news than the socket holds: what they told is looked up.
START_TEST(news_lost) {
  Cable cable = make_cable();
  Daemon daemon = start_counting({"near", "later"});
  expect_mode(daemon, "near", "native");
  ck_assert(kill(daemon.pid(), SIGSTOP) == 0);
  add_cable(cable, "noise");
  for (int i = 0; i < 2000; i++)
    check(set_mtu("noise", 1400 + i % 2));
  check(remove_interface("near"));
  add_cable(cable, "later");
  ck_assert(kill(daemon.pid(), SIGCONT) == 0);
  expect_mode(daemon, "near", "none");
  expect_mode(daemon, "later", "native");
  Tally tally;
  send_all(cable, "later-far", {{make_frame(0x0800, make_ipv4(6)), "tcp"}}, tally);
  expect_frames(daemon, "later", tally);
  daemon.stop();
}
END_TEST

START_TEST(two_interfaces) {
  Cable cable = make_cable();
  add_cable(cable, "second");
  Daemon daemon = start_counting({"near,second"});
  Tally one, other;
  send_all(cable, "far", std::vector<Frame>(7, {make_frame(0x0800, make_ipv4(6)), "tcp"}), one);
  send_all(cable, "second-far", std::vector<Frame>(5, {make_frame(0x0800, make_ipv4(17)), "udp"}),
           other);
  expect_frames(daemon, "near", one);
  expect_frames(daemon, "second", other);
  daemon.stop();
  await_detached("near");
  await_detached("second");
}
END_TEST

START_TEST(killed) {
  for (const char* broken : {"", "native"}) {
    Cable cable = make_cable();
    Daemon daemon = start_counting({"near"}, broken);
    ck_assert_uint_ne(state_of("near").xdp_attached, XDP_ATTACHED_NONE);
    daemon.kill_hard();
    await_detached("near");
  }
}
END_TEST

// A program that passes all, of somebody else.
Fd load_foreign() {
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  Fd program(bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass, 2, &options));
  ck_assert_msg(bool(program), "bpf_prog_load: %s", strerror(errno));
  return program;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size())
    count++;
  return count;
}

// By netlink or as a link, native or generic: it stays, and that is said once. Once it is gone ours
// is attached.
START_TEST(foreign_program) {
  Fd foreign = load_foreign();
  for (bool as_link : {false, true})
    for (uint32_t flags : {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE}) {
      Cable cable = make_cable();
      int index = static_cast<int>(if_nametoindex("near"));
      Fd link;
      if (as_link) {
        bpf_link_create_opts options{};
        options.sz = sizeof options;
        options.flags = flags;
        link = Fd(bpf_link_create(foreign.get(), index, BPF_XDP, &options));
        ck_assert(bool(link));
      } else {
        ck_assert_int_eq(bpf_xdp_attach(index, foreign.get(), flags, nullptr), 0);
      }
      uint32_t id = state_of("near").xdp_program;
      ck_assert_uint_ne(id, 0);
      Daemon daemon = start_counting({"near"});
      expect_mode(daemon, "near", "none");
      check(set_mtu("near", 1400));  // news
      check(set_mtu("near", 1300));
      Tally nothing;
      expect_frames(daemon, "near", nothing);
      ck_assert_uint_eq(state_of("near").xdp_program, id);
      std::string err = daemon.err();
      ck_assert_msg(count_of(err, "another XDP program is attached (id " + std::to_string(id)) == 1,
                    "%s", err.c_str());
      if (as_link)
        link.reset();
      else
        ck_assert_int_eq(bpf_xdp_detach(index, flags, nullptr), 0);
      expect_mode(daemon, "near", "native");
      Tally tally;
      send_all(cable, "far", {{make_frame(0x0800, make_ipv4(6)), "tcp"}}, tally);
      expect_frames(daemon, "near", tally);
      daemon.stop();
    }
}
END_TEST

START_TEST(detached_by_another) {
  Cable cable = make_cable();
  Daemon daemon = start_counting({"near"});
  expect_mode(daemon, "near", "native");
  uint32_t id = 0;
  bool detached = false;
  while (!detached && bpf_link_get_next_id(id, &id) == 0) {
    Fd link(bpf_link_get_fd_by_id(id));
    bpf_link_info info{};
    uint32_t size = sizeof info;
    bool is_ours = link && bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 &&
                   info.type == BPF_LINK_TYPE_XDP && info.prog_id == state_of("near").xdp_program;
    detached = is_ours && bpf_link_detach(link.get()) == 0;
  }
  ck_assert(detached);
  expect_mode(daemon, "near", "none");
  ck_assert_uint_eq(count_of(daemon.err(), "somebody has detached the program"), 1);
  daemon.stop();
}
END_TEST

START_TEST(check_tells) {
  Cable cable = make_cable();
  Ended ended = run_daemon({{"--check", "--interface=near", "--interface=lo", "--interface=none"}});
  ck_assert_msg(ended.status == 0, "%s", ended.err.c_str());
  for (const char* line : {"interface:near      native      -\n",
                           "interface:lo        generic     native: the driver has no XDP\n",
                           "interface:none      none        no interface has that name\n"})
    ck_assert_msg(ended.out.find(line) != std::string::npos, "%s%s", line, ended.out.c_str());
  await_detached("near");
}
END_TEST

}  // namespace

Case interfaces_case() {
  return {"interfaces",
          false,
          {frames_native, frames_generic, frames_plain, frames_plain_generic, large_frames,
           large_frames_generic, large_frames_plain, real_traffic_native, real_traffic_generic,
           comes_and_goes, names_exchanged, news_lost, two_interfaces, killed, foreign_program,
           detached_by_another, check_tells}};
}

}  // namespace kubepulse::live
