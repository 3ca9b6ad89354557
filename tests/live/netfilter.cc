#include "tests/live/netfilter.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "tests/check.h"

namespace kubepulse::live {

NetfilterBatch::NetfilterBatch() {
  message(NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0);
}

void NetfilterBatch::begin_out(const std::string& table, const std::string& chain_type,
                               int32_t priority) {
  begin(NFT_MSG_NEWTABLE);
  text(NFTA_TABLE_NAME, table);
  begin(NFT_MSG_NEWCHAIN);
  text(NFTA_CHAIN_TABLE, table);
  text(NFTA_CHAIN_NAME, "out");
  text(NFTA_CHAIN_TYPE, chain_type);
  size_t hook = open(NFTA_CHAIN_HOOK);
  number(NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
  number(NFTA_HOOK_PRIORITY, static_cast<uint32_t>(priority));
  close(hook);
}

void NetfilterBatch::begin(uint16_t type) {
  message(static_cast<uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type), AF_INET, 0,
          NLM_F_CREATE | NLM_F_ACK);
  asked_++;
}

void NetfilterBatch::attribute(uint16_t type, const void* value, size_t size) {
  nlattr head{static_cast<uint16_t>(NLA_HDRLEN + size), type};
  append(&head, sizeof head);
  append(value, size);
}

void NetfilterBatch::text(uint16_t type, const std::string& value) {
  attribute(type, value.c_str(), value.size() + 1);
}

void NetfilterBatch::number(uint16_t type, uint32_t value) {
  value = htonl(value);
  attribute(type, &value, sizeof value);
}

size_t NetfilterBatch::open(uint16_t type) {
  size_t at = size_;
  attribute(type | NLA_F_NESTED, nullptr, 0);
  return at;
}

void NetfilterBatch::close(size_t at) {
  reinterpret_cast<nlattr*>(bytes_ + at)->nla_len = static_cast<uint16_t>(size_ - at);
}

int NetfilterBatch::send() {
  message(NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0);
  end_message();
  Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!netlink) return errno;
  if (::send(netlink.get(), bytes_, size_, 0) < 0) return errno;
  alignas(nlmsghdr) char answer[4096];
  for (int answers = 0; answers < asked_;) {
    ssize_t got = recv(netlink.get(), answer, sizeof answer, 0);
    auto left = static_cast<unsigned>(std::max<ssize_t>(got, 0));
    for (auto* at = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(at, left);
         at = NLMSG_NEXT(at, left)) {
      int error = static_cast<nlmsgerr*>(NLMSG_DATA(at))->error;
      if (at->nlmsg_type != NLMSG_ERROR || error != 0) return error != 0 ? -error : EBADMSG;
      answers++;
    }
  }
  return 0;
}

void NetfilterBatch::message(uint16_t type, uint8_t family, uint16_t resource, uint16_t flags) {
  end_message();
  message_ = size_;
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = NLM_F_REQUEST | flags;
  append(&head, sizeof head);
  nfgenmsg generic{family, NFNETLINK_V0, htons(resource)};
  append(&generic, sizeof generic);
}

void NetfilterBatch::end_message() {
  if (size_ > message_)
    reinterpret_cast<nlmsghdr*>(bytes_ + message_)->nlmsg_len =
        static_cast<uint32_t>(size_ - message_);
}

void NetfilterBatch::append(const void* value, size_t size) {
  ck_assert(size_ + NLMSG_ALIGN(size) <= sizeof bytes_);
  if (size > 0) memcpy(bytes_ + size_, value, size);
  size_ += NLMSG_ALIGN(size);
}

}  // namespace kubepulse::live
