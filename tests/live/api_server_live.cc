// Pods by an API server, and services: what it lists and what its watches tell, however it is.
#include "tests/live/api_server.h"

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

namespace {

constexpr const char* kServicesMetric = "kubepulse_services";

Daemon start_with(const ApiServer& server, const Words& flags = {}) {
  Launch launch{{"--pods=apiserver", "--apiserver=" + server.url(), "--node-name=live-node",
                 "--pod-logs=/nonexistent"}};
  launch.flags.insert(launch.flags.end(), flags.begin(), flags.end());
  return Daemon::start(launch);
}

std::string items_of(const std::vector<LivePod>& pods) {
  std::string items;
  for (const LivePod& pod : pods)
    items += (items.empty() ? "" : ",") + pod.json();
  return items;
}

std::string service(const std::string& ns, const std::string& name, const std::string& address) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + ns +
         R"("},"spec":{"clusterIP":")" + address + R"(","clusterIPs":[")" + address +
         R"("],"type":"ClusterIP"},"status":{"loadBalancer":{}}})";
}

std::string slice(const std::string& ns, const std::string& name, const std::string& address,
                  const std::string& pod) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + ns +
         R"("},"addressType":"IPv4","endpoints":[{"addresses":[")" + address +
         R"("],"conditions":{"ready":true},"targetRef":{"kind":"Pod","name":")" + pod +
         R"(","namespace":")" + ns + R"("}}],"ports":[]})";
}

// The lines of that level that tell of the API server.
Words lines_of(const Daemon& daemon, const std::string& level) {
  Result<std::vector<JsonFields>> lines = parse_json_lines(daemon.err());
  CHECK_OK(lines.ok() ? Status() : lines.status());
  Words found;
  for (JsonFields& line : lines.value())
    if (line["level"] == level && line["msg"].find("API server") != std::string::npos) {
      std::string text;
      for (const auto& [key, value] : line)
        text += key + "=" + value + " ";
      found.push_back(text);
    }
  return found;
}

size_t await_lines(const Daemon& daemon, const std::string& level, size_t count) {
  for (int tries = 0; lines_of(daemon, level).size() < count && tries < 2000; tries++)
    sleep_ms(10);
  ck_assert_msg(lines_of(daemon, level).size() >= count, "%s", daemon.err().c_str());
  return lines_of(daemon, level).size();
}

template <typename Count>
void await_count(Count&& count, uint64_t wanted, const char* what) {
  for (int tries = 0; count() < wanted && tries < 1000; tries++)
    sleep_ms(10);
  ck_assert_msg(count() >= wanted, "%s: %llu of %llu", what,
                static_cast<unsigned long long>(count()), static_cast<unsigned long long>(wanted));
}

size_t status_kb(const Daemon& daemon, const char* field) {
  std::string status = read_file("/proc/" + std::to_string(daemon.pid()) + "/status");
  size_t at = status.find(field);
  ck_assert(at != status.npos);
  return strtoul(status.c_str() + at + strlen(field), nullptr, 10);
}

void expect_pods(const Daemon& daemon, const std::string& ns, double count) {
  await_page(daemon, 10, "pods of " + ns, [&](const Page& page) {
    return page.value("kubepulse_pods", {{"namespace", ns}}) == count;
  });
}
void expect_services(const Daemon& daemon, const std::string& ns, double count) {
  await_page(daemon, 20, "services of " + ns, [&](const Page& page) {
    return page.value(kServicesMetric, {{"namespace", ns}}) == count;
  });
}

