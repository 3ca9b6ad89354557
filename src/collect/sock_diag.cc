#include "collect/sock_diag.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.h"
#include "base/text.h"

namespace kubepulse {

namespace {

// include/net/tcp_states.h
enum TcpState : unsigned {
  kEstablished = 1,
  kSynSent = 2,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
};
constexpr uint32_t kStates = 1U << kEstablished | 1U << kSynSent | 1U << kFinWait1 |
                             1U << kFinWait2 | 1U << kCloseWait | 1U << kLastAck | 1U << kListen |
                             1U << kClosing;

// Since 5.9; headers of an older system have it not.
constexpr unsigned kCgroupIdAttribute = 21;

struct Request {
  nlmsghdr head;
  inet_diag_req_v2 body;
};

// What an attribute holds; the rest of `value` is zero where the kernel knows fewer fields.
template <typename T>
void read_attribute(const rtattr* attribute, T& value) {
  memset(&value, 0, sizeof value);
  memcpy(&value, RTA_DATA(attribute), std::min<size_t>(RTA_PAYLOAD(attribute), sizeof value));
}

// As fill_totals() of bpf/tcp_record.h: a FIN takes a sequence number.
void fill_totals(tcp_record& record, const inet_diag_msg& message, const tcp_info& info) {
  unsigned state = message.idiag_state;
  record.sent_bytes = info.tcpi_bytes_acked;
  record.received_bytes = info.tcpi_bytes_received;
  bool fin_sent =
      state == kFinWait1 || state == kFinWait2 || state == kClosing || state == kLastAck;
  // idiag_wqueue: what has been written and is not acknowledged, a FIN included.
  if (fin_sent && message.idiag_wqueue == 0 && record.sent_bytes > 0) record.sent_bytes--;
  bool fin_received = state == kCloseWait || state == kLastAck || state == kClosing;
  if (fin_received && record.received_bytes > 0) record.received_bytes--;
  record.retransmits = info.tcpi_total_retrans;
  record.rtt_us = info.tcpi_rtt;
}

void fill_addresses(tcp_record& record, const inet_diag_msg& message) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  record.family = message.idiag_family;
  record.local_port = ntohs(message.id.idiag_sport);
  record.remote_port = ntohs(message.id.idiag_dport);
  const auto* local = reinterpret_cast<const uint8_t*>(message.id.idiag_src);
  const auto* remote = reinterpret_cast<const uint8_t*>(message.id.idiag_dst);
  bool mapped = record.family == AF_INET6 && memcmp(remote, kMapped, sizeof kMapped) == 0;
  if (mapped) record.family = AF_INET;
  size_t skipped = mapped ? sizeof kMapped : 0;
  size_t length = record.family == AF_INET ? 4 : 16;
  memcpy(record.local, local + skipped, length);
  memcpy(record.remote, remote + skipped, length);
}

// None: what is in none of these states, such as the rest of a connection that is over.
std::optional<tcp_record> record_of(const nlmsghdr* head) {
  inet_diag_msg message;
  if (head->nlmsg_len < NLMSG_LENGTH(sizeof message)) return std::nullopt;
  memcpy(&message, NLMSG_DATA(head), sizeof message);
  if (message.idiag_family != AF_INET && message.idiag_family != AF_INET6) return std::nullopt;
  if (message.idiag_state > 31 || (1U << message.idiag_state & kStates) == 0) return std::nullopt;
  tcp_record record{};
  record.kind = message.idiag_state == kListen    ? TCP_KIND_LISTEN
                : message.idiag_state == kSynSent ? TCP_KIND_CONNECTING
                                                  : TCP_KIND_OPEN;
  record.state = message.idiag_state;
  record.direction = TCP_DIRECTION_UNKNOWN;
  record.socket = uint64_t{message.id.idiag_cookie[1]} << 32 | message.id.idiag_cookie[0];
  fill_addresses(record, message);
  bool has_info = false;
  size_t left = head->nlmsg_len - NLMSG_LENGTH(sizeof message);
  const char* at = static_cast<const char*>(NLMSG_DATA(head)) + NLMSG_ALIGN(sizeof message);
  while (left >= sizeof(rtattr)) {
    const auto* attribute = reinterpret_cast<const rtattr*>(at);
    if (attribute->rta_len < sizeof(rtattr) || attribute->rta_len > left) break;
    if (attribute->rta_type == INET_DIAG_INFO) {
      tcp_info info;
      read_attribute(attribute, info);
      if (record.kind == TCP_KIND_OPEN) fill_totals(record, message, info);
      has_info = true;
    } else if (attribute->rta_type == INET_DIAG_SKMEMINFO) {
      uint32_t numbers[SK_MEMINFO_VARS];
      read_attribute(attribute, numbers);
      if (record.kind == TCP_KIND_LISTEN) record.drops = numbers[SK_MEMINFO_DROPS];
    } else if (attribute->rta_type == kCgroupIdAttribute) {
      read_attribute(attribute, record.cgroup);
    }
    size_t step = std::min<size_t>(RTA_ALIGN(attribute->rta_len), left);
    at += step;
    left -= step;
  }
  // In TIME_WAIT with FIN_WAIT2 as its other name, there is no connection any more, and no info.
  if (!has_info && record.kind == TCP_KIND_OPEN) return std::nullopt;
  return record;
}

Result<Fd> open_diag() {
  Fd diag(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!diag) return Status::from_errno("socket of NETLINK_SOCK_DIAG", errno);
  // The kernel answers at once; a module that is not there must not hold us up.
  timeval patience{1, 0};
  setsockopt(diag.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return diag;
}

Status dump(const Fd& diag, uint8_t family, uint32_t states, const TakeSocket& take,
            uint8_t protocol = IPPROTO_TCP) {
  Request request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = protocol;
  request.body.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
  request.body.idiag_states = states;
  if (send(diag.get(), &request, sizeof request, 0) < 0)
    return Status::from_errno("NETLINK_SOCK_DIAG", errno);
  alignas(nlmsghdr) uint8_t buffer[32 << 10];
  for (;;) {
    ssize_t size = recv(diag.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Status::from_errno("NETLINK_SOCK_DIAG", errno);
    Result<SockDiagPart> part = parse_sock_diag(buffer, static_cast<size_t>(size), take);
    if (!part.ok()) return std::move(part.status());
    if (part.value() == SockDiagPart::done) return {};
  }
}

Status refusal(int error) {
  if (error == ENOENT)
    return Status::error(
        "NETLINK_SOCK_DIAG: this kernel has no inet_diag and tcp_diag, or their "
        "modules are not loaded",
        error);
  return Status::from_errno("NETLINK_SOCK_DIAG", error);
}

// "net:[4026531840]"
uint32_t inode_of_link(std::string_view text) {
  size_t open = text.find('[');
  if (open == std::string_view::npos || text.back() != ']') return 0;
  return static_cast<uint32_t>(
      parse_number(text.substr(open + 1, text.size() - open - 2), UINT32_MAX).value_or(0));
}

uint32_t read_link(const std::string& path) {
  char text[64];
  ssize_t size = readlink(path.c_str(), text, sizeof text);
  return size > 0 ? inode_of_link({text, static_cast<size_t>(size)}) : 0;
}

}  // namespace

Result<SockDiagPart> parse_sock_diag(const uint8_t* bytes, size_t size, const TakeSocket& take) {
  while (size >= sizeof(nlmsghdr)) {
    const auto* head = reinterpret_cast<const nlmsghdr*>(bytes);
    if (head->nlmsg_len < sizeof *head || head->nlmsg_len > size) break;
    if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR) {
      // The end tells of an error, too: a dump that a module is missing for ends at once.
      int error = 0;
      if (head->nlmsg_len >= NLMSG_LENGTH(sizeof error))
        memcpy(&error, NLMSG_DATA(head), sizeof error);
      if (error == 0 && head->nlmsg_type == NLMSG_DONE) return SockDiagPart::done;
      return refusal(error < 0 && error > -4096 ? -error : EPROTO);
    }
    if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY)
      if (std::optional<tcp_record> record = record_of(head)) take(*record);
    size_t step = std::min<size_t>(NLMSG_ALIGN(head->nlmsg_len), size);
    bytes += step;
    size -= step;
  }
  if (size != 0) return Status::error("NETLINK_SOCK_DIAG: the answer is cut", EPROTO);
  return SockDiagPart::more;
}

