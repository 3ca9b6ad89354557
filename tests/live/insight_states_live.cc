// What insights say of what Kubernetes says, state by state, and of traffic that fails.
#include <cerrno>

#include "base/text.h"
#include "tests/check.h"
#include "tests/live/api_server.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/insights.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/kubelet_server.h"
#include "tests/live/page_server.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kRunning = R"("state":{"running":{"startedAt":"2026-11-20T21:33:26Z"}})";
constexpr const char* kReplicaSet =
    R"({"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-7d9c5b7f6d","uid":"1","controller":true})";

// A pod as a kubelet lists it, of one container, "app".
struct Told {
  std::string name;
  std::string phase = "Running";
  std::string state = kRunning;  // members of the container's status
  std::string last = R"("lastState":{})";
  bool ready = true;
  int restarts = 0;
  std::string metadata;    // more members, with a comma before
  std::string conditions;  // members of the array

  Owner owner() const { return {"states", name}; }
  std::string json() const {
    return R"({"metadata":{"name":")" + name + R"(","namespace":"states","uid":"uid-)" + name +
           '"' + metadata +
           R"(},"spec":{"containers":[{"name":"app","image":"example/image:1"}]},)" +
           R"("status":{"phase":")" + phase + R"(","conditions":[)" + conditions +
           R"(],"containerStatuses":[{"name":"app",)" + state + "," + last + R"(,"ready":)" +
           (ready ? "true" : "false") + R"(,"restartCount":)" + std::to_string(restarts) + "}]}}";
  }
};

std::string listed(const std::vector<Told>& pods) {
  std::string items;
  for (const Told& pod : pods)
    items += (items.empty() ? "" : ",") + pod.json();
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" + items + "]}";
}

Told well(const std::string& name) {
  Told pod;
  pod.name = name;
  return pod;
}

Told crashing() {
  Told pod = well("crashing-7d9c5b7f6d-x2x4z");
  pod.state =
      R"("state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s restarting"}})";
  pod.last = R"("lastState":{"terminated":{"exitCode":3,"reason":"Error"}})";
  pod.ready = false;
  pod.restarts = 7;
  pod.metadata = R"(,"labels":{"pod-template-hash":"7d9c5b7f6d"},"ownerReferences":[)" +
                 std::string(kReplicaSet) + "]";
  return pod;
}

Told without_image() {
  Told pod = well("without-image");
  pod.phase = "Pending";
  pod.state =
      R"("state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"nowhere/none\""}})";
  pod.ready = false;
  return pod;
}

Told waiting() {
  Told pod = well("waiting");
  pod.phase = "Pending";
  pod.state = R"("state":{"waiting":{"reason":"ContainerCreating"}})";
  pod.ready = false;
  return pod;
}

Told unready() {
  Told pod = well("unready");
  pod.ready = false;
  return pod;
}

Told completed() {
  Told pod = well("completed");
  pod.phase = "Succeeded";
  pod.state = R"("state":{"terminated":{"exitCode":0,"reason":"Completed"}})";
  pod.ready = false;
  return pod;
}

Told leaving() {
  Told pod = unready();
  pod.name = "leaving";
  pod.metadata = R"(,"deletionTimestamp":"2026-11-21T09:00:00Z")";
  return pod;
}

void await_types(const Daemon& daemon, const Owner& owner, const std::string& wanted,
                 double seconds_max) {
  uint64_t begun_ns = monotonic_ns();
  while (types_of(insights(daemon), owner) != wanted && seconds_since(begun_ns) < seconds_max)
    sleep_ms(200);
  CHECK_TEXT(owner.pod + ": " + types_of(insights(daemon), owner), owner.pod + ": " + wanted);
}

bool has(const JsonFields& insight, const std::string& key, const std::string& part) {
  return insight.count(key) != 0 && insight.at(key).find(part) != std::string::npos;
}

