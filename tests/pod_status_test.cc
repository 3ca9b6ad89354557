// How pods fare, from what kubelets answer to what PodTable shows.
#include "identity/pod_status.h"

#include <memory>
#include <string>
#include <vector>

#include "identity/pod_list.h"
#include "identity/pod_table.h"
#include "tests/check.h"
#include "tests/test_data.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond;

#define ID1 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

std::string described(const ContainerStatus& status) {
  static const char* const kinds[] = {"", "init ", "sidecar ", "ephemeral "};
  static const char* const states[] = {"unknown", "waiting", "running", "terminated"};
  std::string out = std::string("\n  ") + kinds[static_cast<int>(status.kind)];
  out += std::string(status.container) + " " + states[static_cast<int>(status.state)];
  if (!status.waiting_reason.empty()) out += ":" + std::string(status.waiting_reason);
  if (status.last_exit_code)
    out += " last " + std::string(status.last_reason) + "(" +
           std::to_string(*status.last_exit_code) + ")";
  else
    ck_assert(status.last_reason.empty());
  if (status.restarts > 0) out += " x" + std::to_string(status.restarts);
  if (status.ready) out += " ready";
  return out;
}

std::string described(const PodStatus& status) {
  static const char* const phases[] = {"unknown", "pending", "running", "succeeded", "failed"};
  std::string out = std::string(status.ns) + "/" + std::string(status.pod);
  out += std::string(" ") + phases[static_cast<int>(status.phase)] + " ";
  out += std::to_string(status.ready) + "/" + std::to_string(status.containers);
  if (status.deleting) out += " deleting";
  if (!status.watched) out += " unwatched";
  if (!status.waiting_reason.empty()) out += " waits:" + std::string(status.waiting_reason);
  if (!status.waiting_container.empty()) out += "@" + std::string(status.waiting_container);
  if (!status.message.empty()) out += " \"" + std::string(status.message) + "\"";
  if (!status.owner_kind.empty())
    out += " of " + std::string(status.owner_kind) + "/" + std::string(status.owner_name);
  if (!status.template_hash.empty()) out += "#" + std::string(status.template_hash);
  return out;
}

// Pods with their containers. That both are told in one order is a part of it.
std::string described(const PodTable& table) {
  std::vector<std::string> pods;
  table.each_pod([&pods](const PodStatus& status) {
    ck_assert_uint_eq(status.index, pods.size());
    pods.push_back(described(status));
  });
  uint32_t last = 0;
  table.each_container([&](const ContainerStatus& status) {
    ck_assert(status.pod_index >= last && status.pod_index < pods.size());
    last = status.pod_index;
    std::string head = std::string(status.ns) + "/" + std::string(status.pod) + " ";
    ck_assert(pods[last].substr(0, head.size()) == head);
    pods[last] += described(status);
  });
  std::string out;
  for (const std::string& pod : pods)
    out += pod + "\n";
  return out;
}

void fill(PodTable& table, const std::string& document, uint64_t now_ns = kSecond) {
  table.begin();
  PodListReader reader([&table](const Pod& pod) { table.add(pod); });
  CHECK_OK(reader.feed(document));
  CHECK_OK(reader.finish());
  table.commit(now_ns);
}

std::string list(const std::string& pods) {
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)" + pods + "]}";
}

// `containers` and `statuses`: of the spec and of the status, with their names.
std::string pod(const std::string& name, const std::string& spec, const std::string& status,
                const std::string& metadata = "") {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"shop","uid":"uid-)" + name + "\"" +
         metadata + R"(},"spec":{)" + spec + R"(},"status":{)" + status + "}}";
}
std::string owner(const std::string& kind, const std::string& name) {
  return R"(,"ownerReferences":[{"apiVersion":"x","kind":")" + kind + R"(","name":")" + name +
         R"(","uid":"y","controller":true,"blockOwnerDeletion":true}])";
}

void check(const std::string& pods, const std::string& want) {
  PodTable table;
  fill(table, list(pods));
  CHECK_TEXT(described(table), want + "\n");
}

