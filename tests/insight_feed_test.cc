#include "insight_feed.h"

#include <algorithm>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kTickNs = 10 * kNsPerSecond;
constexpr const char* kUid = "11111111-2222-3333-4444-555555555555";
constexpr const char* kPath = "/kubepods/burstable/pod11111111-2222-3333-4444-555555555555/";

struct Bench {
  Bench() {
    for (Workloads* all : {&workloads, &containers})
      all->set_pods(&pods);
    peers.set_pods(&pods);
  }

  // The pod, once `say` has said more of it.
  template <typename Say>
  void list(Say say) {
    static Pod pod;
    pod.clear();
    pod.ns.assign("shop");
    pod.name.assign("web-7d9c5b7f6d-x2x4z");
    pod.uid.assign(kUid);
    pod.owner_kind.assign("ReplicaSet");
    pod.owner_name.assign("web-7d9c5b7f6d");
    pod.labels.add("pod-template-hash", "7d9c5b7f6d");
    pod.phase = Pod::Phase::running;
    PodContainer& main = *pod.container("main");
    main.id.assign(std::string(64, 'a'));
    main.state = PodContainer::State::running;
    main.ready = true;
    say(pod, main);
    pods.begin();
    pods.add(pod);
    pods.commit(now_ns);
  }
  void list() {
    list([](Pod&, PodContainer&) {});
  }

  Workloads::Index container() {
    return containers.index(containers.of_path(7, kPath + std::string(64, 'a'), now_ns));
  }
  Workloads::Index pod() {
    return workloads.index(workloads.of_path(7, kPath + std::string(64, 'a'), now_ns));
  }

  // "type severity namespace/pod/container object reason owner;..." of what holds after some ticks.
  std::string holds(unsigned ticks = 1) {
    for (unsigned i = 0; i < ticks; i++) {
      now_ns += kTickNs;
      feed.look({now_ns, now_ns, stale}, node);
    }
    std::string all;
    feed.table().each([&all](const Insight& insight) {
      all += std::string(insight_type_name(insight.type)) + ' ' + severity_name(insight.severity) +
             ' ' + insight.ns + '/' + insight.pod + '/' + insight.container + " [" +
             insight.object + "] [" + insight.reason + "] " + insight.owner + ';';
    });
    return all;
  }

  uint64_t now_ns = 1000 * kNsPerSecond;
  PodTable pods;
  CgroupPaths paths;
  Workloads workloads{paths};
  Workloads containers{paths, Workloads::Grain::container};
  Store store{{1000000}};
  ContainerStore container_store{store.budget(), 51};
  Peers peers;
  NodeState node;
  bool stale = false;
  InsightFeed feed{{workloads, store, containers, container_store, pods, peers}};
};

START_TEST(quiet) {
  Bench bench;
  CHECK_TEXT(bench.holds(40), "");
  bench.list();
  bench.container_store.of(bench.container()).memory_working_set_bytes = 1 << 20;
  bench.store.tcp(bench.pod()).connections[0] = 100;
  bench.store.count_query(bench.pod(), "example.com");
  CHECK_TEXT(bench.holds(40), "");
  ck_assert_uint_eq(bench.feed.looked_ns(), bench.now_ns);
  ck_assert_uint_eq(bench.feed.overflow(), 0);
}
END_TEST

START_TEST(memory) {
  Bench bench;
  bench.list();
  ContainerCounts& counts = bench.container_store.of(bench.container());
  counts.memory_limit_bytes = 512 << 20;
  counts.oom_kills = 3;  // of before
  counts.memory_working_set_bytes = 100 << 20;
  CHECK_TEXT(bench.holds(60), "");
  for (unsigned mib = 100; mib < 460; mib += 10) {
    counts.memory_working_set_bytes = uint64_t{mib} << 20;
    bench.holds();
  }
  CHECK_TEXT(bench.holds(), "oom_predicted critical shop/web-7d9c5b7f6d-x2x4z/main [] [] web;");
  counts.oom_kills = 4;
  counts.memory_working_set_bytes = 10 << 20;
  std::string now = bench.holds();
  ck_assert_msg(now.find("oom_killed critical shop/web-7d9c5b7f6d-x2x4z/main") != now.npos, "%s",
                now.c_str());
}
END_TEST

