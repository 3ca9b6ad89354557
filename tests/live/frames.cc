#include "tests/live/frames.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "tests/check.h"

namespace kubepulse::live {

namespace {

constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86DD, kArp = 0x0806, kVlan = 0x8100, kOuter = 0x88A8;
constexpr uint8_t kHop = 0, kIcmp = 1, kTcp = 6, kUdp = 17, kRouting = 43, kFragment = 44,
                  kGre = 47, kIcmp6 = 58, kDestination = 60, kSctp = 132;

void append16(Bytes& to, size_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

Bytes cut(Bytes frame, size_t size) {
  frame.resize(size);
  return frame;
}

void add_whole(std::vector<Frame>& all) {
  const struct {
    uint8_t v4, v6;
    const char* name;
  } kProtocols[] = {{kTcp, kTcp, "tcp"},
                    {kUdp, kUdp, "udp"},
                    {kIcmp, kIcmp6, "icmp"},
                    {kSctp, kSctp, "sctp"},
                    {kGre, kGre, "other"}};
  const std::vector<uint16_t> kTags[] = {{}, {kVlan}, {kOuter}, {kOuter, kVlan}, {kVlan, kVlan}};
  for (const auto& each : kProtocols)
    for (const auto& tags : kTags) {
      for (unsigned options : {0, 1, 10})
        // Alone, the first fragment, the one in the middle, the last one.
        for (uint16_t fragment : {0x4000, 0x2000, 0x2001, 0x1FFF})
          all.push_back(
              {make_frame(kIpv4, make_ipv4(each.v4, options, fragment), tags), each.name});
      for (const Bytes& headers :
           {Bytes{}, Bytes{kHop}, Bytes{kDestination}, Bytes{kRouting}, Bytes{kFragment},
            Bytes{kHop, kDestination, kRouting, kFragment, kDestination}, Bytes(8, kDestination)})
        all.push_back({make_frame(kIpv6, make_ipv6(headers, each.v6), tags), each.name});
      all.push_back({make_frame(kIpv6, make_ipv6({kFragment}, each.v6, 100), tags), each.name});
      all.push_back({make_frame(kIpv6, make_ipv6({kHop, kFragment}, each.v6, 1), tags), each.name});
    }
}

// What is no IP, or not as far as it is followed.
void add_other(std::vector<Frame>& all) {
  auto add = [&all](Bytes frame) { all.push_back({std::move(frame), "other"}); };
  for (const auto& tags : {std::vector<uint16_t>{}, {kVlan}, {kOuter, kVlan}})
    add(make_frame(kArp, Bytes(28, 1), tags));
  add(make_frame(kIpv4, make_ipv4(kTcp), {kOuter, kVlan, kVlan}));
  add(make_frame(0x88CC, Bytes(60, 2)));
  add(make_frame(100, Bytes(100, 0x45)));  // 802.3: the length in place of a type
  add(make_frame(kIpv6, make_ipv6(Bytes(9, kDestination), kUdp)));
  // Behind the header of a fragment that is not the first stands no other.
  add(make_frame(kIpv6, make_ipv6({kFragment}, kDestination, 100)));
  add(make_frame(kIpv6, make_ipv6({}, 51)));
  // The version is that of the other.
  add(make_frame(kIpv6, make_ipv4(kTcp, 10, 0, 60)));
  add(make_frame(kIpv4, make_ipv6({}, kTcp)));
}

void add_cut_off(std::vector<Frame>& all) {
  auto add = [&all](Bytes frame) { all.push_back({std::move(frame), "other"}); };
  Bytes tagged = make_frame(kIpv4, make_ipv4(kTcp), {kOuter, kVlan});
  for (size_t size = 14; size < 14 + 8 + 20; size++)
    add(cut(tagged, size));
  Bytes v4 = make_frame(kIpv4, make_ipv4(kUdp, 10));
  for (size_t size = 14; size < 14 + 60; size++)
    add(cut(v4, size));
  Bytes v6 = make_frame(kIpv6, make_ipv6({kHop, kFragment}, kUdp));
  for (size_t size = 14; size < 14 + 40 + 16; size++)
    add(cut(v6, size));
  Bytes short_header = v4;
  short_header[14] = 0x44;
  add(short_header);
  Bytes long_extension = v6;
  long_extension[14 + 40 + 1] = 255;
  add(long_extension);
}

}  // namespace

Bytes make_frame(uint16_t type, const Bytes& payload, const std::vector<uint16_t>& tags) {
  Bytes frame = {2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 0x98};
  for (uint16_t tag : tags) {
    append16(frame, tag);
    append16(frame, 0x0123);
  }
  append16(frame, type);
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

Bytes make_ipv4(uint8_t protocol, unsigned options, uint16_t fragment, size_t payload) {
  size_t header = 20 + size_t{options} * 4;
  Bytes packet = {static_cast<uint8_t>(0x40 | header / 4), 0};
  append16(packet, header + payload);
  append16(packet, 7);
  append16(packet, fragment);
  packet.insert(packet.end(), {1, protocol, 0, 0, 10, 88, 0, 98, 10, 88, 0, 99});
  packet.resize(header, 1);
  packet.resize(header + payload, 0xAA);
  return packet;
}

Bytes make_ipv6(const Bytes& headers, uint8_t last, uint16_t offset, size_t payload) {
  Bytes packet = {0x60, 0, 0, 0};
  append16(packet, headers.size() * 8 + payload);
  packet.push_back(headers.empty() ? last : headers[0]);
  packet.resize(40, 1);
  for (size_t i = 0; i < headers.size(); i++) {
    packet.push_back(i + 1 < headers.size() ? headers[i + 1] : last);
    packet.push_back(0);
    bool is_fragment = headers[i] == kFragment;
    // Of a fragment, with more behind it; else an option of padding.
    append16(packet, is_fragment ? size_t{offset} << 3 | 1 : 0x0104);
    packet.resize(packet.size() + 4, 0);
  }
  packet.resize(packet.size() + payload, 0xAA);
  return packet;
}

std::vector<Frame> all_frames() {
  std::vector<Frame> all;
  add_whole(all);
  add_other(all);
  add_cut_off(all);
  return all;
}

Fd open_interface(const std::string& name) {
  Fd interface(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(name.c_str()));
  ck_assert_msg(interface && bind(interface.get(), reinterpret_cast<sockaddr*>(&address),
                                  sizeof address) == 0,
                "interface %s: %s", name.c_str(), strerror(errno));
  return interface;
}

void send_frame(const Fd& interface, const Bytes& frame) {
  ssize_t sent = send(interface.get(), frame.data(), frame.size(), 0);
  ck_assert_msg(sent == static_cast<ssize_t>(frame.size()), "a frame of %zu bytes: %s",
                frame.size(), strerror(errno));
}

}  // namespace kubepulse::live
