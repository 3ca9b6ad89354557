// Syscalls by name: their numbers on x86-64 and arm64, and which of them --syscalls asks for. Pure.
#ifndef KUBEPULSE_COLLECT_SYSCALL_NAMES_H
#define KUBEPULSE_COLLECT_SYSCALL_NAMES_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse {

enum class Architecture { x86_64, arm64 };
#if defined(__aarch64__)
constexpr Architecture kOwnArchitecture = Architecture::arm64;
#else
constexpr Architecture kOwnArchitecture = Architecture::x86_64;
#endif

struct Syscall {
  std::string_view name;  // as in __NR_NAME of the kernel; valid for ever
  uint16_t number;
  uint8_t flags;  // SYSCALL_AT_ENTRY, SYSCALL_RETURNS_TWICE of bpf/event.h
};

// None where this architecture has no such syscall.
std::optional<uint16_t> syscall_number(std::string_view name,
                                       Architecture architecture = kOwnArchitecture);

struct SyscallList {
  std::vector<Syscall> syscalls;  // in the order given, each once
  std::string elsewhere;          // those that only the other architecture has: "open, stat"
};

// Names between commas, blanks around them do not matter; at most SYSCALLS_TRACKED_MAX of this
// architecture. One that neither architecture has is an error that tells the nearest; one list
// serves both, so those of the other are passed over. There may be none left.
Result<SyscallList> parse_syscalls(std::string_view list,
                                   Architecture architecture = kOwnArchitecture);

// What fails or gets slow when a disk, a network, a lock or a limit does:
// - read and write, whatever of; pread64 and pwrite64 of databases; openat; fsync and fdatasync, on
//   which a commit waits
// - connect, accept4, and what moves messages
// - futex: waiting for another thread
// - clone and clone3: new processes and threads, which fail at pids.max
// Without epoll_wait, poll and sleeps, whose latency is idleness, and what is called too often for
// what it tells. All of them exist on both architectures.
constexpr const char* kDefaultSyscalls =
    "read,write,pread64,pwrite64,openat,fsync,fdatasync,connect,accept4,sendto,recvfrom,sendmsg,"
    "recvmsg,futex,clone,clone3";

}  // namespace kubepulse

#endif