START_TEST(real_kubelets) {
  PodTable table;
  fill(table, test_data("kubelet/systemd/pods.json"));
  const std::string crash =
      "batch/crash-rig-node running 0/1 waits:CrashLoopBackOff@crash "
      "\"back-off 10s restarting failed container=crash "
      "pod=crash-rig-node_batch(07e66cecda5a32033c19f5e0585bad8f)\"\n"
      "  crash waiting:CrashLoopBackOff last Error(3) x1\n";
  const std::string well =
      "payments/db-rig-node running 1/1\n"
      "  db running ready\n"
      "default/host-rig-node running 2/2\n"
      "  host running ready\n"
      "  priv running ready\n"
      "shop/web-rig-node running 3/3\n"
      "  init setup terminated last Completed(0) ready\n"
      "  sidecar mesh running ready\n"
      "  web running ready\n"
      "  logger running ready\n";
  CHECK_TEXT(described(table), crash + well);
  // Between two lives.
  uint64_t generation = table.generation();
  fill(table, test_data("kubelet/systemd-api/pods.json"), 2 * kSecond);
  ck_assert_uint_ne(table.generation(), generation);
  CHECK_TEXT(described(table),
             "batch/crash running 0/1\n"
             "  crash terminated last Error(3) x2\n"
             "payments/db running 1/1\n"
             "  db running ready\n"
             "default/host running 2/2\n"
             "  host running ready\n"
             "  priv running ready\n"
             "shop/web running 3/3\n"
             "  init setup terminated last Completed(0) ready\n"
             "  sidecar mesh running ready\n"
             "  web running ready\n"
             "  logger running ready\n"
             "kube-system/static-rig-node running 1/1\n"
             "  static running ready\n");
  for (const char* config :
       {"cgroupfs", "cgroupfs-v1", "systemd-crun", "kubelet-1.20-systemd-v1"}) {
    fill(table, test_data("kubelet/" + std::string(config) + "/pods.json"));
    std::string got = described(table);
    bool v20 = std::string(config) == "kubelet-1.20-systemd-v1";  // knows no sidecars
    for (const char* each :
         {"batch/crash-rig-node running 0/1", "payments/db-rig-node running 1/1",
          v20 ? "shop/web-rig-node running 2/2" : "\n  sidecar mesh running ready"})
      ck_assert_msg(got.find(each) != got.npos, "%s: %s: %s", config, each, got.c_str());
  }
}
END_TEST

START_TEST(images) {
  // As a kubelet tells a pod whose image is not to be had: it has never run.
  std::string spec = R"("restartPolicy":"Always","containers":[{"name":"app"},{"name":"side"}])";
  auto status = [](const char* reason, const char* message) {
    return R"("phase":"Pending","containerStatuses":[{"name":"app","state":{"waiting":{"reason":")" +
           std::string(reason) + R"(","message":")" + message +
           R"("}},"lastState":{},"ready":false,"restartCount":0,"image":"x","imageID":""},)"
           R"({"name":"side","state":{"running":{"startedAt":"x"}},"lastState":{},"ready":true,)"
           R"("restartCount":0,"containerID":"containerd://)" ID1 R"("}])";
  };
  check(pod("web", spec, status("ErrImagePull", "failed to pull: not found")),
        "shop/web pending 1/2 waits:ErrImagePull@app \"failed to pull: not found\"\n"
        "  app waiting:ErrImagePull\n  side running ready");
  check(pod("web", spec, status("ImagePullBackOff", "Back-off pulling image")),
        "shop/web pending 1/2 waits:ImagePullBackOff@app \"Back-off pulling image\"\n"
        "  app waiting:ImagePullBackOff\n  side running ready");
}
END_TEST

START_TEST(no_node_and_no_status_yet) {
  check(pod("web", R"("containers":[{"name":"a"},{"name":"b"}],"initContainers":[{"name":"i"}])",
            R"("phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":)"
            R"("Unschedulable","message":"0/3 nodes are available: 3 Insufficient cpu."}])"),
        "shop/web pending 0/2 waits:Unschedulable \"0/3 nodes are available: 3 Insufficient "
        "cpu.\"\n  a unknown\n  b unknown\n  init i unknown");
  check(pod("web", R"("containers":[{"name":"a"}])", R"("phase":"Pending")",
            R"(,"deletionTimestamp":"x")"),
        "shop/web pending 0/1 deleting\n  a unknown");
}
END_TEST

