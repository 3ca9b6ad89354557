// Whose is it, on Kubernetes: what pods do is counted at once and exactly, whenever and by whomever
// they are named.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kubelet_files.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

// Processes of the caller's cgroup that live for a few milliseconds, one after the other: each
// makes a connection, asks once, and is gone.
int run_brief_processes(int count, const Address& listener, const Address& dns) {
  for (int number = 0; number < count; number++) {
    pid_t pid = fork();
    if (pid == 0) {
      Fd connection = connect_to(listener);
      Fd asking = make_socket(AF_INET, SOCK_DGRAM);
      send_query(asking, dns, dns_query(static_cast<uint16_t>(number), dns_name(kDomain)));
      receive_answer(asking);
      _exit(0);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return 1;
  }
  return 0;
}

START_TEST(brief_processes) {
  constexpr int kPods = 50, kProcesses = 40, kAtOnce = 4;
  std::vector<LivePod> pods;
  std::vector<Cgroup> cgroups;
  for (int number = 0; number < kPods; number++) {
    pods.emplace_back(Owner{"crowd-" + std::to_string(number % 7), "web-" + std::to_string(number)},
                      static_cast<LivePod::Layout>(number % LivePod::kLayouts));
    cgroups.push_back(pods.back().container());
  }
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list(pods));
  Daemon daemon = start_beside(kubelet, {"--sample-interval=1s"});
  OtherEnd other("crowd-server");
  Child accepting = Child::in(make_unit("crowd-accepting"), [&] {
    for (int number = 0; number < kPods * kProcesses; number++)
      receive_rest(accept_from(other.listener()));
    return 0;
  });
  Child answering = Child::in(make_unit("crowd-answering"), [&] {
    for (int number = 0; number < kPods * kProcesses; number++) {
      other.dns().take();
      other.dns().answer(kNoError);
    }
    return 0;
  });
  Address listener = local_address(other.listener());
  for (int first = 0; first < kPods; first += kAtOnce) {
    std::vector<Child> crowd;
    for (int number = first; number < std::min(first + kAtOnce, kPods); number++)
      crowd.push_back(Child::in(cgroups[static_cast<size_t>(number)], [&] {
        return run_brief_processes(kProcesses, listener, other.dns().address());
      }));
    for (Child& child : crowd)
      child.finish();
  }
  accepting.finish();
  answering.finish();
  // A last ACK that comes twice finds the listener, which answers with RST.
  constexpr const char* kResets = "kubepulse_tcp_resets_total";
  std::vector<Want> wants;
  for (const LivePod& pod : pods)
    for (const Want& want : traffic_wants(pod.owner(), kProcesses, kProcesses))
      if (want.name != kResets) wants.push_back(want);
  wants.push_back({"kubepulse_events_dropped_total", {{"type", "tcp"}}, 0});
  wants.push_back({"kubepulse_events_dropped_total", {{"type", "dns"}}, 0});
  expect(daemon, wants);
  expect_tcp(daemon, other.owner(), {{"in", kPods * kProcesses}}, {"reset_sent", "reset_received"});
  Page page = daemon.scrape();
  for (const LivePod& pod : pods)
    ck_assert_msg(!is_on(page, pod.nameless()), "%s",
                  page.text_of(pod.nameless().labels()).c_str());
  daemon.stop();
}
END_TEST

// A pod of a real list, by the uid that its cgroups have.
struct RealPod {
  std::string uid;
  Owner owner;
};

// A cgroup for each process of the node, and for containers that had ended when the list was taken.
void check_real_list(const KubeletFiles& files, const std::vector<RealPod>& pods,
                     const Words& ended) {
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(files.pods);
  Daemon daemon = start_beside(kubelet);
  CHECK_TEXT(kubelet.last_target(), "/pods");
  OtherEnd other("list-server-" + std::string(files.name));
  Words paths = files.pod_cgroups();
  ck_assert(paths.size() >= 10);
  paths.insert(paths.end(), ended.begin(), ended.end());
  std::vector<int> counts(pods.size());
  int times = 0;
  for (const std::string& path : paths) {
    std::string dashed = path;
    std::replace(dashed.begin(), dashed.end(), '_', '-');
    auto owner = std::find_if(pods.begin(), pods.end(), [&](const RealPod& pod) {
      return dashed.find("pod" + pod.uid) != dashed.npos;
    });
    ck_assert_msg(owner != pods.end(), "whose is %s?", path.c_str());
    Cgroup cgroup = make_cgroup("list-" + std::string(files.name) + path, owner->owner);
    other.connect(cgroup, ++times);
    other.ask(cgroup, times);
    counts[static_cast<size_t>(owner - pods.begin())] += times;
  }
  std::vector<Want> wants;
  for (size_t at = 0; at < pods.size(); at++)
    for (const Want& want : traffic_wants(pods[at].owner, counts[at], counts[at]))
      wants.push_back(want);
  expect(daemon, wants);
  Page page = daemon.scrape();
  for (const RealPod& pod : pods)
    ck_assert_msg(!is_on(page, Owner{"unknown", pod.uid}), "unknown: %s", pod.uid.c_str());
  daemon.stop();
}

