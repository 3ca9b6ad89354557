// The interfaces of a process's network namespace and what they counted, from /proc/PID/net/dev:
// nothing is entered, and no capability is needed.
#ifndef KUBEPULSE_COLLECT_INTERFACES_H
#define KUBEPULSE_COLLECT_INTERFACES_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/short_text.h"
#include "base/status.h"

namespace kubepulse {

struct InterfaceCounts {
  uint64_t bytes = 0;
  uint64_t packets = 0;
  uint64_t errors = 0;
  uint64_t drops = 0;
};

struct Interface {
  ShortText<15> name;  // IFNAMSIZ - 1
  InterfaceCounts receive;
  InterfaceCounts transmit;
};

constexpr size_t kInterfacesMax = 32;

struct Interfaces {
  // Of the network namespace; see network_namespace(). 0 from the parser.
  uint64_t network_namespace = 0;
  std::vector<Interface> interfaces;  // without `lo`, each name once
  size_t left_out = 0;                // seen, but beyond the bound
};

// The text of net/dev, of which the last line may be cut. Lines that are not a name and its 16
// numbers are passed over, as are names that cannot be written as they are: two would become one.
// Pure.
Interfaces parse_interfaces(std::string_view text, size_t interfaces_max = kInterfacesMax);

// What tells one network namespace from another as long as both live: the inode of
// PROC_ROOT/PID/net/dev, which the kernel makes for each namespace out of the same numbers as
// nsfs (fs/proc/generic.c, proc_register) but, other than /proc/PID/ns/net, shows without
// CAP_SYS_PTRACE. It is not the number in ns/net. A number may be another namespace's as soon as
// its own is gone: hold on to it together with whose it is. 0: the process is gone, or not ours to
// see.
uint64_t network_namespace(const std::string& proc_root, uint32_t pid);

// Of the host, or as much of it as we see: that of process 1, else our own. In a container with
// the host's PID namespace 1 is the host's, whatever network the container is in.
uint64_t host_network_namespace(const std::string& proc_root);

// Number and counters are of one and the same namespace even where the process goes or moves
// meanwhile. Fails where it is gone; ask for another of the same cgroup then. The kernel is made to
// write no more than some 400 bytes for each of `interfaces_max`, in an order of its own.
Result<Interfaces> read_interfaces(const std::string& proc_root, uint32_t pid,
                                   size_t interfaces_max = kInterfacesMax);

}  // namespace kubepulse

#endif