START_TEST(init_containers) {
  std::string spec =
      R"("initContainers":[{"name":"setup"},{"name":"mesh","restartPolicy":"Always"}],)"
      R"("containers":[{"name":"app"}])";
  std::string waiting = R"("containerStatuses":[{"name":"app","state":{"waiting":{"reason":)"
                        R"("PodInitializing"}},"ready":false,"restartCount":0}])";
  check(
      pod("web", spec,
          R"("phase":"Pending","initContainerStatuses":[{"name":"setup","restartCount":4,"state":)"
          R"({"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}},"lastState":)"
          R"({"terminated":{"exitCode":1,"reason":"Error","containerID":"containerd://)" ID1
          R"("}},"containerID":"containerd://)" ID1
          R"("},{"name":"mesh","state":{"waiting":{"reason":"PodInitializing"}}}],)" +
              waiting),
      "shop/web pending 0/2 waits:CrashLoopBackOff@setup \"back-off\"\n"
      "  init setup waiting:CrashLoopBackOff last Error(1) x4\n"
      "  sidecar mesh waiting:PodInitializing\n  app waiting:PodInitializing");
  // One that works takes its time.
  check(pod("web", spec,
            R"("phase":"Pending","initContainerStatuses":[{"name":"setup","state":{"running":{}}},)"
            R"({"name":"mesh","state":{"waiting":{"reason":"PodInitializing"}}}],)" +
                waiting),
        "shop/web pending 0/2 waits:PodInitializing@mesh\n  init setup running\n"
        "  sidecar mesh waiting:PodInitializing\n  app waiting:PodInitializing");
  // A sidecar counts among what is to run, an init container that is done does not.
  check(pod("web", spec,
            R"("phase":"Running","initContainerStatuses":[{"name":"setup","ready":true,"state":)"
            R"({"terminated":{"exitCode":0,"reason":"Completed"}}},{"name":"mesh","ready":false,)"
            R"("state":{"running":{}}}],"containerStatuses":[{"name":"app","ready":true,"state":)"
            R"({"running":{}}}],"ephemeralContainerStatuses":[{"name":"debug","state":)"
            R"({"waiting":{"reason":"ErrImagePull"}}}])"),
        "shop/web running 1/2\n  init setup terminated last Completed(0) ready\n"
        "  sidecar mesh running\n  app running ready\n  ephemeral debug waiting:ErrImagePull");
}
END_TEST

START_TEST(ends) {
  std::string spec = R"("restartPolicy":"Always","containers":[{"name":"app"}])";
  check(pod("web", spec,
            R"("phase":"Running","containerStatuses":[{"name":"app","ready":true,"restartCount":3,)"
            R"("state":{"running":{"startedAt":"x"}},"containerID":"containerd://)" ID1
            R"(","lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","containerID":)"
            R"("containerd://)" ID2 R"("}}}])"),
        "shop/web running 1/1\n  app running last OOMKilled(137) x3 ready");
  // The last end is this one.
  check(pod("web", spec,
            R"("phase":"Running","containerStatuses":[{"name":"app","restartCount":4,)"
            R"("state":{"terminated":{"exitCode":2,"reason":"Error","containerID":"x://)" ID1
            R"("}},"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}])"),
        "shop/web running 0/1\n  app terminated last Error(2) x4");
}
END_TEST

// Of a Job a container that has done its work is not to run any more.
START_TEST(what_has_done_its_work) {
  auto job = [](const char* policy, int code) {
    return pod("job",
               R"("restartPolicy":")" + std::string(policy) +
                   R"(","containers":[{"name":"work"},{"name":"proxy"}])",
               R"("phase":"Running","containerStatuses":[{"name":"work","state":{"terminated":)"
               R"({"exitCode":)" +
                   std::to_string(code) +
                   R"(,"reason":"X"}}},{"name":"proxy",)"
                   R"("ready":true,"state":{"running":{}}}])",
               owner("Job", "nightly-28"));
  };
  const std::string rest = "\n  proxy running ready";
  check(job("Never", 0),
        "shop/job running 1/1 of Job/nightly-28\n  work terminated last X(0)" + rest);
  check(job("OnFailure", 0),
        "shop/job running 1/1 of Job/nightly-28\n  work terminated last X(0)" + rest);
  check(job("OnFailure", 1),
        "shop/job running 1/2 of Job/nightly-28\n  work terminated last X(1)" + rest);
  check(job("Always", 0),
        "shop/job running 1/2 of Job/nightly-28\n  work terminated last X(0)" + rest);
}
END_TEST