// Listed, added, modified, deleted: every connection and query stands under its pod's name.
START_TEST(listed_and_watched) {
  LivePod first({"api", "web-0"}), second({"api", "web-1"});
  Cgroup cgroup = first.container(), later = second.container();
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({first}), 10);
  server.list(ApiServer::kServices, service("api", "web", "10.96.0.1"), 10);
  Daemon daemon = start_with(server);
  OtherEnd other("api-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  expect_traffic(daemon, first.owner(), 2, 1);
  expect_pods(daemon, "api", 1);

  // A pod that works before anybody has told its name.
  other.connect(later, 3);
  other.ask(later, 2);
  server.tell(ApiServer::kPods, "ADDED", second.json(), 11);
  expect_traffic(daemon, second.owner(), 3, 2);
  expect_pods(daemon, "api", 2);
  server.tell(ApiServer::kPods, "BOOKMARK", R"({"metadata":{"creationTimestamp":null}})", 20);

  // Its container is restarted.
  Cgroup restarted = second.restart();
  server.tell(ApiServer::kPods, "MODIFIED", second.json(), 21);
  other.connect(restarted, 1);
  expect_traffic(daemon, second.owner(), 4, 2);

  server.tell(ApiServer::kPods, "DELETED", first.json(), 22);
  expect_pods(daemon, "api", 1);
  other.connect(cgroup, 1);
  expect_traffic(daemon, first.owner(), 3, 1);

  server.tell(ApiServer::kServices, "ADDED", service("api", "db", "10.96.0.2"), 11);
  server.tell(ApiServer::kServices, "ADDED", service("bank", "vault", "10.96.0.3"), 12);
  server.tell(ApiServer::kSlices, "ADDED", slice("api", "web-x", "10.244.0.9", "web-9"), 12);
  expect_services(daemon, "api", 2);
  expect_services(daemon, "bank", 1);
  server.tell(ApiServer::kServices, "DELETED", service("bank", "vault", "10.96.0.3"), 13);
  await_page(daemon, 10, "no services of bank", [](const Page& page) {
    return !is_on(page, Labels{{"namespace", "bank"}});
  });
  ck_assert_uint_eq(server.requests(), 8);  // four lists, four watches
  ck_assert(daemon.scrape().value("kubepulse_overflow_total", {{"table", "services"}}) == 0);
  ck_assert(polls(daemon.scrape(), "ok") == 0 && polls(daemon.scrape(), "error") == 0);
  ck_assert_msg(lines_of(daemon, "warn").empty() && lines_of(daemon, "info").size() == 4, "%s",
                daemon.err().c_str());
  daemon.stop();
}
END_TEST

// The watches end, and go on where they were: nothing is listed again and nobody complains.
void check_watch_again(ApiServer::Blow blow) {
  LivePod first({"again", "web-0"}), second({"again", "web-1"});
  Cgroup cgroup = first.container(), later = second.container();
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({first}), 10);
  Daemon daemon = start_with(server);
  OtherEnd other("again-server");
  other.connect(cgroup, 2);
  expect_traffic(daemon, first.owner(), 2, 0);
  server.tell(ApiServer::kPods, "BOOKMARK", R"({"metadata":{"creationTimestamp":null}})", 15);
  server.tell(ApiServer::kServices, "BOOKMARK", R"({"metadata":{"a":1}})", 15);
  server.tell(ApiServer::kSlices, "BOOKMARK", R"({"metadata":{"a":1}})", 15);
  server.tell(ApiServer::kNodes, "BOOKMARK", R"({"metadata":{"a":1}})", 15);
  sleep_ms(200);
  server.strike(blow);
  server.tell(ApiServer::kPods, "ADDED", second.json(), 16);
  other.connect(later, 3);
  await_owner(daemon, second.owner());
  expect_traffic(daemon, second.owner(), 3, 0);
  expect_pods(daemon, "again", 2);
  await_count([&] { return server.watches(ApiServer::kPods); }, 2, "watches");
  ck_assert_uint_eq(server.lists(ApiServer::kPods), 1);
  ck_assert_msg(lines_of(daemon, "warn").empty(), "%s", daemon.err().c_str());
  daemon.stop();
}

START_TEST(ended) {
  check_watch_again(ApiServer::kEnd);
}
END_TEST

START_TEST(reset) {
  check_watch_again(ApiServer::kReset);
}
END_TEST

START_TEST(cut_short) {
  check_watch_again(ApiServer::kCut);
}
END_TEST

// What was told meanwhile is only in the list.
void check_list_again(ApiServer::Blow blow, size_t warnings) {
  LivePod first({"relist", "web-0"}), second({"relist", "web-1"});
  Cgroup cgroup = first.container(), later = second.container();
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({first}), 10);
  server.list(ApiServer::kServices,
              service("relist", "old", "10.96.0.1") + "," + service("gone", "x", "10.96.0.2"), 10);
  Daemon daemon = start_with(server);
  OtherEnd other("relist-server");
  other.connect(cgroup, 2);
  expect_traffic(daemon, first.owner(), 2, 0);
  expect_services(daemon, "gone", 1);
  for (int resource = 0; resource < ApiServer::kResources; resource++)
    server.tell(static_cast<ApiServer::Resource>(resource), "BOOKMARK",
                R"({"metadata":{"creationTimestamp":null}})", 15);
  sleep_ms(200);
  server.list(ApiServer::kPods, items_of({first, second}), 30);
  server.list(ApiServer::kServices,
              service("relist", "new", "10.96.0.1") + "," + service("relist", "old", "10.96.0.3"),
              30);
  server.strike(blow);
  other.connect(later, 3);
  await_owner(daemon, second.owner());
  expect_traffic(daemon, second.owner(), 3, 0);
  expect_pods(daemon, "relist", 2);
  expect_services(daemon, "relist", 2);
  await_page(daemon, 10, "no services of gone", [](const Page& page) {
    return !is_on(page, Labels{{"namespace", "gone"}});
  });
  await_count([&] { return server.watches(ApiServer::kPods); }, 2, "watches");
  // They tell again, as of the new version.
  server.tell(ApiServer::kPods, "DELETED", first.json(), 31);
  expect_pods(daemon, "relist", 1);
  ck_assert_uint_eq(server.lists(ApiServer::kPods), 2);
  ck_assert_msg(lines_of(daemon, "warn").size() == warnings, "%s", daemon.err().c_str());
  daemon.stop();
}