// Static pods alone.
const std::vector<RealPod> kStaticPods = {
    {"07e66cecda5a32033c19f5e0585bad8f", {"batch", "crash-rig-node"}},
    {"c0ffee00-1111-4222-8333-944445555566", {"payments", "db-rig-node"}},
    {"48bf1ded8cdd6337d986ce766ed35a34", {"default", "host-rig-node"}},
    {"5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41", {"shop", "web-rig-node"}},
};

START_TEST(list_systemd) {
  const std::string kSlice = "/kubepods.slice/kubepods-b";
  check_real_list(
      systemd_files(), kStaticPods,
      {kSlice + "urstable.slice/kubepods-burstable-pod5f3b0c1e_7a2d_4e7b_9f10_2b6c1d0e9a41.slice/"
                "cri-containerd-5912001f38ffa897ddd82a26ba60530a4aa2686acd7ac5e49d1bddfa62b00184"
                ".scope",
       kSlice + "esteffort.slice/kubepods-besteffort-pod07e66cecda5a32033c19f5e0585bad8f.slice/"
                "cri-containerd-e91af19f89f44e104248f9dc7198f3ce1eaf2d9f5cb24e4e8a6704be2d971e74"
                ".scope"});
}
END_TEST

START_TEST(list_cgroupfs) {
  check_real_list(cgroupfs_files(), kStaticPods,
                  {"/kubepods/burstable/pod5f3b0c1e-7a2d-4e7b-9f10-2b6c1d0e9a41/"
                   "b29ac31a23a9e2410de5a097bc59f5d77e57cab3aad7e3ae4484b972bf53a99b",
                   "/kubepods/besteffort/pod07e66cecda5a32033c19f5e0585bad8f/"
                   "cdcf7e4f2106b3aebccdc25c1349e8a24a952a992250a5c3a3c35e111256e842"});
}
END_TEST

START_TEST(list_of_a_cluster) {
  const std::string kSlice = "/kubepods.slice/kubepods-b";
  check_real_list(
      systemd_api_files(),
      {{"a09eae3d-38cc-4b95-ad39-3b8ea6dd56ca", {"batch", "crash"}},
       {"d6a1bee6-f61c-44c0-a9f0-e339d704da3d", {"payments", "db"}},
       {"7fe468a7-213b-4c65-90ba-4d1388fbf955", {"default", "host"}},
       {"ce4de524-6411-48af-85eb-70ce2c956d82", {"shop", "web"}},
       {"6d5ded598bf237f5dbe336873c1b84ba", {"kube-system", "static-rig-node"}}},
      {kSlice + "urstable.slice/kubepods-burstable-podce4de524_6411_48af_85eb_70ce2c956d82.slice/"
                "cri-containerd-5aac4faa890a6a0c3abd3bf34c9e78ea2a852865a880ac0308f5dccb8a2cbb12"
                ".scope",
       kSlice + "esteffort.slice/kubepods-besteffort-poda09eae3d_38cc_4b95_ad39_3b8ea6dd56ca.slice/"
                "cri-containerd-331370dd164bb6b09690577cb04eb0cadb2596d34f004f92b042c6c3f14ab706"
                ".scope"});
}
END_TEST

// Nothing of the pod is on the page, under any name, until `seconds` after `start_ns`.
void check_absence(const Daemon& daemon, const LivePod& pod, uint64_t start_ns, double seconds) {
  while (seconds_since(start_ns) < seconds) {
    Page page = daemon.scrape();
    if (seconds_since(start_ns) >= seconds) return;
    for (const std::string& name : {pod.owner().pod, pod.uid()})
      ck_assert_msg(!is_on(page, Labels{{"pod", name}}), "%s is on the page after %g s:\n%s",
                    name.c_str(), seconds_since(start_ns), page.text_of({{"pod", name}}).c_str());
    sleep_ms(50);
  }
}