// Of kubelet 1.34, whose messages have quotes, and their causes at the end.
START_TEST(troubles_of_a_real_kubelet) {
  PodTable table;
  fill(table, test_data("troubles/pods.json"));
  CHECK_TEXT(
      described(table),
      "shop/hog-c4fd8c887-z959r running 0/1 waits:CrashLoopBackOff@hog \"back-off 2m40s restarting "
      "failed container=hog pod=hog-c4fd8c887-z959r_shop(791a634a-eac4-4f08-9cf0-be092e33ad4a)\" "
      "of "
      "ReplicaSet/hog-c4fd8c887#c4fd8c887\n"
      "  hog waiting:CrashLoopBackOff last OOMKilled(137) x19\n"
      "shop/noconfig-6fd96d6654-bv97v pending 0/1 waits:CreateContainerConfigError@app \"configmap "
      "\"absent\" not found\" of ReplicaSet/noconfig-6fd96d6654#6fd96d6654\n"
      "  app waiting:CreateContainerConfigError\n"
      "shop/nopull-5c77bc696c-bcxl7 pending 0/1 waits:ImagePullBackOff@app \"Back-off pulling "
      "image "
      "\"registry.invalid/shop/app:1\": ErrImagePull: failed to pull and unpack image "
      "\"registry.invalid/shop/app:.../app/manifests/1\": dial tcp: lookup registry.invalid on "
      "192.0.2.53:53: read udp 192.168.77.1:41072->192.0.2.53:53: i/o timeout\" of "
      "ReplicaSet/nopull-5c77bc696c#5c77bc696c\n"
      "  app waiting:ImagePullBackOff\n"
      "shop/unready-7dd6fdbf57-fjq6w running 0/1 of ReplicaSet/unready-7dd6fdbf57#7dd6fdbf57\n"
      "  app running last Error(137) x1\n");
}
END_TEST

START_TEST(owners) {
  check(pod("a", "", "",
            R"(,"labels":{"pod-template-hash":"7d9c5b7f6d","app":"web"})" +
                owner("ReplicaSet", "web-7d9c5b7f6d")) +
            "," + pod("b", "", "", owner("StatefulSet", "db")) + "," +
            pod("c", "", "", owner("DaemonSet", "agent")) + "," +
            pod("d", "", "", owner("Job", "nightly-28")) + "," +
            pod("e", "", "", owner("Node", "rig-node")) + "," + pod("f", "", ""),
        "shop/a unknown 0/0 of ReplicaSet/web-7d9c5b7f6d#7d9c5b7f6d\n"
        "shop/b unknown 0/0 of StatefulSet/db\n"
        "shop/c unknown 0/0 of DaemonSet/agent\n"
        "shop/d unknown 0/0 of Job/nightly-28\n"
        "shop/e unknown 0/0 of Node/rig-node\n"
        "shop/f unknown 0/0");
}
END_TEST

std::string with_state(const std::string& name, const std::string& state) {
  return pod(name, R"("containers":[{"name":"app"}])",
             R"("phase":"Running","containerStatuses":[{"name":"app","containerID":"x://)" ID1
             R"(","state":{)" +
                 state + "}}]",
             owner("DaemonSet", "agent"));
}

// A status is new with each list; names are not, and so nobody has to look them up again.
START_TEST(a_status_is_no_name) {
  PodTable table;
  fill(table, list(with_state("web", R"("running":{})")));
  uint64_t generation = table.generation();
  CHECK_TEXT(described(table), "shop/web running 0/1 of DaemonSet/agent\n  app running\n");
  fill(table, list(with_state("web", R"("waiting":{"reason":"CrashLoopBackOff"})")), 2 * kSecond);
  CHECK_TEXT(described(table),
             "shop/web running 0/1 waits:CrashLoopBackOff@app of DaemonSet/agent\n"
             "  app waiting:CrashLoopBackOff\n");
  ck_assert_uint_eq(table.generation(), generation);
  // A list that is dropped says nothing.
  table.begin();
  table.drop();
  ck_assert(described(table).find("CrashLoopBackOff") != std::string::npos);
}
END_TEST