START_TEST(cpu_limit) {
  Bench bench;
  bench.list();
  ContainerCounts& counts = bench.container_store.of(bench.container());
  counts.cpu_usage_ns = counts.cpu_throttled_ns = 0;
  counts.cpu_limit_millicpus = 250;
  for (unsigned tick = 0; tick < 40; tick++) {
    *counts.cpu_usage_ns += kTickNs / 4;
    *counts.cpu_throttled_ns += kTickNs / 2;
    bench.holds();
  }
  std::optional<double> limit;
  bench.feed.table().each([&limit](const Insight& insight) {
    if (insight.type != InsightType::cpu_throttled) return;
    if (const Evidence* told = insight.evidence.find("cpu_limit")) limit = told->value;
  });
  ck_assert(limit == 0.25);
}
END_TEST

// What has no cgroup is looked at, too, and what has one is looked at once.
START_TEST(containers_of_pods) {
  Bench bench;
  auto crashing = [](Pod& pod, PodContainer& main) {
    main.state = PodContainer::State::waiting;
    main.reason.assign("CrashLoopBackOff");
    main.has_last = true;
    main.last_reason.assign("Error");
    main.last_exit_code = 3;
    main.ready = false;
    pod.waiting = 0;
  };
  bench.list(crashing);
  const char* loop = "crash_loop critical shop/web-7d9c5b7f6d-x2x4z/main [] [Error] web;";
  std::string without = bench.holds();
  bench.container_store.of(bench.container()).restarts = 5;
  std::string with = bench.holds();
  CHECK_TEXT(with, without);
  ck_assert_msg(with.find("crash_loop") != with.npos, "%s, not %s", with.c_str(), loop);
}
END_TEST

START_TEST(pods_that_wait) {
  Bench bench;
  bench.list([](Pod& pod, PodContainer& main) {
    pod.phase = Pod::Phase::pending;
    pod.waiting = 0;
    pod.message.assign("no such image");
    main.state = PodContainer::State::waiting;
    main.reason.assign("ErrImagePull");
    main.ready = false;
  });
  CHECK_TEXT(bench.holds(3),
             "image_pull warning shop/web-7d9c5b7f6d-x2x4z/ [main] [ErrImagePull: no such image] "
             "web;");
  // As long as it may be: then the reason in front of it takes the place of its middle.
  bench.list([](Pod& pod, PodContainer& main) {
    pod.phase = Pod::Phase::pending;
    pod.waiting = 0;
    pod.message.assign(std::string(Pod::kMessageBytesMax - 9, 'x') + "timed out");
    main.state = PodContainer::State::waiting;
    main.reason.assign("ErrImagePull");
    main.ready = false;
  });
  std::string now = bench.holds();
  ck_assert_msg(now.find("[ErrImagePull: xxx") != now.npos, "%s", now.c_str());
  ck_assert_msg(now.find("x...x") != now.npos, "%s", now.c_str());
  ck_assert_msg(now.find("xxtimed out] web;") != now.npos, "%s", now.c_str());
}
END_TEST

void crash(Pod& pod, PodContainer& main) {
  pod.waiting = 0;
  main.ready = false;
  main.state = PodContainer::State::waiting;
  main.reason.assign("CrashLoopBackOff");
}

// What the kubelet tells late has been before, however much it is.
START_TEST(restarts_of_before) {
  Bench bench;
  bench.list([](Pod& pod, PodContainer&) { pod.phase = Pod::Phase::unknown; });
  ContainerCounts& counts = bench.container_store.of(bench.container());
  counts.oom_kills = 0;
  CHECK_TEXT(bench.holds(3), "");
  bench.list();
  counts.restarts = 57;
  CHECK_TEXT(bench.holds(3), "");
  counts.restarts.reset();
  CHECK_TEXT(bench.holds(3), "");
  counts.restarts = 58;
  CHECK_TEXT(bench.holds(3), "");
  counts.restarts = 61;
  std::string now = bench.holds();
  ck_assert_msg(now.find("crash_loop") != now.npos, "%s", now.c_str());
}
END_TEST

// A pod that was not there before has had no kills, restarts and failures before.
START_TEST(new_pods) {
  Bench bench;
  bench.list([](Pod& pod, PodContainer&) { pod.name.assign("other"); });
  CHECK_TEXT(bench.holds(3), "");
  bench.list();
  bench.container_store.of(bench.container()).oom_kills = 1;
  std::string now = bench.holds();
  ck_assert_msg(now.find("oom_killed critical shop/web-7d9c5b7f6d-x2x4z/main") == 0, "%s",
                now.c_str());
}
END_TEST

