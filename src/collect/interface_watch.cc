#include "collect/interface_watch.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kubepulse {

namespace {

// Of one interface some 2 KB; the kernel itself makes no message larger.
constexpr size_t kMessageBytesMax = 32 << 10;
// Of one turn of the loop.
constexpr int kMessagesMax = 64;

struct Request {
  nlmsghdr head;
  ifinfomsg body;
  rtattr mask_head;
  uint32_t mask;
  rtattr name_head;
  char name[IFNAMSIZ];
};

// Calls visit(type, value) for each attribute of a message or of another attribute.
template <typename Visit>
void each_attribute(std::string_view bytes, const Visit& visit) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr head;
    memcpy(&head, bytes.data(), sizeof head);
    if (head.rta_len < RTA_LENGTH(0) || head.rta_len > bytes.size()) return;
    visit(head.rta_type & NLA_TYPE_MASK,
          bytes.substr(RTA_LENGTH(0), head.rta_len - size_t{RTA_LENGTH(0)}));
    bytes.remove_prefix(std::min<size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
  }
}

template <typename T>
void read_number(std::string_view value, T& place) {
  if (value.size() >= sizeof place) memcpy(&place, value.data(), sizeof place);
}

void read_xdp(std::string_view attributes, InterfaceState& state) {
  each_attribute(attributes, [&state](int type, std::string_view value) {
    if (type == IFLA_XDP_ATTACHED) read_number(value, state.xdp_attached);
    if (type == IFLA_XDP_PROG_ID) read_number(value, state.xdp_program);
  });
}

std::optional<InterfaceState> state_of(std::string_view message) {
  ifinfomsg body;
  if (message.size() < NLMSG_ALIGN(sizeof body)) return std::nullopt;
  memcpy(&body, message.data(), sizeof body);
  // Bridges tell of their ports in messages of the same type.
  if (body.ifi_family != AF_UNSPEC || body.ifi_index <= 0) return std::nullopt;
  InterfaceState state;
  state.index = static_cast<uint32_t>(body.ifi_index);
  each_attribute(message.substr(NLMSG_ALIGN(sizeof body)),
                 [&state](int type, std::string_view value) {
                   if (type == IFLA_IFNAME) state.name.assign(value.substr(0, value.find('\0')));
                   if (type == IFLA_MTU) read_number(value, state.mtu);
                   if (type == IFLA_XDP) read_xdp(value, state);
                 });
  if (state.name.empty()) return std::nullopt;
  return state;
}

}  // namespace

int parse_interface_messages(std::string_view bytes, const VisitInterface& visit) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head;
    memcpy(&head, bytes.data(), sizeof head);
    if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > bytes.size()) return 0;
    std::string_view body = bytes.substr(NLMSG_HDRLEN, head.nlmsg_len - size_t{NLMSG_HDRLEN});
    bytes.remove_prefix(std::min<size_t>(NLMSG_ALIGN(head.nlmsg_len), bytes.size()));
    if (head.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      read_number(body, error);
      if (error < 0 && error > -4096) return -error;  // what the kernel can tell: MAX_ERRNO
    }
    if (head.nlmsg_type != RTM_NEWLINK && head.nlmsg_type != RTM_DELLINK) continue;
    if (std::optional<InterfaceState> state = state_of(body))
      visit(*state, head.nlmsg_type == RTM_DELLINK);
  }
  return 0;
}

Result<std::optional<InterfaceState>> look_at_interface(const std::string& name) {
  Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return Status::from_errno("socket of NETLINK_ROUTE", errno);
  Request request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = RTM_GETLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST;
  request.mask_head = {RTA_LENGTH(sizeof request.mask), IFLA_EXT_MASK};
  request.mask = RTEXT_FILTER_SKIP_STATS;
  request.name_head = {RTA_LENGTH(IFNAMSIZ), IFLA_IFNAME};
  strncpy(request.name, name.c_str(), IFNAMSIZ - 1);
  std::vector<char> answer(kMessageBytesMax);
  if (send(netlink.get(), &request, sizeof request, 0) < 0)
    return Status::from_errno("asking for interface " + name, errno);
  ssize_t size = recv(netlink.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  if (size < 0) return Status::from_errno("the answer about interface " + name, errno);
  std::optional<InterfaceState> found;
  // One may also be asked for by another name of its own (ip link property add altname).
  int error = parse_interface_messages({answer.data(), static_cast<size_t>(size)},
                                       [&](const InterfaceState& state, bool) {
                                         if (state.name.view() == name) found = state;
                                       });
  if (error != 0 && error != ENODEV)
    return Status::from_errno("the answer about interface " + name, error);
  return found;
}

InterfaceWatch::InterfaceWatch(Loop& loop, Fd netlink, Changed changed)
    : loop_(loop),
      netlink_(std::move(netlink)),
      changed_(std::move(changed)),
      buffer_(kMessageBytesMax) {}

InterfaceWatch::~InterfaceWatch() {
  loop_.forget(netlink_.get());
}

Result<std::unique_ptr<InterfaceWatch>> InterfaceWatch::start(Loop& loop, Changed changed) {
  Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (!netlink || bind(netlink.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Status::from_errno("news of interfaces", errno);
  int fd = netlink.get();
  std::unique_ptr<InterfaceWatch> watch(
      new InterfaceWatch(loop, std::move(netlink), std::move(changed)));
  InterfaceWatch* self = watch.get();
  Status status = loop.watch(fd, EPOLLIN, [self](uint32_t) { self->read_some(); });
  if (!status.ok()) return status;
  return watch;
}

void InterfaceWatch::read_some() {
  for (int i = 0; i < kMessagesMax; i++) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    ssize_t size = recvfrom(netlink_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                            reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EAGAIN) return;
    // ENOBUFS: more came than the socket holds.
    bool lost = size < 0 || static_cast<size_t>(size) > buffer_.size();
    if (lost) {
      changed_("", 0);
      continue;
    }
    if (from.nl_pid != 0) continue;  // not the kernel
    parse_interface_messages(
        {buffer_.data(), static_cast<size_t>(size)},
        [this](const InterfaceState& state, bool) { changed_(state.name.view(), state.index); });
  }
}

}  // namespace kubepulse