START_TEST(kept_and_gone) {
  PodTable table;
  auto made = std::make_unique<Pod>();
  const std::string a = "shop/a running 0/1 waits:ErrImagePull@app \"why\" of DaemonSet/agent\n"
                        "  app waiting:ErrImagePull\n",
                    b = "shop/b running 0/1 of DaemonSet/agent\n  app running\n";
  fill(table, list(with_state("a", R"("waiting":{"reason":"ErrImagePull","message":"why"})") + "," +
                   with_state("b", R"("running":{})")));
  CHECK_TEXT(described(table), a + b);
  // By keep(), in another order, and beside a pod that the logs have told.
  made->ns.assign("shop");
  made->name.assign("c");
  made->uid.assign("uid-c");
  made->by_logs = true;
  made->container("app");
  table.begin();
  ck_assert(table.keep("uid-b"));
  table.add(*made, false);
  ck_assert(table.keep("uid-a"));
  table.commit(2 * kSecond);
  CHECK_TEXT(described(table), b + "shop/c unknown 0/0 unwatched\n" + a);
  // By begin_without(): one pod is another, and what the logs have told is told anew.
  table.begin_without("uid-a");
  table.commit(3 * kSecond);
  CHECK_TEXT(described(table), b);
  ck_assert_uint_eq(table.gone_pods(), 2);
  ck_assert(table.find("uid-a", "").has_value());
  fill(table, list(with_state("a", R"("running":{})")), 4 * kSecond);
  CHECK_TEXT(described(table), "shop/a running 0/1 of DaemonSet/agent\n  app running\n");
  ck_assert(table.find("uid-b", "").has_value());
}
END_TEST

START_TEST(bounds) {
  PodTable table;
  auto made = std::make_unique<Pod>();
  auto fill_with = [&](unsigned pods, unsigned containers) {
    table.begin();
    for (unsigned i = 0; i < pods; i++) {
      made->clear();
      made->ns.assign("shop");
      made->name.assign("pod-" + std::to_string(i));
      made->uid.assign("uid-" + std::to_string(i));
      for (unsigned c = 0; c < containers; c++)
        made->container("c" + std::to_string(c))->state = PodContainer::State::waiting;
      made->waiting = static_cast<uint8_t>(containers - 1);
      table.add(*made);
    }
    table.commit(kSecond);
  };
  auto count = [&table] {
    size_t containers = 0;
    table.each_container([&containers](const ContainerStatus&) { containers++; });
    return containers;
  };
  // Without an id each, so that nothing else is short.
  fill_with(200, 64);
  ck_assert_uint_eq(count(), PodTable::kContainersMax);
  ck_assert_uint_eq(table.overflow(), 200 * 64 - PodTable::kContainersMax);
  ck_assert_uint_eq(table.pods(), 200);
  size_t with_reason = 0;
  table.each_pod([&](const PodStatus& status) {
    ck_assert_uint_eq(status.containers, 64);
    with_reason += status.waiting_container == "c63";
  });
  ck_assert_uint_eq(with_reason, PodTable::kContainersMax / 64);
  table.begin_without("uid-0");
  table.commit(2 * kSecond);
  ck_assert_uint_eq(count(), PodTable::kContainersMax - 64);
  ck_assert_uint_eq(table.overflow(), 200 * 64 - PodTable::kContainersMax);
}
END_TEST

START_TEST(memory) {
  PodTable table;
  auto made = std::make_unique<Pod>();
  table.begin();
  for (unsigned i = 0; i < 500; i++) {
    char text[65];
    made->clear();
    snprintf(text, sizeof text, "%08x-7a2d-4e7b-9f10-2b6c1d0e9a41", i * 2654435761U);
    made->uid.assign(text);
    made->ns.assign("namespace-" + std::to_string(i % 30));
    std::string set = "a-deployment-of-some-length-" + std::to_string(7000000000 + i / 3);
    made->name.assign(set + "-" + std::to_string(10000 + i));
    made->owner_kind.assign("ReplicaSet");
    made->owner_name.assign(set);
    made->labels.add("pod-template-hash", set.substr(set.size() - 10));
    for (const char* name : {"main", "istio-proxy"}) {
      PodContainer* container = made->container(name);
      snprintf(text, sizeof text, "%060x%04x", i, static_cast<unsigned>(name[0]));
      container->id.assign(text);
      container->last_reason.assign("OOMKilled");
      container->has_last = true;
    }
    table.add(*made);
  }
  table.commit(kSecond);
  ck_assert_uint_eq(table.containers(), 1000);
  ck_assert_msg(table.bytes() < 175000, "%zu", table.bytes());
}
END_TEST

}  // namespace

CHECK_MAIN("pod_status", real_kubelets, images, no_node_and_no_status_yet, init_containers, ends,
           what_has_done_its_work, troubles_of_a_real_kubelet, owners, a_status_is_no_name,
           kept_and_gone, bounds, memory)
