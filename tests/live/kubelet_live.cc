// A kubelet that is ill: what it told last goes on being true, one line of the log tells that it is
// ill and one that it is well again.
#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

constexpr const char* kAge = "kubepulse_kubelet_pods_age_seconds";

// The lines of that level that tell of the kubelet.
Words lines_of(const Daemon& daemon, const std::string& level) {
  Result<std::vector<JsonFields>> lines = parse_json_lines(daemon.err());
  CHECK_OK(lines.ok() ? Status() : lines.status());
  Words found;
  for (JsonFields& line : lines.value())
    if (line["level"] == level && line["msg"].find("kubelet") != std::string::npos) {
      std::string text;
      for (const auto& [key, value] : line)
        text += key + "=" + value + " ";
      found.push_back(text);
    }
  return found;
}

// "VmHWM:     1234 kB", the most memory that it ever had.
size_t peak_kb(const Daemon& daemon) {
  std::string status = read_file("/proc/" + std::to_string(daemon.pid()) + "/status");
  size_t at = status.find("VmHWM:");
  ck_assert(at != status.npos);
  return strtoul(status.c_str() + at + 6, nullptr, 10);
}

// Well, ill until `errors` polls have failed, well again, with traffic all the time. `reason` must
// stand in the warning.
void check_illness(KubeletServer::Behaviour behaviour, const std::string& reason,
                   double errors = 2) {
  constexpr size_t kMoreMemoryKb = 4096;
  LivePod pod({"ill", "web-0"});
  Cgroup cgroup = pod.container();
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod}));
  Daemon daemon = start_beside(kubelet);
  OtherEnd other("ill-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  expect_traffic(daemon, pod.owner(), 2, 1);
  size_t infos = lines_of(daemon, "info").size(), peak = peak_kb(daemon);
  ck_assert_msg(lines_of(daemon, "warn").empty(), "%s", daemon.err().c_str());
  ck_assert(daemon.scrape().value(kAge) < 10);

  kubelet.behave(behaviour);
  await_polls(daemon, "error", 1);
  other.connect(cgroup, 3);
  other.ask(cgroup, 2);
  expect_traffic(daemon, pod.owner(), 5, 3);
  double age = daemon.scrape().value(kAge);
  await_polls(daemon, "error", errors);
  await_page(daemon, 10, "older pods", [&](const Page& page) { return page.value(kAge) > age; });
  Words warnings = lines_of(daemon, "warn");
  ck_assert_msg(warnings.size() == 1, "%zu warnings: %s", warnings.size(), daemon.err().c_str());
  ck_assert_msg(warnings[0].find(reason) != std::string::npos, "no \"%s\" in %s", reason.c_str(),
                warnings[0].c_str());
  ck_assert_int_eq(static_cast<int>(lines_of(daemon, "info").size()), static_cast<int>(infos));
  ck_assert_msg(peak_kb(daemon) <= peak + kMoreMemoryKb, "%zu kB grew to %zu", peak,
                peak_kb(daemon));

  double good = polls(daemon.scrape(), "ok");
  age = daemon.scrape().value(kAge);
  kubelet.behave(KubeletServer::kWell);
  await_polls(daemon, "ok", good + 1);
  await_page(daemon, 10, "fresh pods", [&](const Page& page) { return page.value(kAge) < age; });
  other.connect(cgroup);
  expect_traffic(daemon, pod.owner(), 6, 3);
  ck_assert_msg(
      lines_of(daemon, "warn").size() == 1 && lines_of(daemon, "info").size() == infos + 1,
      "not one line more, of level info: %s", daemon.err().c_str());
  daemon.stop();
}

START_TEST(hanging) {
  check_illness(KubeletServer::kHanging, "hangs", 1);
}
END_TEST

START_TEST(unauthorized) {
  check_illness(KubeletServer::kUnauthorized, "401");
}
END_TEST

