// The suite's own readers and tools, which need no daemon.
#include <unistd.h>

#include "identity/cgroup_path.h"
#include "identity/pod_list.h"
#include "identity/pod_table.h"
#include "tests/check.h"
#include "tests/live/api_server.h"
#include "tests/live/cases.h"
#include "tests/live/dns_wire.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/kubelet_files.h"
#include "tests/live/kubelet_server.h"
#include "tests/live/netns.h"
#include "tests/live/pods.h"
#include "tests/live/text_checks.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

constexpr const char* kHead = "# HELP a_total Help.\n# TYPE a_total counter\n";

START_TEST(reads_pages) {
  std::string text = std::string(kHead) +
                     "a_total{namespace=\"n\",pod=\"p\",node=\"x\",z=\"q\\\"b\\\\n\\n\"} 3\n"
                     "a_total{namespace=\"n\",pod=\"o\",node=\"x\"} 4\n"
                     "# HELP h_seconds Help.\n# TYPE h_seconds histogram\n"
                     "h_seconds_bucket{le=\"0.1\"} 1\nh_seconds_bucket{le=\"+Inf\"} 2\n"
                     "h_seconds_sum 0.5\nh_seconds_count 2\n";
  Result<Page> page = Page::parse(text);
  CHECK_OK(page.ok() ? Status() : page.status());
  ck_assert(page.value().value("a_total", {{"namespace", "n"}}) == 7);
  ck_assert(page.value().value("a_total", {{"pod", "p"}, {"z", "q\"b\\n\n"}}) == 3);
  ck_assert(page.value().value("h_seconds_bucket", {{"le", "0.1"}}) == 1);
  ck_assert(!page.value().has("b_total"));
}
END_TEST

START_TEST(refuses_pages) {
  const std::string head = kHead;
  const std::string histogram = "# HELP h Help.\n# TYPE h histogram\n";
  const std::string kBad[] = {
      "",
      "a_total 1\n",
      head + "a_total 1",
      head + "a_total 1\n\n",
      head + "a_total 1 2\n",
      head + "a_total -1\n",
      head + "a_total{x=\"1\",x=\"2\"} 1\n",
      head + "a_total{x=\"\\t\"} 1\n",
      head + "a_total{x=\"1} 1\n",
      head + "a_total{x=\"\xFF\"} 1\n",
      head + "a_total{pod=\"1\",namespace=\"2\"} 1\n",
      head + "a_total 1\na_total 1\n",
      head + "b_total 1\n",
      head + "a_total 1\n" + head,
      "# HELP a Help.\n# TYPE a counter\na 1\n",
      histogram + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
      histogram + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
      histogram + "h_bucket{le=\"+Inf\"} 1\nh_count 1\n",
  };
  for (const std::string& text : kBad)
    ck_assert_msg(!Page::parse(text).ok(), "read:\n%s", text.c_str());
  const std::string open = "# HELP a Help.\n# TYPE a counter\na_total 1\n";
  ck_assert(Page::parse(open + "# EOF\n", PageFormat::kOpenMetrics).ok());
  ck_assert(!Page::parse(open, PageFormat::kOpenMetrics).ok());
  ck_assert(!Page::parse(open + "# EOF\n# EOF\n", PageFormat::kOpenMetrics).ok());
}
END_TEST

START_TEST(reads_json) {
  Result<JsonFields> fields =
      parse_json_object("{\"a\":\"q\\\"\\u000a\\ud83d\\ude00\",\"b\":-1.5e3,\"c\":true}");
  CHECK_OK(fields.ok() ? Status() : fields.status());
  CHECK_TEXT(fields.value()["a"], "q\"\n\xF0\x9F\x98\x80");
  CHECK_TEXT(fields.value()["b"], "-1.5e3");
  for (const char* bad : {"", "{", "{}x", "{\"a\":1,}", "{\"a\":\"\n\"}", "{\"a\":01}",
                          "{\"a\":+1}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}",
                          "{\"a\":1,\"a\":2}", "{\"a\":nan}", "{\"a\":\"\xFF\"}", "{\"a\":[1]}"})
    ck_assert_msg(!parse_json_object(bad).ok(), "read: %s", bad);
  fields = parse_nested_json_object("{\"a\":[\"]\",{\"b\":[]}],\"c\":{\"d\":\"}\"}}");
  CHECK_OK(fields.ok() ? Status() : fields.status());
  CHECK_TEXT(fields.value()["c"], "{\"d\":\"}\"}");
  Result<std::vector<std::string>> elements = parse_json_array(fields.value()["a"]);
  ck_assert(elements.ok() && elements.value().size() == 2);
  CHECK_TEXT(elements.value()[0], "]");
  CHECK_TEXT(elements.value()[1], "{\"b\":[]}");
  for (const char* bad : {"{\"a\":[1,]}", "{\"a\":[}", "{\"a\":{]}", "{\"a\":[]]}", "{\"a\":[1}"})
    ck_assert_msg(!parse_nested_json_object(bad).ok(), "read: %s", bad);
}
END_TEST

