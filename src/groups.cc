#include "groups.h"

#include "base/text.h"
#include "collect/connect_failure.h"
#include "collect/dns_message.h"
#include "collect/tcp_state.h"
#include "publish/flow_store.h"
#include "publish/histogram.h"
#include "publish/store.h"

namespace kubepulse {

namespace {

constexpr uint32_t kMinimal =
    kGroupTcp | kGroupDns | kGroupRunQueue | kGroupCpu | kGroupMemory | kGroupOom | kGroupDisk;
constexpr uint32_t kStandard = kMinimal | kGroupPageFaults | kGroupPressure | kGroupInterfaces |
                               kGroupFilesystems | kGroupDrops | kGroupPackets | kGroupFlows;

struct Named {
  const char* name;
  uint32_t group;
};

constexpr Named kGroups[] = {
    {"tcp", kGroupTcp},
    {"dns", kGroupDns},
    {"runqueue", kGroupRunQueue},
    {"cpu", kGroupCpu},
    {"memory", kGroupMemory},
    {"oom", kGroupOom},
    {"disk", kGroupDisk},
    {"pagefaults", kGroupPageFaults},
    {"pressure", kGroupPressure},
    {"interfaces", kGroupInterfaces},
    {"filesystems", kGroupFilesystems},
    {"drops", kGroupDrops},
    {"packets", kGroupPackets},
    {"flows", kGroupFlows},
    {"syscalls", kGroupSyscalls},
};

}  // namespace

const Profile kProfileTable[kProfiles] = {
    {"minimal", kMinimal}, {"standard", kStandard}, {"comprehensive", kStandard | kGroupSyscalls}};

std::optional<uint32_t> groups_of_profile(std::string_view name) {
  for (const Profile& profile : kProfileTable)
    if (name == profile.name) return profile.groups;
  return std::nullopt;
}

std::optional<uint32_t> parse_groups(std::string_view list) {
  uint32_t groups = 0;
  if (!list.empty() && list.back() == ',') return std::nullopt;
  while (!list.empty()) {
    std::string_view name = trim_blanks(next_piece(list, ','));
    uint32_t group = 0;
    for (const Named& known : kGroups)
      if (name == known.name) group = known.group;
    if (group == 0) return std::nullopt;
    groups |= group;
  }
  // Which packets are in no flow is told by how many there were.
  if ((groups & kGroupFlows) != 0) groups |= kGroupPackets;
  if (groups == 0) return std::nullopt;
  return groups;
}

std::string group_names(uint32_t groups) {
  std::string names;
  for (const Named& known : kGroups)
    if ((groups & known.group) != 0) names += (names.empty() ? "" : ",") + std::string(known.name);
  return names;
}

SeriesOfPod series_of_pod(uint32_t groups, size_t buckets, size_t syscalls) {
  SeriesOfPod series;
  series.values = 1;  // restarts, which the kubelet tells
  size_t histogram = buckets + 1 + kSumAndCount;
  auto add = [&](uint32_t group, size_t values, size_t histograms) {
    if ((groups & group) == 0) return;
    series.values += values;
    series.histograms += histograms;
  };
  // connections, active, failures, bytes, retransmits, resets, states, drops
  add(kGroupTcp, 2 + 2 + kFailureReasons + 3 + 2 + kTcpStates + 1, 3 * histogram);
  add(kGroupDns, 1 + kRcodeKinds + 1, histogram);
  add(kGroupRunQueue, 2, kPowerSeries);
  add(kGroupCpu, 2, 0);
  add(kGroupMemory, 3, 0);
  add(kGroupOom, 1, 0);
  add(kGroupDisk, 4, 0);
  add(kGroupPageFaults, 1, 0);
  add(kGroupPressure, 6, 0);
  add(kGroupInterfaces, 8, 0);
  add(kGroupFilesystems, 3, 0);
  add(kGroupDrops, 1, 0);
  add(kGroupPackets, kPacketSeries - 2 * kSizeSeries, 2 * kSizeSeries);
  add(kGroupFlows, FlowStore::kSeriesOfAll + 2 * FlowStore::kSeriesOfRow, 0);
  add(kGroupSyscalls, 2 * syscalls, kPowerSeries * syscalls);
  return series;
}

}  // namespace kubepulse