START_TEST(pod_states) {
  KubeletServer kubelet = KubeletServer::start();
  std::vector<Told> quiet = {well("well"), completed(), leaving()};
  std::vector<Told> all = quiet;
  for (const Told& pod : {crashing(), without_image(), waiting(), unready()})
    all.push_back(pod);
  kubelet.list(listed(all));
  Daemon daemon = start_beside(
      kubelet, {"--insight-interval=1s", "--log-events", "--profile=custom", "--collect=oom"});
  // At once, and at the second look.
  await_types(daemon, crashing().owner(), "crash_loop critical", 15);
  await_types(daemon, without_image().owner(), "image_pull warning", 30);
  Insights now = insights(daemon);
  const JsonFields& loop = *find(now, crashing().owner());
  CHECK_TEXT(loop.at("reason"), "Error");
  CHECK_TEXT(loop.at("container"), "app");
  CHECK_TEXT(loop.at("owner"), R"({"kind":"deployment","name":"web"})");
  ck_assert(has(loop, "evidence", R"({"name":"exit_code","value":3,"unit":"count"})"));
  ck_assert_msg(has(loop, "actions", "--previous"), "%s", loop.at("actions").c_str());
  const JsonFields& image = *find(now, without_image().owner());
  CHECK_TEXT(image.at("reason"), "ImagePullBackOff: Back-off pulling image \"nowhere/none\"");
  CHECK_TEXT(image.at("object"), "app");
  for (const Told& pod : {waiting(), unready()})
    CHECK_TEXT(types_of(now, pod.owner()), "");
  // After two minutes.
  await_types(daemon, waiting().owner(), "pod_pending warning", 200);
  await_types(daemon, unready().owner(), "pod_not_ready critical", 30);
  await_types(daemon, crashing().owner(), "crash_loop critical,pod_not_ready critical", 30);
  now = insights(daemon);
  CHECK_TEXT(find(now, waiting().owner())->at("reason"), "ContainerCreating");
  CHECK_TEXT(find(now, crashing().owner(), "pod_not_ready")->at("cause"),
             find(now, crashing().owner(), "crash_loop")->at("id"));
  for (const Told& pod : quiet)
    CHECK_TEXT(pod.name + types_of(now, pod.owner()), pod.name);
  // Whoever asks by `sniff` is told the same.
  std::string sniffed = scratch_path("sniffed");
  start_command(make_unit("sniff"), sniffed,
                {"sniff", "--url=" + daemon.address(), "--once", "--k8s-only", "-o", "json"})
      .finish();
  size_t told = 0;
  std::string all_lines = read_file(sniffed);
  for (std::string_view rest = all_lines; !rest.empty(); told++) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    Result<JsonFields> fields = parse_nested_json_object(line);
    ck_assert_msg(fields.ok(), "%s", all_lines.c_str());
    CHECK_TEXT(fields.value().at("state"), "raised");
    CHECK_TEXT(fields.value().at("namespace"), "states");
  }
  ck_assert_uint_eq(told, 5);
  // The page says the same.
  Page page = daemon.scrape();
  Labels labels = {{"namespace", "states"}, {"pod", "waiting"}};
  ck_assert_double_eq(page.value("kubepulse_insight_active",
                                 with(with(labels, "type", "pod_pending"), "severity", "warning")),
                      1);

  kubelet.list(listed({well("waiting"), well("unready")}));
  await_types(daemon, waiting().owner(), "", 40);
  await_types(daemon, unready().owner(), "", 40);
  size_t raised = 0, resolved = 0;
  std::string log = daemon.out();
  for (size_t begin = 0, end; (end = log.find('\n', begin)) != log.npos; begin = end + 1) {
    Result<JsonFields> line = parse_nested_json_object(log.substr(begin, end - begin));
    ck_assert_msg(line.ok(), "%s", log.c_str());
    JsonFields& fields = line.value();
    if (fields["msg"] != "insight" || fields["pod"] != "waiting") continue;
    CHECK_TEXT(fields["type"], "pod_pending");
    (fields["state"] == "raised" ? raised : resolved)++;
  }
  ck_assert_uint_eq(raised, 1);
  ck_assert_uint_eq(resolved, 1);
  daemon.stop();
}
END_TEST