START_TEST(forbidden) {
  check_illness(KubeletServer::kForbidden, "403");
}
END_TEST

START_TEST(broken) {
  check_illness(KubeletServer::kBroken, "500");
}
END_TEST

START_TEST(cut) {
  check_illness(KubeletServer::kCut, "cut");
}
END_TEST

START_TEST(endless) {
  check_illness(KubeletServer::kEndless, "longer", 1);
}
END_TEST

START_TEST(nested) {
  check_illness(KubeletServer::kNested, "nested");
}
END_TEST

START_TEST(not_json) {
  check_illness(KubeletServer::kNotJson, "list of pods");
}
END_TEST

START_TEST(dead) {
  check_illness(KubeletServer::kDead, "refused");
}
END_TEST

// Slow is not ill.
START_TEST(slow) {
  LivePod pod({"slow", "web-0"});
  Cgroup cgroup = pod.container();
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod}));
  kubelet.behave(KubeletServer::kSlowly);
  Daemon daemon = start_beside(kubelet);
  OtherEnd other("slow-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  expect_traffic(daemon, pod.owner(), 2, 1);
  ck_assert(polls(daemon.scrape(), "error") == 0 && lines_of(daemon, "warn").empty());
  daemon.stop();
}
END_TEST

// Ill from the start: pods have no names, and get them when it is well.
START_TEST(dead_at_first) {
  LivePod pod({"first", "web-0"});
  Cgroup cgroup = pod.container();
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({pod}));
  kubelet.behave(KubeletServer::kDead);
  Daemon daemon =
      Daemon::start({{"--pods=kubelet", "--kubelet-url=" + kubelet.url(), "--kubelet-poll=1s"}});
  OtherEnd other("first-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  await_polls(daemon, "error", 1);
  ck_assert(!is_on(daemon.scrape(), pod.owner()));
  ck_assert_int_eq(static_cast<int>(lines_of(daemon, "warn").size()), 1);
  kubelet.behave(KubeletServer::kWell);
  await_owner(daemon, pod.owner(), 30);
  expect_traffic(daemon, pod.owner(), 2, 1);
  ck_assert_int_eq(static_cast<int>(lines_of(daemon, "warn").size()), 1);
  daemon.stop();
}
END_TEST

// One that fails again and again is left in peace, whatever pods are unknown.
START_TEST(spared) {
  constexpr double kSeconds = 8;  // polls at 0, 1, 2, then after pauses of 1, 2 and 4 s
  LivePod pod({"spared", "web-0"});
  Cgroup cgroup = pod.container();
  KubeletServer kubelet = KubeletServer::start();
  kubelet.behave(KubeletServer::kBroken);
  Daemon daemon =
      Daemon::start({{"--pods=kubelet", "--kubelet-url=" + kubelet.url(), "--kubelet-poll=1s"}});
  OtherEnd other("spared-server");
  uint64_t start_ns = monotonic_ns();
  while (seconds_since(start_ns) < kSeconds) {
    other.connect(cgroup);
    sleep_ms(100);
  }
  uint64_t requests = kubelet.requests();
  ck_assert_msg(requests >= 3 && requests <= 6, "%d requests in %g s", static_cast<int>(requests),
                kSeconds);
  ck_assert_int_eq(static_cast<int>(lines_of(daemon, "warn").size()), 1);
  daemon.stop();
}
END_TEST

// What is shown to it: a token that somebody has named, as it stands in its file just now.
START_TEST(token) {
  KubeletServer kubelet = KubeletServer::start();
  std::string path = scratch_path("token");
  ck_assert(write_file(path, "one\n"));
  Daemon daemon = start_beside(kubelet, {"--kubelet-token-file=" + path});
  CHECK_TEXT(kubelet.last_target(), "/pods");
  CHECK_TEXT(kubelet.last_authorization(), "Bearer one");
  ck_assert(write_file(path, "two"));
  uint64_t before = kubelet.requests();
  for (int tries = 0; kubelet.requests() < before + 2 && tries < 1000; tries++)
    sleep_ms(10);
  CHECK_TEXT(kubelet.last_authorization(), "Bearer two");
  daemon.stop();
}
END_TEST

