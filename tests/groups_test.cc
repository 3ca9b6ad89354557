#include "groups.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

START_TEST(profiles) {
  CHECK_TEXT(group_names(*groups_of_profile("minimal")), "tcp,dns,runqueue,cpu,memory,oom,disk");
  CHECK_TEXT(group_names(*groups_of_profile("standard")),
             "tcp,dns,runqueue,cpu,memory,oom,disk,pagefaults,pressure,interfaces,filesystems,"
             "drops,packets,flows");
  CHECK_TEXT(group_names(*groups_of_profile("comprehensive")), group_names(UINT32_MAX));
  for (const char* name : {"", "custom", "Standard", "standard "})
    ck_assert(!groups_of_profile(name));
}
END_TEST

START_TEST(lists) {
  ck_assert_uint_eq(*parse_groups("disk"), kGroupDisk);
  ck_assert_uint_eq(*parse_groups("tcp, dns,tcp"), kGroupTcp | kGroupDns);
  ck_assert_uint_eq(*parse_groups("flows"), kGroupFlows | kGroupPackets);
  ck_assert(parse_groups(group_names(UINT32_MAX)) == groups_of_profile("comprehensive"));
  for (const char* list : {"", ",", "tcp,", "tcp,,dns", "tcp;dns", "TCP", "all"})
    ck_assert_msg(!parse_groups(list), "%s", list);
}
END_TEST

START_TEST(series) {
  SeriesOfPod none = series_of_pod(kGroupPressure, 11, 0);
  ck_assert(none.values == 7 && none.histograms == 0);
  SeriesOfPod packets = series_of_pod(kGroupPackets, 11, 0);
  ck_assert(packets.values == 1 + 20 && packets.histograms == 2 * 13);
  SeriesOfPod flows = series_of_pod(kGroupFlows, 11, 0);
  ck_assert(flows.values == 1 + 6 && flows.histograms == 0);
  SeriesOfPod calls = series_of_pod(kGroupSyscalls, 11, 3);
  ck_assert(calls.values == 7 && calls.histograms == 3 * 28);
}
END_TEST

}  // namespace

CHECK_MAIN("groups", profiles, lists, series)
