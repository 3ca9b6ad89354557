#include "check_report.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

CheckReport report() {
  CheckReport report;
  report.version = "0.1.0";
  report.host.release = "6.1.0";
  report.host.machine = "x86_64";
  report.host.lockdown = Lockdown::integrity;
  report.host.btf = kOwnBtf;
  report.cgroups = "hybrid";
  report.cgroup_mounts = "/a /b";
  report.profiles = {{"minimal", {10, 20}}, {"standard", {30, 40}}};
  report.signals = {{"dns", {{"fentry", {"q", "a"}}, {"kprobe", {"k"}}}}, {"open", {{"iter", {}}}}};
  report.outcome = {{"dns", "", {{"fentry", "no \"q\""}, {"kprobe", "no k"}}},
                    {"open", "iter", {}}};
  return report;
}

START_TEST(table) {
  CHECK_TEXT(report().table(),
             "kernel        6.1.0 x86_64\n"
             "lockdown      integrity\n"
             "BTF           /sys/kernel/btf/vmlinux\n"
             "cgroups       hybrid /a /b\n"
             "capabilities  none is missing\n"
             "\n"
             "PROFILE             SERIES OF A POD  WITHOUT HISTOGRAMS\n"
             "minimal             30               10\n"
             "standard            70               30\n"
             "\n"
             "SIGNAL              FLAVOUR     REFUSED\n"
             "dns                 none        fentry: no \"q\"\n"
             "                                kprobe: no k\n"
             "open                iter        -\n");
}
END_TEST

START_TEST(table_of_little) {
  CheckReport none;
  none.host.release = "5.4";
  none.host.machine = "armv7l";
  none.host.capabilities = uint64_t{1} << 21;
  CHECK_TEXT(
      none.table(),
      "kernel        5.4 armv7l\n"
      "lockdown      unknown: the kernel has none, or no securityfs is mounted\n"
      "BTF           none\n"
      "cgroups       none\n"
      "capabilities  CAP_DAC_READ_SEARCH is missing: to learn a cgroup's path from its id\n"
      "capabilities  CAP_SYS_PTRACE is missing: to see the filesystems of containers\n"
      "capabilities  CAP_NET_ADMIN is missing: to count packets, and for the flavour cgroup\n");
}
END_TEST

START_TEST(json) {
  CHECK_TEXT(
      report().json(),
      R"({"version":"0.1.0","kernel":"6.1.0","machine":"x86_64","lockdown":"integrity",)"
      R"("btf":"/sys/kernel/btf/vmlinux","cgroups":"hybrid","missing_capabilities":[],"profiles":[)"
      R"({"profile":"minimal","series":30,"without_histograms":10},)"
      R"({"profile":"standard","series":70,"without_histograms":30}],"signals":[)"
      R"({"signal":"dns","flavour":null,"refused":[{"flavour":"fentry","reason":"no \"q\""},)"
      R"({"flavour":"kprobe","reason":"no k"}],"flavours":[{"flavour":"fentry","programs":)"
      R"(["q","a"]},{"flavour":"kprobe","programs":["k"]}]},)"
      R"({"signal":"open","flavour":"iter","refused":[],"flavours":[{"flavour":"iter",)"
      R"("programs":[]}]}],"problem":null})"
      "\n");
}
END_TEST

START_TEST(json_of_little) {
  CheckReport none;
  none.version = "1";
  none.host.capabilities = uint64_t{1} << 39 | uint64_t{1} << 38 | uint64_t{1} << 12;
  none.problem = "refused";
  CHECK_TEXT(none.json(),
             "{\"version\":\"1\",\"kernel\":null,\"machine\":null,\"lockdown\":\"unknown\","
             "\"btf\":null,\"cgroups\":\"none\",\"missing_capabilities\":[{\"name\":"
             "\"CAP_DAC_READ_SEARCH\",\"for\":\"to learn a cgroup's path from its id\"},"
             "{\"name\":\"CAP_SYS_PTRACE\",\"for\":\"to see the filesystems of containers\"}],"
             "\"profiles\":[],\"signals\":[],\"problem\":\"refused\"}\n");
}
END_TEST

}  // namespace

CHECK_MAIN("check_report", table, table_of_little, json, json_of_little)