Status SockDiag::probe(bool broken) {
  Result<Fd> diag = open_diag();
  if (!diag.ok()) return std::move(diag.status());
  return dump(
      diag.value(), AF_INET, 1U << kListen, [](const tcp_record&) {},
      broken ? IPPROTO_RAW : IPPROTO_TCP);
}

Status SockDiag::walk_here(uint32_t inode, uint64_t now_ns, const TakeSocket& take) {
  Result<Fd> diag = open_diag();
  if (!diag.ok()) return std::move(diag.status());
  TakeSocket with_place = [&](const tcp_record& socket) {
    tcp_record record = socket;
    record.netns = inode;
    record.time_ns = now_ns;
    take(record);
  };
  Status status = dump(diag.value(), AF_INET, kStates, with_place);
  // Where IPv6 is compiled out there is nobody to ask.
  if (status.ok() && access((proc_root_ + "/net/if_inet6").c_str(), F_OK) == 0)
    status = dump(diag.value(), AF_INET6, kStates, with_place);
  return status;
}

// One process for each namespace; those whose link may not be read are left out.
std::vector<SockDiag::Namespace> SockDiag::namespaces() const {
  std::vector<Namespace> found;
  DIR* folder = opendir(proc_root_.c_str());
  if (folder == nullptr) return found;
  while (const dirent* entry = readdir(folder)) {
    auto pid = parse_number(entry->d_name, UINT32_MAX);
    if (!pid) continue;
    uint32_t inode = read_link(proc_root_ + "/" + entry->d_name + "/ns/net");
    auto place = std::lower_bound(found.begin(), found.end(), inode,
                                  [](const Namespace& a, uint32_t b) { return a.inode < b; });
    if (inode == 0 || (place != found.end() && place->inode == inode)) continue;
    found.insert(place, Namespace{inode, static_cast<uint32_t>(*pid)});
  }
  closedir(folder);
  return found;
}