START_TEST(named_late) {
  KubeletServer kubelet = KubeletServer::start();
  Daemon daemon = start_beside(kubelet);
  LivePod pod({"late", "web-0"});
  Cgroup main = pod.container(), side = pod.container("side"), sandbox = pod.sandbox();
  OtherEnd other("late-server");
  uint64_t start_ns = monotonic_ns();
  other.connect(main, 3);
  other.ask(main, 4);
  other.connect(side);
  other.ask(sandbox);
  check_absence(daemon, pod, start_ns, 3);
  kubelet.list(pod_list({pod}));
  await_owner(daemon, pod.owner());
  expect_traffic(daemon, pod.owner(), 4, 5);
  ck_assert(!is_on(daemon.scrape(), pod.nameless()));
  // And goes on.
  other.connect(side);
  expect_traffic(daemon, pod.owner(), 5, 5);
  daemon.stop();
}
END_TEST

// What has no name keeps its uid for one, and gets its own as soon as it has one.
START_TEST(named_very_late) {
  constexpr double kGraceSeconds = 15;
  KubeletServer kubelet = KubeletServer::start();
  Daemon daemon = start_beside(kubelet);
  LivePod pod({"very-late", "web-0"}), other_pod({"very-late", "web-1"});
  Cgroup cgroup = pod.container(), other_cgroup = other_pod.container();
  OtherEnd other("very-late-server");
  uint64_t start_ns = monotonic_ns();
  other.connect(cgroup, 3);
  other.ask(cgroup, 2);
  other.connect(other_cgroup);
  check_absence(daemon, pod, start_ns, kGraceSeconds - 0.5);
  await_owner(daemon, pod.nameless());
  expect_traffic(daemon, pod.nameless(), 3, 2);
  other.connect(cgroup);
  expect_traffic(daemon, pod.nameless(), 4, 2);
  kubelet.list(pod_list({pod}));
  await_owner(daemon, pod.owner());
  expect_traffic(daemon, pod.owner(), 4, 2);
  await_owner(daemon, other_pod.nameless());
  expect_traffic(daemon, other_pod.nameless(), 1, 0);
  ck_assert(!is_on(daemon.scrape(), pod.nameless()));
  daemon.stop();
}
END_TEST

// A pod that nobody knows is a reason to ask before it is time.
START_TEST(asked_at_once) {
  KubeletServer kubelet = KubeletServer::start();
  Daemon daemon = start_beside(kubelet, {"--kubelet-poll=60m"});
  LivePod pod({"at-once", "web-0"});
  Cgroup cgroup = pod.container();
  kubelet.list(pod_list({pod}));
  OtherEnd other("at-once-server");
  other.connect(cgroup, 2);
  await_owner(daemon, pod.owner());
  expect_traffic(daemon, pod.owner(), 2, 0);
  // And then no more, as everybody is known; but what was unknown while it answered is asked for.
  constexpr unsigned kPauseMs = 2000, kMoreMs = 500;
  sleep_ms(kPauseMs + kMoreMs);
  uint64_t requests = kubelet.requests();
  sleep_ms(kPauseMs + kMoreMs);
  ck_assert_msg(kubelet.requests() == requests, "%d requests more",
                static_cast<int>(kubelet.requests() - requests));
  daemon.stop();
}
END_TEST

// Watches one value over changes: it never falls.
class Rising {
 public:
  Rising(const Daemon& daemon, const Owner& owner) : daemon_(daemon), owner_(owner) {}

  void look() {
    double now = daemon_.scrape().value("kubepulse_tcp_connections_total", owner_.labels());
    ck_assert_msg(now >= last_, "%s fell from %g to %g", owner_.pod.c_str(), last_, now);
    last_ = now;
  }
  void look_for_ms(unsigned ms) {
    for (uint64_t start_ns = monotonic_ns(); monotonic_ns() < start_ns + ms * kNsPerMs;
         sleep_ms(20))
      look();
  }

 private:
  const Daemon& daemon_;
  Owner owner_;
  double last_ = 0;
};

