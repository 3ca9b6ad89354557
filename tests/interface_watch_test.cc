#include "collect/interface_watch.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

void append(std::string& to, const void* from, size_t size) {
  to.append(static_cast<const char*>(from), size);
  to.resize(NLMSG_ALIGN(to.size()));
}

std::string attribute(uint16_t type, const std::string& value) {
  rtattr head{static_cast<uint16_t>(RTA_LENGTH(value.size())), type};
  std::string text(reinterpret_cast<const char*>(&head), sizeof head);
  text += value;
  text.resize(RTA_ALIGN(text.size()));
  return text;
}

template <typename T>
std::string number(uint16_t type, T value) {
  return attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
}

std::string message(uint16_t type, int index, const std::string& attributes,
                    uint8_t family = AF_UNSPEC) {
  ifinfomsg body{};
  body.ifi_family = family;
  body.ifi_index = index;
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(sizeof body) + attributes.size());
  std::string text;
  append(text, &head, sizeof head);
  append(text, &body, sizeof body);
  append(text, attributes.data(), attributes.size());
  return text;
}

std::string name(const std::string& text) {
  return attribute(IFLA_IFNAME, text + '\0');
}

// "+eth0 2 1500 57/1;" for each.
std::string told(const std::string& bytes, int* error = nullptr) {
  std::string text;
  int got = parse_interface_messages(bytes, [&text](const InterfaceState& state, bool gone) {
    text += gone ? "-" : "+";
    text += state.name.view();
    text += " " + std::to_string(state.index) + " " + std::to_string(state.mtu) + " " +
            std::to_string(state.xdp_program) + "/" + std::to_string(state.xdp_attached) + ";";
  });
  if (error != nullptr) *error = got;
  return text;
}

std::string whole() {
  std::string xdp =
      number(IFLA_XDP_ATTACHED, uint8_t{XDP_ATTACHED_DRV}) + number(IFLA_XDP_PROG_ID, uint32_t{57});
  return name("eth0") + number(IFLA_MTU, uint32_t{1500}) + attribute(IFLA_XDP | NLA_F_NESTED, xdp) +
         attribute(IFLA_QDISC, "noqueue");
}

START_TEST(messages) {
  CHECK_TEXT(told(message(RTM_NEWLINK, 2, whole())), "+eth0 2 1500 57/1;");
  CHECK_TEXT(told(message(RTM_NEWLINK, 2, whole()) + message(RTM_DELLINK, 70000, name("veth12"))),
             "+eth0 2 1500 57/1;-veth12 70000 0 0/0;");
  CHECK_TEXT(told(message(RTM_NEWLINK, 1, name("exactly15bytes_"))), "+exactly15bytes_ 1 0 0/0;");
  // Others that stand among them.
  CHECK_TEXT(told(message(RTM_NEWADDR, 2, whole()) + message(RTM_NEWLINK, 3, name("a"))),
             "+a 3 0 0/0;");
  CHECK_TEXT(told(message(RTM_NEWLINK, 2, name("port"), AF_BRIDGE)), "");
  CHECK_TEXT(told(message(RTM_NEWLINK, 2, number(IFLA_MTU, uint32_t{1}))), "");
  CHECK_TEXT(told(message(RTM_NEWLINK, 0, name("a")) + message(RTM_NEWLINK, -1, name("a"))), "");
  CHECK_TEXT(told(""), "");
}
END_TEST

std::string error_message(int32_t error) {
  nlmsgerr body{};
  body.error = error;
  nlmsghdr head{};
  head.nlmsg_type = NLMSG_ERROR;
  head.nlmsg_len = NLMSG_LENGTH(sizeof body);
  std::string text;
  append(text, &head, sizeof head);
  append(text, &body, sizeof body);
  return text;
}

START_TEST(errors) {
  for (int number : {ENODEV, EPERM, 4095, 0}) {
    int error = -1;
    CHECK_TEXT(told(error_message(-number), &error), "");
    ck_assert_int_eq(error, number);
  }
  for (int32_t none : {1, INT32_MAX, -4096, INT32_MIN}) {
    int error = -1;
    CHECK_TEXT(told(error_message(none), &error), "");
    ck_assert_int_eq(error, 0);
  }
}
END_TEST

// Whatever is cut off or claims too much, nothing beyond is read.
START_TEST(malformed) {
  std::string good = message(RTM_NEWLINK, 2, whole());
  for (size_t size = 0; size < good.size(); size++) {
    std::string cut(good.data(), size);
    CHECK_TEXT(told(cut), "");
    if (size < sizeof(nlmsghdr)) continue;
    auto length = static_cast<uint32_t>(size);
    memcpy(cut.data(), &length, sizeof length);
    told(cut);
  }
  for (uint32_t length : {0U, 1U, 15U, UINT32_MAX}) {
    std::string bad = good;
    memcpy(bad.data(), &length, sizeof length);
    CHECK_TEXT(told(bad), "");
  }
  for (uint16_t length : {0, 1, 3, 0xFFFF}) {
    std::string bad = good;
    memcpy(bad.data() + NLMSG_LENGTH(sizeof(ifinfomsg)), &length, sizeof length);
    CHECK_TEXT(told(bad), "");
  }
  CHECK_TEXT(told(message(RTM_NEWLINK, 2, name("a") + attribute(IFLA_MTU, "12"))), "+a 2 0 0/0;");
}
END_TEST

// No capability is needed, and lo is everywhere.
START_TEST(looks) {
  auto lo = look_at_interface("lo");
  ck_assert(lo.ok() && lo.value());
  CHECK_TEXT(lo.value()->name.view(), "lo");
  ck_assert_uint_eq(lo.value()->index, if_nametoindex("lo"));
  ck_assert_uint_gt(lo.value()->mtu, 0);
  auto nobody = look_at_interface("no-such-one");
  ck_assert(nobody.ok() && !nobody.value());
}
END_TEST

START_TEST(watches) {
  auto loop = Loop::create();
  ck_assert(loop.ok());
  auto watch = InterfaceWatch::start(loop.value(), [](std::string_view, uint32_t) {});
  ck_assert(watch.ok());
  ck_assert(loop.value().turn(0).ok());
}
END_TEST

}  // namespace

CHECK_MAIN("interface_watch", messages, errors, malformed, looks, watches)