START_TEST(gone) {
  check_list_again(ApiServer::kGone, 0);
}
END_TEST

START_TEST(junk) {
  check_list_again(ApiServer::kJunk, 4);
}
END_TEST

// Ill from the start until the first failures are told, well again, with traffic all the time.
void check_illness(ApiServer::Behaviour behaviour, const std::string& reason) {
  LivePod pod({"ill", "web-0"});
  Cgroup cgroup = pod.container();
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({pod}), 10);
  server.list(ApiServer::kServices, service("ill", "web", "10.96.0.1"), 10);
  server.behave(behaviour);
  Daemon daemon = start_with(server);
  OtherEnd other("ill-server");
  other.connect(cgroup, 2);
  other.ask(cgroup);
  // Of services, slices, pods and the node.
  await_lines(daemon, "warn", 4);
  server.behave(ApiServer::kWell);
  await_owner(daemon, pod.owner(), 20);
  other.connect(cgroup, 1);
  expect_traffic(daemon, pod.owner(), 3, 1);
  expect_services(daemon, "ill", 1);
  ck_assert_uint_eq(await_lines(daemon, "info", 4), 4);
  Words warnings = lines_of(daemon, "warn");
  ck_assert_msg(warnings.size() == 4, "%s", daemon.err().c_str());
  for (const std::string& warning : warnings)
    ck_assert_msg(warning.find(reason) != std::string::npos, "no \"%s\" in %s", reason.c_str(),
                  warning.c_str());
  daemon.stop();
}

START_TEST(unauthorized) {
  check_illness(ApiServer::kUnauthorized, "401");
}
END_TEST

START_TEST(forbidden) {
  check_illness(ApiServer::kForbidden, "grant the verbs list and watch of ");
}
END_TEST

START_TEST(broken) {
  check_illness(ApiServer::kBroken, "500");
}
END_TEST

START_TEST(not_json) {
  check_illness(ApiServer::kNotJson, "byte 0");
}
END_TEST

START_TEST(dead) {
  check_illness(ApiServer::kDead, "refused");
}
END_TEST

START_TEST(hanging) {
  check_illness(ApiServer::kHanging, "hangs");
}
END_TEST

START_TEST(slow) {
  LivePod pod({"slow", "web-0"});
  Cgroup cgroup = pod.container();
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({pod}), 10);
  server.behave(ApiServer::kSlowly);
  Daemon daemon = start_with(server);
  OtherEnd other("slow-server");
  other.connect(cgroup, 2);
  await_owner(daemon, pod.owner());
  expect_traffic(daemon, pod.owner(), 2, 0);
  ck_assert_msg(lines_of(daemon, "warn").empty(), "%s", daemon.err().c_str());
  daemon.stop();
}
END_TEST

// While it is gone the folders of logs tell the new pods, and what it told last stays.
START_TEST(logs_meanwhile) {
  LivePod pod({"meanwhile", "web-0"}), fresh({"meanwhile", "web-1"});
  Cgroup cgroup = pod.container(), later = fresh.container();
  std::string logs = scratch_path("api-logs");
  ck_assert(make_folders(logs));
  ApiServer server = ApiServer::start();
  server.list(ApiServer::kPods, items_of({pod}), 10);
  Daemon daemon = start_with(server, {"--pod-logs=" + logs});
  OtherEnd other("meanwhile-server");
  other.connect(cgroup, 1);
  expect_traffic(daemon, pod.owner(), 1, 0);
  server.behave(ApiServer::kDead);
  server.strike(ApiServer::kReset);
  await_lines(daemon, "warn", 3);
  fresh.write_logs(logs);
  other.connect(later, 2);
  other.connect(cgroup, 1);
  await_owner(daemon, fresh.owner());
  expect_traffic(daemon, fresh.owner(), 2, 0);
  expect_traffic(daemon, pod.owner(), 2, 0);
  expect_pods(daemon, "meanwhile", 2);  // the first has no logs yet
  daemon.stop();
}
END_TEST