Status SockDiag::each(uint64_t now_ns, const TakeSocket& take) {
  const std::string self = proc_root_ + "/thread-self/ns/net";
  uint32_t own = read_link(self);
  unread_.clear();
  Status status = walk_here(own, now_ns, take);
  if (!status.ok()) return status;
  Fd home(open(self.c_str(), O_RDONLY | O_CLOEXEC));
  size_t entered = 1;
  for (const Namespace& other : namespaces()) {
    if (other.inode == own) continue;
    std::string path = proc_root_ + "/" + std::to_string(other.pid) + "/ns/net";
    Fd there(entered < kNamespacesMax ? open(path.c_str(), O_RDONLY | O_CLOEXEC) : -1);
    // It may be gone, or not ours to enter.
    if (!home || !there || setns(there.get(), CLONE_NEWNET) != 0) {
      unread_.push_back(other.inode);
      continue;
    }
    entered++;
    status = walk_here(other.inode, now_ns, take);
    // Whoever has entered may leave again.
    if (setns(home.get(), CLONE_NEWNET) != 0)
      return Status::from_errno("setns back to our own network namespace", errno);
    if (!status.ok()) unread_.push_back(other.inode);
  }
  return {};
}

bool SockDiag::covered(uint32_t inode) const {
  return std::find(unread_.begin(), unread_.end(), inode) == unread_.end();
}

}  // namespace kubepulse
