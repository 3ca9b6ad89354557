// The TCP sockets of this node by NETLINK_SOCK_DIAG, as ss(8) reads them: no BPF, no BTF. Sockets
// belong to network namespaces, and each must be entered to be asked, which takes CAP_SYS_ADMIN,
// and to tell them apart CAP_SYS_PTRACE; without, only our own is read.
#ifndef KUBEPULSE_COLLECT_SOCK_DIAG_H
#define KUBEPULSE_COLLECT_SOCK_DIAG_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "bpf/event.h"

namespace kubepulse {

using TakeSocket = std::function<void(const tcp_record&)>;

enum class SockDiagPart { more, done };

// One datagram of the kernel's answer. A socket becomes a record of kind OPEN, LISTEN or
// CONNECTING: `socket` is its cookie, the direction is not known, so that a SYN that we sent is
// still among sent_bytes; time and namespace are left to the caller. An error is the kernel's, or
// that the bytes are no answer. Pure.
Result<SockDiagPart> parse_sock_diag(const uint8_t* bytes, size_t size, const TakeSocket& take);

class SockDiag {
 public:
  static constexpr size_t kNamespacesMax = 1024;

  explicit SockDiag(std::string proc_root) : proc_root_(std::move(proc_root)) {}

  // Whether the kernel answers at all, asked in our own namespace. `broken`: for a protocol that it
  // does not have, for tests.
  Status probe(bool broken = false);

  // Every TCP socket in one of the states of tcp_state.h, in each network namespace that a
  // process is in: our own first, and at most kNamespacesMax. O(processes + sockets).
  Status each(uint64_t now_ns, const TakeSocket& take);

  // Whether the last each() would have met a socket of this namespace: it was read, or it is gone.
  bool covered(uint32_t inode) const;

 private:
  struct Namespace {
    uint32_t inode;
    uint32_t pid;  // one of those in it
  };

  std::vector<Namespace> namespaces() const;
  Status walk_here(uint32_t inode, uint64_t now_ns, const TakeSocket& take);

  std::string proc_root_;
  std::vector<uint32_t> unread_;  // namespaces that the last each() could not read
};

}  // namespace kubepulse

#endif