// Soon, though its series go on for a while. A list may miss a pod for once.
START_TEST(pods_that_go) {
  Bench bench;
  bench.list(crash);
  bench.container_store.of(bench.container()).restarts = 5;
  std::string now = bench.holds(2);
  ck_assert_msg(now.find("crash_loop") == 0, "%s", now.c_str());
  auto other = [](Pod& pod, PodContainer&) { pod.name.assign("other"); };
  bench.list(other);
  CHECK_TEXT(bench.holds(3), now);
  bench.list(crash);
  CHECK_TEXT(bench.holds(3), now);
  bench.list(other);
  CHECK_TEXT(bench.holds(6), "");
}
END_TEST

// Its name is cut where a label's is.
START_TEST(long_names) {
  Bench bench;
  bench.list([](Pod& pod, PodContainer&) { pod.name.assign(std::string(200, 'n')); });
  ContainerCounts& counts = bench.container_store.of(bench.container());
  counts.oom_kills = 0;
  bench.holds(2);
  counts.oom_kills = 1;
  CHECK_TEXT(bench.holds(),
             "oom_killed critical shop/" + std::string(128, 'n') + "/main [] [] web;");
}
END_TEST

// Nobody tells how they are now: nothing is said of it, and what was said stays no longer than it
// has to.
START_TEST(stale_pods) {
  Bench bench;
  bench.list([](Pod& pod, PodContainer& main) {
    pod.phase = Pod::Phase::pending;
    pod.waiting = 0;
    main.state = PodContainer::State::waiting;
    main.reason.assign("ErrImagePull");
    main.ready = false;
  });
  ck_assert_uint_gt(bench.holds(3).size(), 0);
  bench.stale = true;
  CHECK_TEXT(bench.holds(20), "");
}
END_TEST

START_TEST(user_managers) {
  Bench bench;
  auto unit = [&](uint64_t cgroup, const char* path) {
    return bench.containers.index(bench.containers.of_path(cgroup, path, bench.now_ns));
  };
  auto manager = unit(8, "/user.slice/user-1000.slice/user@1000.service");
  bench.container_store.of(manager).oom_kills = 0;
  bench.holds();
  bench.container_store.of(manager).oom_kills = 3;
  CHECK_TEXT(bench.holds(), "");
}
END_TEST

START_TEST(traffic) {
  Bench bench;
  bench.list();
  bench.holds();
  TcpCounts& tcp = bench.store.tcp(bench.pod());
  IpBytes remote = *parse_ip("10.9.8.7");
  bench.holds();
  for (unsigned i = 0; i < 20; i++) {
    tcp.failures[kFailureRefused]++;
    tcp.failing_peer.take(remote);
  }
  CHECK_TEXT(bench.holds(),
             "connect_failing critical shop/web-7d9c5b7f6d-x2x4z/ [] [refused] web;");
  bench.feed.table().each([](const Insight& insight) {
    CHECK_TEXT(insight.peer, "10.9.8.7");
    CHECK_TEXT(insight.peer_ns, "");
  });
  // It fades.
  ck_assert_uint_eq(tcp.failing_peer.weight, 17);
}
END_TEST

START_TEST(names) {
  Bench bench;
  bench.list();
  DnsCounts& dns = bench.store.dns(bench.pod());
  bench.holds();
  for (unsigned i = 0; i < 300; i++) {
    bench.store.count_query(bench.pod(), i % 4 == 0 ? "example.com" : "search");
    dns.responses[i % 4 == 0 ? 0 : 3]++;
  }
  CHECK_TEXT(bench.holds(),
             "dns_search_amplification warning shop/web-7d9c5b7f6d-x2x4z/ [] [] web;");
  dns.responses[2] += 500;
  std::string now = bench.holds();
  ck_assert_msg(now.find("dns_failing critical") != now.npos, "%s", now.c_str());
}
END_TEST

START_TEST(the_node) {
  Bench bench;
  bench.list();
  bench.node.memory = {99, 100};
  bench.node.pids = {1, 100};
  CHECK_TEXT(bench.holds(6), "node_pressure critical // [memory] [] ;");
}
END_TEST

