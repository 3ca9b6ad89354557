#include "collect/cgroup_stat_text.h"

#include <initializer_list>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string told(const std::optional<uint64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

template <typename Parse>
CgroupStats parsed(Parse parse, std::string_view text) {
  CgroupStats stats;
  parse(text, stats);
  return stats;
}

std::string cpu(std::string_view text) {
  CgroupStats stats = parsed(parse_cpu_stat, text);
  return told(stats.cpu_usage_ns) + " " + told(stats.cpu_throttled_ns);
}

std::string pressure(std::string_view text) {
  PressureTimes times;
  parse_pressure(text, times);
  return told(times.waiting_ns) + " " + told(times.stalled_ns);
}

// Working set at a usage, file pages in use, and major faults.
std::string memory(std::string_view text, std::optional<uint64_t> usage) {
  CgroupStats stats;
  stats.memory_usage_bytes = usage;
  parse_memory_stat(text, stats);
  return told(stats.memory_working_set_bytes) + " " + told(stats.memory_reclaimable_bytes) + " " +
         told(stats.major_faults);
}

std::string described(const DiskList& disks) {
  std::string out;
  for (const DiskStats& disk : disks) {
    out += std::to_string(disk.major) + ":" + std::to_string(disk.minor);
    for (uint64_t value : {disk.read_bytes, disk.written_bytes, disk.reads, disk.writes})
      out += " " + std::to_string(value);
    out += "; ";
  }
  if (disks.more() > 0) out += "more: " + std::to_string(disks.more());
  return out;
}

std::string disks(std::string_view text) {
  return described(parsed(parse_io_stat, text).disks);
}

START_TEST(cpu_of_v2) {
  // Linux 5.10, a pod with a limit
  CHECK_TEXT(cpu("usage_usec 116450213\nuser_usec 100113000\nsystem_usec 16337213\n"
                 "nr_periods 48013\nnr_throttled 1201\nthrottled_usec 93450112\n"),
             "116450213000 93450112000");
  // 6.1: without the cpu controller nothing is throttled, and nothing is said of it
  CHECK_TEXT(cpu("usage_usec 7\nuser_usec 4\nsystem_usec 3\ncore_sched.force_idle_usec 0\n"),
             "7000 -");
  // 6.12
  CHECK_TEXT(cpu("usage_usec 26550727249\nuser_usec 24338760196\nsystem_usec 2211967053\n"
                 "nice_usec 765162511\ncore_sched.force_idle_usec 0\nnr_periods 0\n"
                 "nr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"),
             "26550727249000 0");
}
END_TEST

START_TEST(cpu_of_v1) {
  CHECK_TEXT(cpu("nr_periods 8\nnr_throttled 2\nthrottled_time 123456789\nnr_bursts 0\n"
                 "burst_time 0\n"),
             "- 123456789");
  CHECK_TEXT(told(parsed(parse_cpuacct_usage, "26556228272962\n").cpu_usage_ns), "26556228272962");
  CHECK_TEXT(told(parsed(parse_cpuacct_usage, "").cpu_usage_ns), "-");
  CHECK_TEXT(told(parsed(parse_cpuacct_usage, "12 13\n").cpu_usage_ns), "-");
}
END_TEST

START_TEST(cpu_limits) {
  auto limit = [](const char* text) {
    CgroupStats stats = parsed(parse_cpu_max, text);
    return told(stats.cpu_quota_us) + " of " + told(stats.cpu_period_us);
  };
  CHECK_TEXT(limit("50000 100000\n"), "50000 of 100000");
  CHECK_TEXT(limit("max 100000\n"), "- of 100000");
  CHECK_TEXT(limit("50000"), "50000 of -");
  CHECK_TEXT(limit(""), "- of -");
  CHECK_TEXT(told(parsed(parse_cfs_quota, "250000\n").cpu_quota_us), "250000");
  CHECK_TEXT(told(parsed(parse_cfs_quota, "-1\n").cpu_quota_us), "-");
  CHECK_TEXT(told(parsed(parse_cfs_period, "100000\n").cpu_period_us), "100000");
}
END_TEST