START_TEST(reads_answers) {
  Result<HttpAnswer> answer = parse_http_answer(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ck_assert(answer.ok() && answer.value().status == 200);
  CHECK_TEXT(answer.value().body, "abcde");
  ck_assert(!parse_http_answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc").ok());
  ck_assert(
      !parse_http_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab").ok());
}
END_TEST

START_TEST(makes_tcp_traffic) {
  Cgroup client = make_unit("self-client"), server = make_unit("self-server");
  Connection open = make_connection(client, server);
  send_bytes(open.client, 3);
  open.close();
  leave_cgroup();
  remove_cgroup(client);
  Status status = enter_black_hole_netns();
  if (!status.ok()) SKIP_TEST("makes_tcp_traffic", status.message());
  Fd socket = connect_later(Address::of("10.77.0.1", 80));
  sleep_ms(50);
  CHECK_OK(add_address("lo", "10.77.0.1/32"));
  CHECK_OK(remove_address("lo", "10.77.0.1/32"));
}
END_TEST

START_TEST(makes_dns_traffic) {
  enter_new_netns().ok();
  Cgroup cgroup = make_unit("self-dns");
  DnsServer server(cgroup, "127.53.0.1");
  ck_assert(exchange(dns_client(cgroup, server.address()), server, 1, "example.com", 0, 20) >=
            0.02);
}
END_TEST

HttpAnswer ask_for_pods(const KubeletServer& kubelet) {
  Result<HttpAnswer> answer =
      http_get(kubelet.address(), "/pods", "Authorization: Bearer of-good-news\r\n");
  CHECK_OK(answer.ok() ? Status() : answer.status());
  return answer.value();
}

START_TEST(plays_kubelet) {
  LivePod pod({"self", "web-0"}, LivePod::kSystemdStatic);
  pod.container();
  pod.restart();
  pod.label("app", "web");
  std::string list = pod_list({pod, LivePod({"self", "db-0"})});
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(list);
  CHECK_TEXT(ask_for_pods(kubelet).body, list.c_str());
  kubelet.behave(KubeletServer::kSlowly);
  CHECK_TEXT(ask_for_pods(kubelet).body, list.c_str());
  CHECK_TEXT(kubelet.last_target(), "/pods");
  CHECK_TEXT(kubelet.last_authorization(), "Bearer of-good-news");
  kubelet.behave(KubeletServer::kForbidden);
  ck_assert_int_eq(ask_for_pods(kubelet).status, 403);
  kubelet.behave(KubeletServer::kCut);
  ck_assert(!http_get(kubelet.address(), "/pods").ok());
  kubelet.behave(KubeletServer::kDead);
  ck_assert(!http_dial(kubelet.address()).ok());
  kubelet.behave(KubeletServer::kWell);
  CHECK_TEXT(ask_for_pods(kubelet).body, list.c_str());
  ck_assert_int_eq(static_cast<int>(kubelet.requests()), 5);

  Words names;
  PodListReader reader([&](const Pod& read) { names.emplace_back(read.name.view()); });
  CHECK_OK(reader.feed(list));
  CHECK_OK(reader.finish());
  ck_assert(names == Words({"web-0", "db-0"}));
  for (const KubeletFiles& files : {systemd_files(), cgroupfs_files(), systemd_api_files()})
    ck_assert(files.pods.front() == '{' && files.pod_cgroups().size() >= 10);
}
END_TEST

START_TEST(names_pods_cgroups) {
  for (int layout = 0; layout < LivePod::kLayouts; layout++) {
    LivePod pod({"self", "web-0"}, static_cast<LivePod::Layout>(layout));
    for (const Cgroup& cgroup : {pod.container(), pod.sandbox(), pod.restart()}) {
      CgroupOwner owner = owner_of_path(cgroup.folder);
      CHECK_TEXT(owner.pod_uid, pod.uid().c_str());
      ck_assert(owner.container_id.size() == 64);
    }
  }
}
END_TEST

START_TEST(says_how_pods_fare) {
  LivePod pod({"self", "web-0"});
  pod.phase("Pending").owned_by("ReplicaSet", "web-7d9c5b7f6d").deleting();
  pod.label("pod-template-hash", "7d9c5b7f6d");
  pod.says("setup", {"terminated", "Completed", "", 0, true}, "initContainers");
  pod.says("mesh", {"running", "", "", 0, true}, "sidecar");
  pod.container("app");
  pod.says("app", {"waiting", "CrashLoopBackOff", "back-off 10s", 0, false, 4, "OOMKilled", 137});
  pod.says("later", {""});
  LivePod nowhere({"self", "db-0"});
  nowhere.phase("Pending").unscheduled("Unschedulable", "0/3 nodes are available");

  PodTable table;
  PodListReader reader([&](const Pod& read) { table.add(read); });
  table.begin();
  CHECK_OK(reader.feed(pod_list({pod, nowhere})));
  CHECK_OK(reader.finish());
  table.commit(1);
  Words pods, containers;
  table.each_pod([&](const PodStatus& said) {
    ck_assert(said.phase == Pod::Phase::pending);
    std::string text = std::to_string(said.ready) + "/" + std::to_string(said.containers);
    for (std::string_view each : {said.waiting_reason, said.waiting_container, said.message,
                                  said.owner_kind, said.owner_name, said.template_hash})
      text += " " + std::string(each);
    pods.push_back(text + (said.deleting ? " deleting" : ""));
  });
  table.each_container([&](const ContainerStatus& said) {
    containers.push_back(std::string(said.container) + " " + std::string(said.waiting_reason) +
                         " " + std::string(said.last_reason) + " " +
                         std::to_string(said.last_exit_code.value_or(-1)) + " " +
                         std::to_string(said.restarts));
  });
  ck_assert_uint_eq(pods.size(), 2);
  CHECK_TEXT(pods[0],
             "1/3 CrashLoopBackOff app back-off 10s ReplicaSet web-7d9c5b7f6d 7d9c5b7f6d deleting");
  CHECK_TEXT(pods[1], "0/0 Unschedulable  0/3 nodes are available   ");
  ck_assert(containers == Words({"app CrashLoopBackOff OOMKilled 137 4", "later   -1 0",
                                 "mesh   -1 0", "setup  Completed 0 0"}));
}
END_TEST

std::string ask_api(const ApiServer& server, const std::string& target) {
  Result<HttpAnswer> answer = http_get(server.url().substr(7), target, "");
  CHECK_OK(answer.ok() ? Status() : answer.status());
  return answer.value().body;
}

START_TEST(plays_api_server) {
  ApiServer server = ApiServer::start();
  const std::string nodes =
                        "/api/v1/nodes?fieldSelector=metadata.name%3Dx&limit=500"
                        "&resourceVersion=0",
                    head = "/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3D",
                    tail = "%2Ctype%3DWarning&limit=100";
  ck_assert(ask_api(server, nodes).find(R"("kind":"NodeList")") != std::string::npos);
  ck_assert(ask_api(server, nodes).find(R"("type":"Ready","status":"True")") != std::string::npos);
  ck_assert_uint_eq(server.lists(ApiServer::kNodes), 2);
  server.warn("shop", "u1", R"({"reason":"one"})");
  server.warn("shop", "u2", R"({"reason":"two"})");
  server.warn("shop", "u1", R"({"reason":"three"})");
  for (const auto& [uid, events] :
       {std::pair<const char*, const char*>{"u1", R"({"reason":"three"})"},
        {"u2", R"({"reason":"two"})"},
        {"u3", ""}})
    CHECK_TEXT(
        ask_api(server, head + uid + tail),
        R"({"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[)" +
            std::string(events) + "]}\n");
  ck_assert_uint_eq(server.questions(), 3);
}
END_TEST

}  // namespace

Case harness_case() {
  return {
      "harness",
      false,
      {reads_pages, refuses_pages, reads_json, reads_answers, makes_tcp_traffic, makes_dns_traffic,
       plays_kubelet, names_pods_cgroups, says_how_pods_fare, plays_api_server}};
}

}  // namespace kubepulse::live