// Told once a minute, each time as that full.
struct Disks : Bench {
  Workloads::Index unit(const char* path, uint64_t cgroup) {
    return containers.index(containers.of_path(cgroup, path, now_ns));
  }
  void add(Workloads::Index index, const char* point, uint64_t device, uint64_t used_mib,
           uint64_t capacity_mib = 1000) {
    container_store.of(index).filesystems.push_back(
        {point, capacity_mib << 20, used_mib << 20, (capacity_mib - used_mib) << 20, device, 0});
  }
  std::string minutes(unsigned count) {
    std::string all;
    for (unsigned i = 0; i < count; i++) {
      container_store.each([this](ContainerCounts& counts) {
        for (FilesystemSizes& each : counts.filesystems)
          each.told_ns = now_ns;
      });
      all = holds(6);
    }
    return all;
  }
};

START_TEST(filesystems) {
  Disks bench;
  bench.list();
  bench.add(bench.container(), "/", 0, 995);
  bench.add(bench.container(), "/data", 0, 500);
  const char* full = "filesystem_filling critical shop/web-7d9c5b7f6d-x2x4z/main [/] [] web;";
  CHECK_TEXT(bench.minutes(2), full);
  // Nobody tells any more: what was is known for a while.
  CHECK_TEXT(bench.holds(12), full);
  CHECK_TEXT(bench.holds(12), "");
}
END_TEST

// A look that tells nothing new is no sample: it would be a disk that has ceased to fill.
START_TEST(filesystems_told_seldom) {
  Disks bench;
  bench.list();
  bench.add(bench.container(), "/data", 0, 100);
  uint64_t& used = bench.container_store.of(bench.container()).filesystems[0].usage_bytes;
  uint64_t& left = bench.container_store.of(bench.container()).filesystems[0].available_bytes;
  for (int i = 0; i < 8; i++, used += 100 << 20, left -= 100 << 20)
    bench.minutes(1);
  CHECK_TEXT(bench.minutes(1),
             "filesystem_filling critical shop/web-7d9c5b7f6d-x2x4z/main [/data] [] web;");
  bench.feed.table().each([](const Insight& insight) {
    ck_assert(insight.prediction.has_value());
    ck_assert_double_eq_tol(insight.prediction->seconds, 60, 2);
  });
}
END_TEST

START_TEST(a_disk_of_many) {
  Disks bench;
  bench.list();
  const char* host = "filesystem_filling critical host/kernel/ [/] [] ;";
  Workloads::Index units[] = {bench.unit("/system.slice/a.service", 20),
                              bench.unit("/system.slice/b.service", 21),
                              bench.unit("/system.slice/c.service", 22)};
  Workloads::Index root = bench.unit("/", 1);
  for (Workloads::Index unit : units)
    bench.add(unit, "/", 5, 995);
  bench.add(bench.container(), "/cache", 5, 996);
  bench.add(root, "/", 5, 995);
  CHECK_TEXT(bench.minutes(2), host);
  // Shared by some that are not the host: one tells, and always the same.
  for (Workloads::Index unit : units)
    bench.add(unit, "/shared", 6, 999);
  std::string all = bench.minutes(2);
  bench.add(bench.unit("/system.slice/d.service", 23), "/elsewhere", 7, 10);
  std::reverse(std::begin(units), std::end(units));
  for (Workloads::Index unit : units)
    bench.add(unit, "/other", 8, 10);
  CHECK_TEXT(bench.minutes(5), all);
  size_t first = all.find("[/shared]");
  ck_assert_msg(first != all.npos && first == all.rfind("[/shared]"), "%s", all.c_str());
  ck_assert_msg(all.find(host) != all.npos, "%s", all.c_str());
}
END_TEST

START_TEST(a_quota_of_its_own) {
  Disks bench;
  bench.add(bench.unit("/", 1), "/", 5, 100);
  bench.add(bench.unit("/system.slice/a.service", 20), "/", 5, 99, 100);
  CHECK_TEXT(bench.minutes(2), "filesystem_filling critical systemd/a.service/ [/] [] ;");
}
END_TEST

}  // namespace

CHECK_MAIN("insight_feed", quiet, memory, cpu_limit, containers_of_pods, pods_that_wait,
           restarts_of_before, new_pods, pods_that_go, long_names, stale_pods, user_managers,
           traffic, names, the_node, filesystems, filesystems_told_seldom, a_disk_of_many,
           a_quota_of_its_own)