START_TEST(pressures) {
  CHECK_TEXT(pressure("some avg10=1.23 avg60=15.20 avg300=31.44 total=3691213674\n"
                      "full avg10=0.83 avg60=0.73 avg300=0.22 total=37139982\n"),
             "3691213674000 37139982000");
  // cpu.pressure before 5.13
  CHECK_TEXT(pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=600\n"), "600000 -");
  CHECK_TEXT(pressure(""), "- -");
  CHECK_TEXT(pressure("some total=\nfull total=-1\n"), "- -");
  CHECK_TEXT(pressure("total=5\nnone total=6\nfull total=7"), "- 7000");
  // One more microsecond and it is no number of nanoseconds.
  CHECK_TEXT(pressure("some total=18446744073709551\nfull total=18446744073709552\n"),
             "18446744073709551000 -");
}
END_TEST

START_TEST(memory_of_v2) {
  // Linux 5.10
  constexpr std::string_view k510 =
      "anon 1757184\nfile 3645440\nkernel_stack 49152\npercpu 0\nsock 0\nshmem 0\n"
      "file_mapped 2703360\nfile_dirty 0\nfile_writeback 0\nanon_thp 0\ninactive_anon 1622016\n"
      "active_anon 0\ninactive_file 1486848\nactive_file 2162688\nunevictable 0\n"
      "slab_reclaimable 321968\nslab_unreclaimable 229088\nslab 551056\n"
      "workingset_refault_anon 0\nworkingset_refault_file 0\nworkingset_activate_anon 0\n"
      "workingset_activate_file 0\nworkingset_restore_anon 0\nworkingset_restore_file 0\n"
      "workingset_nodereclaim 0\npgfault 6204\npgmajfault 33\npgrefill 0\npgscan 0\npgsteal 0\n"
      "pgactivate 462\npgdeactivate 0\npglazyfree 0\npglazyfreed 0\nthp_fault_alloc 0\n"
      "thp_collapse_alloc 0\n";
  CHECK_TEXT(memory(k510, 6000000), "4513152 2484656 33");
  // 6.1 and later have "kernel", "pagetables", "zswap" and more, and 6.12 puts pgmajfault elsewhere
  CHECK_TEXT(memory("anon 8192\nfile 4096\nkernel 5\nkernel_stack 0\npagetables 0\n"
                    "sec_pagetables 0\ninactive_anon 1\nactive_anon 2\ninactive_file 4096\n"
                    "active_file 0\npgscan 0\npgscan_kswapd 0\npgfault 9\npgmajfault 2\n",
                    20480),
             "16384 0 2");
}
END_TEST

START_TEST(memory_of_v1) {
  constexpr std::string_view k618 =
      "cache 9568256\nrss 13148160\npgfault 182305\npgmajfault 5\ninactive_anon 0\n"
      "active_anon 1531904\ninactive_file 4096\nactive_file 565248\nunevictable 20615168\n"
      "hierarchical_memory_limit 9223372036854771712\ntotal_cache 3811102720\n"
      "total_rss 494403584\ntotal_pgfault 467246103\ntotal_pgmajfault 39140\n"
      "total_inactive_anon 481075200\ntotal_inactive_file 1893101568\n"
      "total_active_file 1909002240\ntotal_unevictable 20615168\n";
  CHECK_TEXT(memory(k618, 4305272832), "2412171264 1909002240 39140");
}
END_TEST

START_TEST(working_set) {
  CHECK_TEXT(memory("inactive_file 10\n", 10), "0 - -");
  // Read one after the other, the parts may exceed the whole.
  CHECK_TEXT(memory("inactive_file 11\n", 10), "0 - -");
  CHECK_TEXT(memory("inactive_file 4\npgmajfault 1\n", std::nullopt), "- - 1");
  CHECK_TEXT(memory("active_file 4\n", 10), "- 4 -");
  // What can be reclaimed is known where all of it is.
  CHECK_TEXT(memory("active_file 4\nslab_reclaimable 3\nslab_unreclaimable 9\n", 10), "- 7 -");
  CHECK_TEXT(memory("slab_reclaimable 3\n", 10), "- - -");
  CHECK_TEXT(told(parsed(parse_memory_usage, "4305272832\n").memory_usage_bytes), "4305272832");
}
END_TEST

START_TEST(limits) {
  auto limit = [](std::string_view text) {
    return told(parsed(parse_memory_limit, text).memory_limit_bytes);
  };
  std::string none = std::to_string(kNoMemoryLimit);
  CHECK_TEXT(limit("max\n"), none);
  CHECK_TEXT(limit("268435456\n"), "268435456");
  CHECK_TEXT(limit("0\n"), "0");
  // v1: pages of 4, 16 and 64 KiB
  CHECK_TEXT(limit("9223372036854771712\n"), none);
  CHECK_TEXT(limit("9223372036854759424\n"), none);
  CHECK_TEXT(limit("9223372036854710272\n"), none);
  CHECK_TEXT(limit("4611686018427387903\n"), "4611686018427387903");
  CHECK_TEXT(limit("maximum\n"), "-");
  CHECK_TEXT(limit("-1\n"), "-");
  CHECK_TEXT(limit("\n"), "-");
}
END_TEST

START_TEST(killed) {
  auto kills = [](std::string_view text) { return told(parsed(parse_oom_kills, text).oom_kills); };
  CHECK_TEXT(kills("low 0\nhigh 0\nmax 1201\noom 4\noom_kill 3\n"), "3");                 // 5.10
  CHECK_TEXT(kills("low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"), "0");  // 6.1
  CHECK_TEXT(kills("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 1\nsock_throttled 0\n"),
             "2");                                                          // 7.0
  CHECK_TEXT(kills("oom_kill_disable 0\nunder_oom 1\noom_kill 5\n"), "5");  // v1
  CHECK_TEXT(kills("oom_kill_disable 1\nunder_oom 0\n"), "-");              // before 4.13
}
END_TEST

START_TEST(disks_of_v2) {
  CHECK_TEXT(disks("8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n"
                   "8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 "
                   "dios=3021\n"),
             "8:0 90430464 299008000 8950 1252; 8:16 1459200 314773504 192 353; ");
  // Of 5.15, a host with loop devices
  CHECK_TEXT(disks("7:7 7:6 7:5 7:4 rbytes=28672 wbytes=0 rios=22 wios=0 dbytes=0 dios=0\n"
                   "7:3 rbytes=518539264 wbytes=0 rios=13405 wios=0 dbytes=0 dios=0\n"),
             "7:3 518539264 0 13405 0; 7:4 28672 0 22 0; ");
  // Policies tell more.
  CHECK_TEXT(disks("259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0 cost.vrate=100.00 "
                   "cost.usage=0 cost.wait=0 use_delay=0 depth=max avg_lat=5 win=9\n"),
             "259:0 1 2 3 4; ");
  CHECK_TEXT(disks("8:32 rbytes=5 wbytes=0 rios=1 wios=0 dbytes=0 dios=0 [NONE] dispatched=0 "
                   "inserted=0 merged=171 [RT] dispatched=0\n"),
             "8:32 5 0 1 0; ");
}
END_TEST

START_TEST(disks_that_are_none) {
  CHECK_TEXT(disks(""), "");
  CHECK_TEXT(disks("252:0 "), "");
  CHECK_TEXT(disks("252:0 \n7:1\n\n"), "");
  CHECK_TEXT(disks("(unknown) rbytes=1 wbytes=1 rios=1 wios=1\n8:0 rbytes=2\n"), "8:0 2 0 0 0; ");
  CHECK_TEXT(disks("7:7 (unknown) rbytes=1 wbytes=1 rios=1 wios=1\n"), "");
  CHECK_TEXT(disks("253:3 cost.vrate=100.00\n"), "");
  CHECK_TEXT(disks("8:0 rbytes=18446744073709551616 rios=7\n"), "8:0 0 0 7 0; ");
  CHECK_TEXT(disks("8:4294967296 rbytes=1\n8: rbytes=1\n:0 rbytes=1\nrbytes=1\n"), "");
}
END_TEST

START_TEST(disks_of_v1) {
  CgroupStats stats;
  parse_blkio_bytes(
      "259:2 Read 90112\n259:2 Write 0\n259:2 Sync 90112\n259:2 Async 0\n259:2 Discard 0\n"
      "259:2 Total 90112\n8:0 Read 5709284352\n8:0 Write 119474752000\n8:0 Sync 1\n8:0 Async 2\n"
      "8:0 Total 125184036352\n(unknown) Read 7\n(unknown) Write 7\nTotal 125184126464\n",
      stats);
  CHECK_TEXT(described(stats.disks), "8:0 5709284352 119474752000 0 0; 259:2 90112 0 0 0; ");
  parse_blkio_operations(
      "259:2 Read 9\n259:2 Write 0\n259:2 Total 9\n8:0 Read 12\n8:0 Write 34\n8:16 Read 1\n"
      "Total 55\n",
      stats);
  CHECK_TEXT(described(stats.disks), "8:0 5709284352 119474752000 12 34; 259:2 90112 0 9 0; ");
  CHECK_TEXT(described(parsed(parse_blkio_bytes, "Total 0\n").disks), "");
  CHECK_TEXT(described(parsed(parse_blkio_bytes, "8:0 Total 5\n8:1 Read x\n8:2 Write 3").disks),
             "8:2 0 3 0 0; ");
}
END_TEST

START_TEST(many_disks) {
  // The kernel lists the newest first.
  std::string bytes, operations, unified;
  for (int minor = 39; minor >= 0; minor--) {
    std::string device = "253:" + std::to_string(minor);
    bytes += device + " Read " + std::to_string(minor) + "\n" + device + " Write 1\n";
    operations += device + " Read 2\n" + device + " Write 3\n";
    unified += device + " rbytes=" + std::to_string(minor) + " wbytes=1 rios=2 wios=3\n";
  }
  std::string want;
  for (int minor = 0; minor < 16; minor++)
    want += "253:" + std::to_string(minor) + " " + std::to_string(minor) + " 1 2 3; ";
  want += "more: 24";
  CHECK_TEXT(disks(unified), want);
  CgroupStats legacy = parsed(parse_blkio_bytes, bytes);
  parse_blkio_operations(operations, legacy);
  CHECK_TEXT(described(legacy.disks), want);
  ck_assert_uint_eq(legacy.disks.size(), DiskList::kDisksMax);
}
END_TEST

START_TEST(odd_texts) {
  for (std::string_view text : {"", "\n\n\n", " ", "usage_usec", "usage_usec \n", "usage_usec x\n",
                                "usage_usec -1\n", "usage_usec 1 2\n", "usage_usec  1\n",
                                "xusage_usec 1\n", "usage_usec 18446744073709552\n"}) {
    CHECK_TEXT(cpu(text), "- -");
  }
  CHECK_TEXT(cpu("usage_usec 5\nusage_usec x\n"), "5000 -");
  CHECK_TEXT(cpu(std::string_view("usage_usec 5\0\n", 14)), "- -");
  CHECK_TEXT(cpu("usage_usec 5"), "5000 -");
}
END_TEST

}  // namespace

CHECK_MAIN("cgroup_stat_text", cpu_of_v2, cpu_of_v1, cpu_limits, pressures, memory_of_v2,
           memory_of_v1, working_set, limits, killed, disks_of_v2, disks_that_are_none, disks_of_v1,
           many_disks, odd_texts)
