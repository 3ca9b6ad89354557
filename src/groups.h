// Groups of metrics, and the profiles that they make up. What is in no group that was asked for is
// neither measured nor loaded. Pure.
#ifndef KUBEPULSE_GROUPS_H
#define KUBEPULSE_GROUPS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubepulse {

enum Group : uint32_t {
  kGroupTcp = 1 << 0,
  kGroupDns = 1 << 1,
  kGroupRunQueue = 1 << 2,
  kGroupCpu = 1 << 3,
  kGroupMemory = 1 << 4,
  kGroupOom = 1 << 5,
  kGroupDisk = 1 << 6,
  kGroupPageFaults = 1 << 7,
  kGroupPressure = 1 << 8,
  kGroupInterfaces = 1 << 9,
  kGroupFilesystems = 1 << 10,
  kGroupSyscalls = 1 << 11,
  kGroupDrops = 1 << 12,
  kGroupPackets = 1 << 13,
  kGroupFlows = 1 << 14,
};

struct Profile {
  const char* name;
  uint32_t groups;
};

// minimal, standard and comprehensive, each with all of the one before.
constexpr size_t kProfiles = 3;
extern const Profile kProfileTable[kProfiles];

// None where it is no profile's name.
std::optional<uint32_t> groups_of_profile(std::string_view name);
// "tcp,dns,disk"; with flows come packets, too. None where one of them is no group's name, or there
// is none.
std::optional<uint32_t> parse_groups(std::string_view list);
// All of them, with commas between.
std::string group_names(uint32_t groups);

// Series of a pod with one container that has a disk, an interface, a filesystem and a memory
// limit, asks for one domain, has one peer by one protocol, has packets dropped for one reason and
// makes `syscalls` kinds of tracked system calls.
struct SeriesOfPod {
  size_t values = 0;      // counters and gauges
  size_t histograms = 0;  // all that make them up: buckets, _sum and _count
};
SeriesOfPod series_of_pod(uint32_t groups, size_t buckets, size_t syscalls);

}  // namespace kubepulse

#endif