// A unit whose connects are refused, by this node.
START_TEST(connects_fail) {
  Cgroup failing = make_unit("failing"), fine = make_unit("fine");
  Daemon daemon = Daemon::start({{"--insight-interval=1s"}});
  constexpr int kTimes = 30;
  Fd listener = listen_at("127.0.0.1");
  Address other_end = local_address(listener);
  enter(fine);
  for (int i = 0; i < kTimes; i++)
    connect_to(other_end);
  listener.reset();
  enter(failing);
  for (int i = 0; i < kTimes; i++)
    ck_assert_int_eq(connect_error(other_end), ECONNREFUSED);
  await_types(daemon, failing.owner, "connect_failing critical", 10);
  const Insights now = insights(daemon);
  const JsonFields& insight = *find(now, failing.owner);
  CHECK_TEXT(insight.at("reason"), "refused");
  CHECK_TEXT(insight.at("peer"), R"({"namespace":"","name":"host"})");
  ck_assert(has(insight, "evidence", R"({"name":"refused","value":30,"unit":"count"})"));
  CHECK_TEXT(types_of(now, fine.owner), "");
  daemon.stop();
}
END_TEST

std::string now_text() {
  std::string text;
  append_rfc3339(text, realtime_ns());
  return text;
}

// The warnings of the pod and the conditions of the node are what it rests on.
START_TEST(api_server_says) {
  KubeletServer kubelet = KubeletServer::start();
  ApiServer server = ApiServer::start();
  kubelet.list(listed({without_image(), well("well")}));
  server.warn("states", "uid-without-image",
              R"({"reason":"Failed","message":"pull access denied","count":4,"type":"Warning",)"
              R"("lastTimestamp":")" +
                  now_text() + R"("})");
  server.list(ApiServer::kNodes,
              R"({"metadata":{"name":"live-node"},"status":{"conditions":[)"
              R"({"type":"DiskPressure","status":"True","reason":"KubeletHasDiskPressure",)"
              R"("message":"kubelet has disk pressure"},{"type":"Ready","status":"True"}]}})",
              2);
  Daemon daemon =
      start_beside(kubelet, {"--insight-interval=1s", "--apiserver=" + server.url(),
                             "--node-name=live-node", "--profile=custom", "--collect=oom"});
  await_types(daemon, without_image().owner(), "image_pull warning", 30);
  Owner node{"", ""};
  await_types(daemon, node, "node_pressure critical", 60);
  Insights now = insights(daemon);
  CHECK_TEXT(find(now, without_image().owner())->at("reason"), "Failed: pull access denied");
  const JsonFields& pressure = *find(now, node);
  CHECK_TEXT(pressure.at("object"), "disk");
  CHECK_TEXT(pressure.at("reason"),
             "DiskPressure: KubeletHasDiskPressure: kubelet has disk pressure");
  ck_assert_uint_eq(server.questions(), 1);
  daemon.stop();
}
END_TEST

// The name of the host is none that Kubernetes knows: all else works.
START_TEST(nameless_node) {
  KubeletServer kubelet = KubeletServer::start();
  ApiServer server = ApiServer::start();
  kubelet.list(listed({without_image()}));
  Daemon daemon =
      start_beside(kubelet, {"--insight-interval=1s", "--apiserver=" + server.url(),
                             "--node-name=(none)", "--profile=custom", "--collect=oom"});
  await_types(daemon, without_image().owner(), "image_pull warning", 30);
  ck_assert_uint_eq(server.lists(ApiServer::kNodes), 0);
  ck_assert_uint_eq(server.questions(), 1);
  daemon.stop();
}
END_TEST

START_TEST(nobody_looks) {
  Daemon daemon = Daemon::start({{"--insight-interval=0"}});
  ck_assert_int_eq(daemon.get("/insights").status, 404);
  daemon.stop();
}
END_TEST

}  // namespace

Case insight_states_case() {
  return {"insight-states",
          false,
          {pod_states, connects_fail, api_server_says, nameless_node, nobody_looks},
          false,
          400};
}

}  // namespace kubepulse::live