// As a StatefulSet does: the same name, another uid. The page is refused where a series stands
// twice.
START_TEST(recreated) {
  KubeletServer kubelet = KubeletServer::start();
  LivePod first({"recreated", "db-0"}), second({"recreated", "db-0"});
  Cgroup old_cgroup = first.container();
  kubelet.list(pod_list({first}));
  Daemon daemon = start_beside(kubelet);
  OtherEnd other("recreated-server");
  Rising rising(daemon, first.owner());
  other.connect(old_cgroup, 3);
  other.ask(old_cgroup, 2);
  expect_traffic(daemon, first.owner(), 3, 2);
  rising.look();
  remove_cgroup(old_cgroup);
  remove_cgroup({old_cgroup.folder.substr(0, old_cgroup.folder.rfind('/')), {}});
  // Its heir runs before the kubelet lists it.
  Cgroup cgroup = second.container();
  other.connect(cgroup, 4);
  other.ask(cgroup);
  rising.look_for_ms(300);
  kubelet.list(pod_list({second}));
  await_polls(daemon, "ok", polls(daemon.scrape(), "ok") + 2);
  rising.look();
  expect_traffic(daemon, first.owner(), 7, 3);
  other.connect(cgroup);
  expect_traffic(daemon, first.owner(), 8, 3);
  rising.look_for_ms(1500);
  for (const LivePod& pod : {first, second})
    ck_assert(!is_on(daemon.scrape(), pod.nameless()));
  daemon.stop();
}
END_TEST

START_TEST(restarted_container) {
  KubeletServer kubelet = KubeletServer::start();
  LivePod pod({"restarted", "web-0"});
  Cgroup old_cgroup = pod.container();
  kubelet.list(pod_list({pod}));
  Daemon daemon = start_beside(kubelet);
  OtherEnd other("restarted-server");
  Rising rising(daemon, pod.owner());
  other.connect(old_cgroup, 2);
  other.ask(old_cgroup, 2);
  expect_traffic(daemon, pod.owner(), 2, 2);
  rising.look();
  remove_cgroup(old_cgroup);
  Cgroup cgroup = pod.restart();
  // The pod is known by its uid, though not this container.
  other.connect(cgroup, 3);
  other.ask(cgroup, 1);
  expect_traffic(daemon, pod.owner(), 5, 3);
  rising.look();
  kubelet.list(pod_list({pod}));
  rising.look_for_ms(1500);
  other.connect(cgroup);
  expect_traffic(daemon, pod.owner(), 6, 3);
  daemon.stop();
}
END_TEST

void check_names_from_logs(const std::string& name, Words flags) {
  std::string root = scratch_path("pod-logs");
  LivePod early({name, "early"}), late({name, "late"}, LivePod::kSystemdStatic);
  Cgroup early_cgroup = early.container(), late_cgroup = late.container();
  late.container("side");
  early.write_logs(root);
  flags.push_back("--pod-logs=" + root);
  Daemon daemon = Daemon::start({flags});
  OtherEnd other(name + "-server");
  uint64_t start_ns = monotonic_ns();
  other.connect(early_cgroup, 2);
  other.ask(early_cgroup, 3);
  other.connect(late_cgroup, 4);
  other.ask(late_cgroup);
  await_owner(daemon, early.owner());
  expect_traffic(daemon, early.owner(), 2, 3);
  check_absence(daemon, late, start_ns, 2);
  late.write_logs(root);
  await_owner(daemon, late.owner());
  expect_traffic(daemon, late.owner(), 4, 1);
  daemon.stop();
}

// Where no kubelet answers, the folders of logs tell.
START_TEST(logs_instead) {
  KubeletServer kubelet = KubeletServer::start();
  kubelet.behave(KubeletServer::kDead);
  check_names_from_logs("logs-instead",
                        {"--pods=auto", "--kubelet-url=" + kubelet.url(), "--kubelet-poll=1s"});
}
END_TEST

// A kubelet is not asked, though there is one.
START_TEST(logs_only) {
  KubeletServer kubelet = KubeletServer::start();
  check_names_from_logs("logs-only",
                        {"--pods=logs", "--kubelet-url=" + kubelet.url(), "--kubelet-poll=1s"});
  ck_assert_int_eq(static_cast<int>(kubelet.requests()), 0);
}
END_TEST