// Its server is the cluster's: it is asked for the pods of this node.
START_TEST(kubeconfig) {
  LivePod pod({"kubeconfig", "web-0"});
  Cgroup cgroup = pod.container();
  KubeletServer server = KubeletServer::start();
  server.list(pod_list({pod}));
  std::string path = scratch_path("kubeconfig");
  ck_assert(
      write_file(path,
                 "apiVersion: v1\nkind: Config\ncurrent-context: live\n"
                 "clusters:\n- name: live\n  cluster:\n    server: " +
                     server.url() +
                     "\ncontexts:\n- name: live\n  context:\n    cluster: live\n    user: node\n"
                     "users:\n- name: node\n  user:\n    token: of-the-node\n"));
  for (bool by_flag : {true, false}) {
    Launch launch{{"--pods=kubelet", "--kubelet-poll=1s", "--node-name=live-node"}};
    if (by_flag)
      launch.flags.push_back("--kubeconfig=" + path);
    else
      launch.environment.push_back("KUBECONFIG=" + path);
    Daemon daemon = Daemon::start(launch);
    await_polls(daemon, "ok", 1);
    std::string target = server.last_target();
    ck_assert_msg(target.find("/api/v1/pods?") == 0 && target.find("live-node") != target.npos,
                  "asked for %s", target.c_str());
    CHECK_TEXT(server.last_authorization(), "Bearer of-the-node");
    make_connection(cgroup, make_unit("kubeconfig-server")).close();
    leave_cgroup();
    expect_tcp(daemon, pod.owner(), {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}});
    daemon.stop();
  }
}
END_TEST

// An option that cannot be meant is refused, with its name, before anything is done.
START_TEST(kubelet_options_refused) {
  const char* kMalformed[] = {
      "--pods=maybe",
      "--pods=",
      "--kubelet-url=nonsense",
      "--kubelet-url=ftp://127.0.0.1",
      "--kubelet-poll=0",
      "--kubelet-poll=500ms",
      "--kubelet-poll=61m",
      "--namespaces=No_Name",
      "--exclude-namespaces=a b",
      "--label-selector=a in",
      "--kubeconfig=/one:/two",
      "--kubelet-cert-file=/no/such/file",
      "--kubelet-key-file=/no/such/file",
#ifndef KUBEPULSE_TLS
      "--kubelet-url=https://127.0.0.1:10250",
#endif
  };
  for (const std::string flag : kMalformed) {
    Ended ended = run_daemon({{flag}});
    ck_assert_msg(ended.status == 2, "%s: status %d: %s", flag.c_str(), ended.status,
                  ended.err.c_str());
    std::string name = flag.substr(2, flag.find('=') - 2);
    ck_assert_msg(ended.err.find(name) != std::string::npos, "%s: no name in %s", flag.c_str(),
                  ended.err.c_str());
    ck_assert_msg(ended.out.empty(), "on standard output: %s", ended.out.c_str());
  }
  Ended without_labels = run_daemon({{"--pods=logs", "--label-selector=app=web"}});
  ck_assert_int_eq(without_labels.status, 2);
#ifndef KUBEPULSE_TLS
  Ended ended = run_daemon({{"--kubelet-url=https://127.0.0.1:10250"}});
  ck_assert_msg(ended.err.find("TLS") != std::string::npos, "%s", ended.err.c_str());
#endif
}
END_TEST

}  // namespace

Case kubelet_case() {
  return {"kubelet",
          false,
          {hanging, unauthorized, forbidden, broken, cut, endless, nested, not_json, dead, slow,
           dead_at_first, spared, token, kubeconfig, kubelet_options_refused}};
}

}  // namespace kubepulse::live