// Several MB, twice: they take the room of the table (1.4 MB by malloc's own count) and hardly
// more. Of pages of files, such as code that runs for the first time, the kernel may have any.
START_TEST(many_services) {
  constexpr int kCount = 5000;
  constexpr size_t kTableKb = 1536, kMoreKb = 1024;
  std::string items, padding(800, 'x');
  for (int number = 0; number < kCount; number++) {
    std::string text =
        service("many-" + std::to_string(number % 50), "service-" + std::to_string(number),
                "10.97." + std::to_string(number / 250) + "." + std::to_string(number % 250));
    text.insert(text.find("\"name\""), R"("annotations":{"a":")" + padding + "\"},");
    items += (items.empty() ? "" : ",") + text;
  }
  ck_assert_uint_ge(items.size(), size_t{4} << 20);
  ApiServer server = ApiServer::start();
  Daemon daemon = start_with(server);
  await_count([&] { return server.watches(ApiServer::kServices); }, 1, "watches");
  daemon.scrape();
  size_t before_kb = status_kb(daemon, "RssAnon:");
  server.list(ApiServer::kServices, items, 30);
  server.tell(ApiServer::kServices, "BOOKMARK", R"({"metadata":{"creationTimestamp":null}})", 15);
  sleep_ms(200);
  server.strike(ApiServer::kGone);
  expect_services(daemon, "many-49", kCount / 50);
  size_t once_kb = status_kb(daemon, "RssAnon:");
  ck_assert_msg(once_kb <= before_kb + kTableKb + kMoreKb, "%zu kB grew to %zu", before_kb,
                once_kb);
  // Again: nothing is held twice.
  server.tell(ApiServer::kServices, "ADDED", service("last", "one", "10.99.0.1"), 31);
  expect_services(daemon, "last", 1);
  server.list(ApiServer::kServices, items + "," + service("last", "two", "10.99.0.2"), 40);
  server.strike(ApiServer::kGone);
  await_count([&] { return server.lists(ApiServer::kServices); }, 3, "lists");
  await_count([&] { return server.watches(ApiServer::kServices); }, 3, "watches");
  size_t twice_kb = status_kb(daemon, "RssAnon:");
  ck_assert_msg(twice_kb <= once_kb + kMoreKb, "%zu kB grew to %zu", once_kb, twice_kb);
  printf("5,000 services of %zu KB: %zu kB of memory, then %zu kB, then %zu kB\n",
         items.size() / 1024, before_kb, once_kb, twice_kb);
  ck_assert(daemon.scrape().value("kubepulse_overflow_total", {{"table", "services"}}) == 0);
  daemon.stop();
}
END_TEST

// Nobody is asked who was not named; what cannot be meant is refused.
START_TEST(apiserver_options) {
  ApiServer server = ApiServer::start();
  Daemon daemon = Daemon::start({{"--pods=none"}, {"KUBERNETES_SERVICE_HOST=127.0.0.1"}});
  ck_assert_uint_eq(server.requests(), 0);
  daemon.stop();
  for (const Words& flags : {Words{"--apiserver=nonsense"}, Words{"--apiserver=kubeconfig"},
                             Words{"--apiserver=in-cluster"}, Words{"--pods=apiserver"},
#ifndef KUBEPULSE_TLS
                             Words{"--apiserver=https://127.0.0.1:6443"}
#endif
       }) {
    Ended ended = run_daemon({flags});
    ck_assert_msg(ended.status == 2, "%s: status %d: %s", flags[0].c_str(), ended.status,
                  ended.err.c_str());
    ck_assert_msg(ended.err.find("apiserver") != std::string::npos, "%s", ended.err.c_str());
  }
  Ended nameless =
      run_daemon({{"--pods=apiserver", "--apiserver=" + server.url(), "--node-name=no name"}});
  ck_assert_int_eq(nameless.status, 1);
  ck_assert_msg(nameless.err.find("--node-name") != std::string::npos, "%s", nameless.err.c_str());
}
END_TEST

}  // namespace

Case apiserver_case() {
  return {"apiserver",
          false,
          {listed_and_watched, ended, reset, cut_short, gone, junk, unauthorized, forbidden, broken,
           not_json, dead, hanging, slow, logs_meanwhile, many_services, apiserver_options}};
}

}  // namespace kubepulse::live