// Nobody to wait for: a uid is all that there will be.
START_TEST(nobody_asked) {
  KubeletServer kubelet = KubeletServer::start();
  LivePod pod({"nobody", "web-0"});
  Cgroup cgroup = pod.container();
  kubelet.list(pod_list({pod}));
  Daemon daemon = Daemon::start({{"--pods=none", "--kubelet-url=" + kubelet.url()}});
  OtherEnd other("nobody-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  expect_traffic(daemon, pod.nameless(), 2, 1);
  ck_assert(!is_on(daemon.scrape(), pod.owner()));
  ck_assert_int_eq(static_cast<int>(kubelet.requests()), 0);
  daemon.stop();
}
END_TEST

// Of three pods `left_out` are; each makes as many connections as its place says, and twice as many
// queries. `pods_alone`: what the machine does beside is not left out.
void check_filter(const std::string& flag, const std::vector<size_t>& left_out,
                  bool pods_alone = true) {
  std::vector<LivePod> pods;
  pods.push_back(LivePod({"shop", "web-0"}).label("app", "web").label("tier", "front"));
  pods.push_back(LivePod({"shop", "cache-0"}).label("app", "cache"));
  pods.push_back(LivePod({"batch", "job-0"}).label("app", "web"));
  std::vector<Cgroup> cgroups;
  for (LivePod& pod : pods)
    cgroups.push_back(pod.container());
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list(pods));
  Daemon daemon = start_beside(kubelet, {"--kubelet-poll=60m", flag});
  OtherEnd other("filter-server");
  double tcp_records = 0, dns_records = 0;
  std::vector<Want> wants;
  for (size_t at = 0; at < pods.size(); at++) {
    int times = static_cast<int>(at) + 1;
    other.connect(cgroups[at], times);
    other.ask(cgroups[at], 2 * times);
    bool is_left_out = std::find(left_out.begin(), left_out.end(), at) != left_out.end();
    if (is_left_out) {
      tcp_records += 2 * times;      // its beginning and its end
      dns_records += 2 * 2 * times;  // query and answer
      continue;
    }
    for (const Want& want : traffic_wants(pods[at].owner(), times, 2 * times))
      wants.push_back(want);
  }
  if (pods_alone) {
    wants.push_back({"kubepulse_overflow_total", {{"table", "tcp_filtered"}}, tcp_records});
    wants.push_back({"kubepulse_overflow_total", {{"table", "dns_filtered"}}, dns_records});
  }
  expect(daemon, wants);
  Page page = daemon.scrape();
  ck_assert(page.value("kubepulse_overflow_total", {{"table", "tcp_filtered"}}) >= tcp_records);
  ck_assert(page.value("kubepulse_overflow_total", {{"table", "dns_filtered"}}) >= dns_records);
  ck_assert_msg(is_on(page, other.owner()) == pods_alone, "%s: %s", flag.c_str(),
                other.owner().pod.c_str());
  for (size_t at : left_out)
    for (const std::string& name : {pods[at].owner().pod, pods[at].uid()})
      ck_assert_msg(!is_on(page, Labels{{"pod", name}}), "%s is on the page", name.c_str());
  daemon.stop();
}

START_TEST(filter_namespaces) {
  check_filter("--namespaces=shop, systemd,host,unknown,docker,podman", {2});
  check_filter("--namespaces=batch", {0, 1}, false);
}
END_TEST

START_TEST(filter_excluded) {
  check_filter("--exclude-namespaces=shop", {0, 1});
}
END_TEST

// What is no pod has no labels.
START_TEST(filter_labels) {
  check_filter("--label-selector=app!=cache,tier notin (front)", {0, 1});
  check_filter("--label-selector=app=web", {1}, false);
}
END_TEST

// Events are told under the same names, and those of what is left out not at all.
START_TEST(pods_in_the_log) {
  LivePod told({"told", "web-0"}), left_out({"left-out", "web-0"});
  Cgroup cgroup = told.container(), other_cgroup = left_out.container();
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({told, left_out}));
  Daemon daemon = start_beside(kubelet, {"--log-events", "--exclude-namespaces=left-out"});
  OtherEnd other("log-server");
  other.connect(other_cgroup);
  other.ask(other_cgroup);
  other.connect(cgroup);
  other.ask(cgroup);
  expect_traffic(daemon, told.owner(), 1, 1);
  std::string log = daemon.out();
  Result<std::vector<JsonFields>> lines = parse_json_lines(log);
  CHECK_OK(lines.ok() ? Status() : lines.status());
  std::map<std::string, int> events;
  for (JsonFields& line : lines.value())
    if (line["namespace"] == "told" && line["pod"] == "web-0") events[line["msg"]]++;
  ck_assert_msg(events["tcp_event"] == 2 && events["dns_event"] == 1, "%s", log.c_str());
  for (const std::string& name : {std::string("left-out"), left_out.uid()})
    ck_assert_msg(log.find(name) == log.npos, "%s: %s", name.c_str(), log.c_str());
  daemon.stop();
}
END_TEST

}  // namespace

Case pods_case() {
  return {"pods",
          false,
          {brief_processes, list_systemd, list_cgroupfs, list_of_a_cluster, named_late,
           named_very_late, asked_at_once, recreated, restarted_container, logs_instead, logs_only,
           nobody_asked, filter_namespaces, filter_excluded, filter_labels, pods_in_the_log},
          true};
}

}  // namespace kubepulse::live
