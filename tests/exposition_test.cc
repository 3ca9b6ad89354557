#include "publish/exposition.h"

#include <map>
#include <optional>
#include <set>

#include "groups.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kMinute = 60 * kNsPerSecond;
constexpr size_t kPieceMax = 64 * 1024;  // about 32 KiB, and what one workload writes at once

#define W "namespace,pod,node"
#define C "namespace,pod,container,node"

// The contract, groups tcp, dns and self.
struct Wanted {
  const char* name;
  const char* type;
  const char* labels;  // without le
} const kWanted[] = {
    {"kubepulse_tcp_latency_seconds", "histogram", W},
    {"kubepulse_tcp_connect_latency_seconds", "histogram", W},
    {"kubepulse_tcp_connections_total", "counter", W ",direction"},
    {"kubepulse_tcp_connections_active", "gauge", W ",direction"},
    {"kubepulse_tcp_connect_failures_total", "counter", W ",reason"},
    {"kubepulse_tcp_sent_bytes_total", "counter", W},
    {"kubepulse_tcp_received_bytes_total", "counter", W},
    {"kubepulse_tcp_retransmits_total", "counter", W},
    {"kubepulse_tcp_resets_total", "counter", W ",direction"},
    {"kubepulse_tcp_connection_states", "gauge", W ",state"},
    {"kubepulse_tcp_accept_queue_drops_total", "counter", W},
    {"kubepulse_tcp_rtt_seconds", "histogram", W},
    {"kubepulse_dns_queries_total", "counter", W ",domain"},
    {"kubepulse_dns_responses_total", "counter", W ",rcode"},
    {"kubepulse_dns_timeouts_total", "counter", W},
    {"kubepulse_dns_latency_seconds", "histogram", W},
    {"kubepulse_network_interface_receive_bytes_total", "counter", W ",interface"},
    {"kubepulse_network_interface_receive_packets_total", "counter", W ",interface"},
    {"kubepulse_network_interface_receive_errors_total", "counter", W ",interface"},
    {"kubepulse_network_interface_receive_drops_total", "counter", W ",interface"},
    {"kubepulse_network_interface_transmit_bytes_total", "counter", W ",interface"},
    {"kubepulse_network_interface_transmit_packets_total", "counter", W ",interface"},
    {"kubepulse_network_interface_transmit_errors_total", "counter", W ",interface"},
    {"kubepulse_network_interface_transmit_drops_total", "counter", W ",interface"},
    {"kubepulse_packet_drops_total", "counter", W ",reason"},
    {"kubepulse_packets_total", "counter", W ",direction,protocol"},
    {"kubepulse_packet_bytes_total", "counter", W ",direction,protocol"},
    {"kubepulse_packet_size_bytes", "histogram", W ",direction"},
    {"kubepulse_flow_bytes_total", "counter", W ",peer_namespace,peer,direction,protocol"},
    {"kubepulse_flow_packets_total", "counter", W ",peer_namespace,peer,direction,protocol"},
    {"kubepulse_unique_peers", "gauge", W ",direction"},
    {"kubepulse_cpu_runqueue_latency_seconds", "histogram", C},
    {"kubepulse_cpu_context_switches_total", "counter", C ",kind"},
    {"kubepulse_cpu_usage_seconds_total", "counter", C},
    {"kubepulse_cpu_throttled_seconds_total", "counter", C},
    {"kubepulse_pressure_waiting_seconds_total", "counter", C ",resource"},
    {"kubepulse_pressure_stalled_seconds_total", "counter", C ",resource"},
    {"kubepulse_memory_usage_bytes", "gauge", C},
    {"kubepulse_memory_working_set_bytes", "gauge", C},
    {"kubepulse_memory_limit_bytes", "gauge", C},
    {"kubepulse_memory_oom_kills_total", "counter", C},
    {"kubepulse_memory_major_page_faults_total", "counter", C},
    {"kubepulse_disk_read_bytes_total", "counter", C ",device"},
    {"kubepulse_disk_written_bytes_total", "counter", C ",device"},
    {"kubepulse_disk_reads_total", "counter", C ",device"},
    {"kubepulse_disk_writes_total", "counter", C ",device"},
    {"kubepulse_container_restarts_total", "counter", C},
    {"kubepulse_filesystem_capacity_bytes", "gauge", C ",mountpoint"},
    {"kubepulse_filesystem_usage_bytes", "gauge", C ",mountpoint"},
    {"kubepulse_filesystem_available_bytes", "gauge", C ",mountpoint"},
    {"kubepulse_syscalls_total", "counter", C ",syscall"},
    {"kubepulse_syscall_errors_total", "counter", C ",syscall"},
    {"kubepulse_syscall_latency_seconds", "histogram", C ",syscall"},
    {"kubepulse_events_total", "counter", "node,type"},
    {"kubepulse_events_dropped_total", "counter", "node,type"},
    {"kubepulse_build_info", "gauge", "node,version,revision,libbpf,tls"},
    {"kubepulse_bpf_program_attached", "gauge", "node,program,flavour"},
    {"kubepulse_bpf_program_runs_total", "counter", "node,program"},
    {"kubepulse_bpf_program_run_seconds_total", "counter", "node,program"},
    {"kubepulse_bpf_map_entries", "gauge", "node,map"},
    {"kubepulse_bpf_map_capacity", "gauge", "node,map"},
    {"kubepulse_bpf_map_bytes", "gauge", "node,map"},
    {"kubepulse_bpf_map_update_errors_total", "counter", "node,map"},
    {"kubepulse_attribution_total", "counter", "node,result"},
    {"kubepulse_pods", "gauge", "namespace,node"},
    {"kubepulse_services", "gauge", "namespace,node"},
    {"kubepulse_interface_packets_total", "counter", "node,interface,protocol"},
    {"kubepulse_interface_bytes_total", "counter", "node,interface,protocol"},
    {"kubepulse_insight_active", "gauge", W ",type,severity"},
    {"kubepulse_prediction_probability", "gauge", W ",type"},
    {"kubepulse_prediction_confidence", "gauge", W ",type"},
    {"kubepulse_prediction_time_to_event_seconds", "gauge", W ",type"},
    {"kubepulse_kubelet_polls_total", "counter", "node,result"},
    {"kubepulse_kubelet_pods_age_seconds", "gauge", "node"},
    {"kubepulse_workloads", "gauge", "node"},
    {"kubepulse_series", "gauge", "node"},
    {"kubepulse_overflow_total", "counter", "node,table"},
    {"kubepulse_scrapes_total", "counter", "node"},
    {"kubepulse_scrape_duration_seconds", "gauge", "node"},
    {"process_cpu_seconds_total", "counter", ""},
    {"process_resident_memory_bytes", "gauge", ""},
    {"process_virtual_memory_bytes", "gauge", ""},
    {"process_open_fds", "gauge", ""},
    {"process_max_fds", "gauge", ""},
    {"process_start_time_seconds", "gauge", ""},
};

struct Family {
  std::string type;
  std::string labels;  // of its samples, as in Wanted; all have the same
  size_t samples = 0;
};

struct Parsed {
  std::map<std::string, Family> families;
  std::map<std::string, std::string> values;  // by name and labels
};

// "{a="b",le="1"}" to its keys; the text of its last value in `last`.
std::string keys_of(std::string_view labels, std::string* last) {
  std::string keys;
  while (!labels.empty()) {
    size_t equal = labels.find("=\"");
    ck_assert(equal != std::string_view::npos && equal > 0);
    std::string key(labels.substr(0, equal));
    ck_assert_uint_eq(key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
    size_t end = equal + 2;
    for (; labels.at(end) != '"'; end++)
      if (labels[end] == '\\') end++;
    *last = labels.substr(equal + 2, end - equal - 2);
    if (key != "le") keys += (keys.empty() ? "" : ",") + key;
    labels.remove_prefix(end + 1);
    if (labels.empty()) break;
    ck_assert(labels[0] == ',' && labels.size() > 1);
    labels.remove_prefix(1);
  }
  return keys;
}

bool cut_end(std::string& text, std::string_view end) {
  if (text.size() < end.size() || text.substr(text.size() - end.size()) != end) return false;
  text.resize(text.size() - end.size());
  return true;
}

// Strict: whatever is not as the formats want it is a failed assertion.
Parsed parse(std::string_view text, bool openmetrics = false) {
  Parsed page;
  std::string current;
  uint64_t bucket_before = 0;
  std::string last_line;
  while (!text.empty()) {
    size_t end = text.find('\n');
    ck_assert_msg(end != std::string_view::npos, "the last line has no end");
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    last_line = line;
    if (line.rfind("# HELP ", 0) == 0) {
      current = line.substr(7, line.find(' ', 7) - 7);
      ck_assert_msg(page.families.count(current) == 0, "%s twice", current.c_str());
      ck_assert_uint_gt(line.size(), 8 + current.size());
      page.families[current];
      continue;
    }
    if (line.rfind("# TYPE ", 0) == 0) {
      ck_assert_msg(line.rfind("# TYPE " + current + " ", 0) == 0, "%s", line.c_str());
      Family& family = page.families.at(current);
      ck_assert(family.type.empty() && family.samples == 0);
      family.type = line.substr(8 + current.size());
      continue;
    }
    if (openmetrics && line.rfind("# UNIT " + current + " ", 0) == 0) continue;
    if (openmetrics && line == "# EOF") {
      ck_assert(text.empty());
      continue;
    }
    size_t space = line.rfind(' ');
    size_t brace = std::min(line.find('{'), space);
    std::string name = line.substr(0, brace), value = line.substr(space + 1), last;
    ck_assert_msg(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == name.npos,
                  "%s", line.c_str());
    ck_assert_msg(!value.empty() && value.find_first_not_of("-.0123456789") == value.npos, "%s",
                  line.c_str());
    std::string labels = brace == space ? "" : line.substr(brace + 1, space - brace - 2);
    ck_assert(brace == space || (line[space - 1] == '}' && !labels.empty()));
    ck_assert_msg(page.values.emplace(line.substr(0, space), value).second, "twice: %s",
                  line.c_str());
    Family& family = page.families.at(current);
    std::string keys = keys_of(labels, &last);
    if (family.type == "histogram") {
      if (cut_end(name, "_bucket")) {
        uint64_t count = std::stoull(value);
        ck_assert_msg(count >= bucket_before, "%s", line.c_str());
        bucket_before = last == "+Inf" ? 0 : count;
      } else if (!cut_end(name, "_sum")) {
        ck_assert(cut_end(name, "_count"));
        ck_assert_uint_eq(page.values.count(name + "_bucket{" + labels + ",le=\"+Inf\"}"), 1);
        CHECK_TEXT(value, page.values[name + "_bucket{" + labels + ",le=\"+Inf\"}"]);
      }
    } else if (openmetrics && family.type == "counter") {
      ck_assert_msg(cut_end(name, "_total"), "%s", line.c_str());
    }
    CHECK_TEXT(name, current);  // in the midst of its own family
    if (family.samples++ > 0) CHECK_TEXT(keys, family.labels);
    family.labels = keys;
  }
  if (openmetrics) CHECK_TEXT(last_line, "# EOF");
  return page;
}

struct Bench {
  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{100000, kNsPerSecond}};
  FlowStore flows{store};
  Workloads containers{paths, Workloads::Grain::container};
  ContainerStore container_store{store.budget(), 51};
  Exposition exposition{{workloads, store, containers, container_store, &flows}, "node \"1\""};
  DaemonFacts facts;
  uint64_t duration_ns = 0;
  int done = 0;

  Bench() {
    facts.version = "1\"2";
    facts.programs = {{"tcp_state", "tp_btf", true}, {"dns", "none", false}};
    facts.program_stats = {{"tcp_state_typed", 20, 21000}};
    facts.maps = {{"connections", 22, 23, 24, 25}, {"sides", {}, {}, 26, 27}};
    facts.events = {{"tcp", 1, 2}, {"dns", 3, 4}};
    facts.pods = {{"shop", 3}};
    facts.services = {{"shop", 2}};
    facts.frames = {{"eth0", {30, 31, 32, 33, 34}, {35, 36, 37, 38, 39}}};
    facts.kubelet_polls = {{"ok", 14}, {"error", 15}};
    facts.kubelet_pods_age_ns = 2500000000;
    facts.attribution = {{"cgroup", 5}, {"pid", 6}, {"unknown", 7}};
    facts.overflow = {{"workloads", 8}, {"series", 9}};
    facts.cpu_ns = 1500000000;
  }

  Workloads::Index workload(uint64_t number, uint64_t now_ns = kT) {
    paths.born(number, "/system.slice/unit-" + std::to_string(number) + ".service");
    return workloads.index(workloads.of(number, 0, now_ns));
  }
  Workloads::Index busy(uint64_t number, uint64_t now_ns = kT) {
    facts.insights = {
        {{R"(namespace="shop",pod="web-0")", R"(type="oom_predicted",severity="critical")"}},
        {{R"(namespace="shop",pod="web-0")", R"(type="oom")", 833333333, 900000000,
          61500 * kNsPerMs},
         {R"(namespace="shop",pod="db-0")", R"(type="filesystem")", 100, 0, {}}}};
    Workloads::Index index = workload(number, now_ns);
    TcpCounts& tcp = store.tcp(index);
    for (uint64_t ns : {1, 200000, 2000000000})
      tcp.latency.observe(store.bounds(), ns);
    tcp.active = {4, -3};  // nothing below 0 is shown
    store.count_query(index, "example.com");
    store.dns(index).responses[3] = number;
    store.interface(index, "eth0").values = {1, 2, 3, 4, 5, 6, 7, number};
    store.count_drops(index, "NO_SOCKET", number);
    PacketsOneWay& in = store.packets(index)[1];
    in.packets = {3, 4, 5, 6, 7};
    in.bytes = {100, 200, 300, 400, 500};
    in.sizes.buckets = {20, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    in.sizes.sum_bytes = 1500;
    flows.add(index, "shop", "d\"b", {1, 1}, {3, 150});
    flows.add(index, "", "host", {1, 0}, {3, 100});
    flows.settle();
    flows.set_unique_peers(index, 0, 44);
    return index;
  }
  // A unit of which all is known.
  ContainerCounts& container(uint64_t number) {
    std::string path = "/system.slice/unit-" + std::to_string(number) + ".service";
    Workloads::Index index = containers.index(containers.of_path(number, path, kT));
    ContainerCounts& counts = container_store.of(index);
    counts.scheduler.emplace();
    counts.scheduler->run_queue.buckets = {1, 2, 3};
    counts.scheduler->switches = {4, 5};
    counts.cpu_usage_ns = 1500000000;
    counts.cpu_throttled_ns = counts.oom_kills = counts.major_faults = counts.restarts = number;
    counts.waiting_ns = counts.stalled_ns = {1, 2, 3};
    counts.memory_usage_bytes = counts.memory_working_set_bytes = counts.memory_limit_bytes = 7;
    counts.disk("sda").values = {10, 20, 30, 40};
    container_store.syscall(index, "read").calls = 9;
    counts.filesystems = {{"/data", 100, 60, 30}};
    return counts;
  }
  void sweep(uint64_t now_ns) {
    Workloads::Changes changes{
        [&](Workloads::Index from, Workloads::Index to) { store.merge(from, to); },
        [&](Workloads::Index index) { store.remove(index); }};
    workloads.sweep(now_ns, changes, [](uint64_t) {});
  }

  std::unique_ptr<HttpBody> begin(PageFormat format = PageFormat::text) {
    return exposition.page(format, facts, [this](uint64_t ns) {
      duration_ns = ns;
      done++;
    });
  }
  std::string page(PageFormat format = PageFormat::text) {
    std::unique_ptr<HttpBody> body = begin(format);
    std::string text;
    for (bool more = true; more;) {
      size_t before = text.size();
      more = body->next(text);  // appends
      ck_assert_uint_gt(text.size(), before);
      ck_assert_uint_lt(text.size() - before, kPieceMax);
    }
    return text;
  }
};

void check_wanted(const Parsed& page, bool with_workload, bool openmetrics) {
  for (const Wanted& wanted : kWanted) {
    std::string name = wanted.name, type = wanted.type;
    if (openmetrics && type == "counter") ck_assert(cut_end(name, "_total"));
    auto family = page.families.find(name);
    ck_assert_msg(family != page.families.end(), "%s is missing", name.c_str());
    CHECK_TEXT(family->second.type, type);
    bool of_workloads = std::string_view(wanted.labels).rfind("namespace,pod", 0) == 0;
    if (of_workloads && !with_workload) {
      ck_assert_uint_eq(family->second.samples, 0);
      continue;
    }
    ck_assert_msg(family->second.samples > 0, "%s", name.c_str());
    CHECK_TEXT(name + " " + family->second.labels, name + " " + wanted.labels);
  }
  ck_assert_uint_eq(page.families.size(), std::size(kWanted));
}

START_TEST(all_families_without_a_workload) {
  Bench bench;
  check_wanted(parse(bench.page()), false, false);
  check_wanted(parse(bench.page(PageFormat::openmetrics), true), false, true);
  ck_assert_int_eq(bench.done, 2);
}
END_TEST

START_TEST(all_families_with_workloads) {
  Bench bench;
  bench.busy(1);
  bench.store.tcp(bench.workload(2)).sent_bytes = 7;
  bench.store.dns(bench.workload(3)).timeouts = 8;
  bench.workload(4);  // had no event that counts
  bench.busy(5);
  bench.container(1);
  bench.container(2);
  Parsed page = parse(bench.page());
  check_wanted(page, true, false);
  check_wanted(parse(bench.page(PageFormat::openmetrics), true), true, true);
  std::string node = R"(,node="node \"1\"")";
  auto value = [&](const std::string& name, int unit, const std::string& more) {
    std::string series = name + R"({namespace="systemd",pod="unit-)" + std::to_string(unit) +
                         ".service\"" + node + more + "}";
    auto found = page.values.find(series);
    return found == page.values.end() ? "none" : found->second;
  };
  CHECK_TEXT(value("kubepulse_tcp_sent_bytes_total", 2, ""), "7");
  CHECK_TEXT(value("kubepulse_tcp_sent_bytes_total", 1, ""), "0");
  CHECK_TEXT(value("kubepulse_tcp_sent_bytes_total", 3, ""), "none");
  CHECK_TEXT(value("kubepulse_tcp_sent_bytes_total", 4, ""), "none");
  CHECK_TEXT(value("kubepulse_dns_timeouts_total", 3, ""), "8");
  CHECK_TEXT(value("kubepulse_dns_timeouts_total", 2, ""), "none");
  CHECK_TEXT(value("kubepulse_tcp_connections_active", 5, ",direction=\"in\""), "0");
  CHECK_TEXT(value("kubepulse_tcp_connections_active", 5, ",direction=\"out\""), "4");
  CHECK_TEXT(value("kubepulse_dns_responses_total", 5, ",rcode=\"NXDOMAIN\""), "5");
  CHECK_TEXT(value("kubepulse_dns_queries_total", 5, ",domain=\"example.com\""), "1");
  CHECK_TEXT(value("kubepulse_dns_queries_total", 5, ",domain=\"other\""), "none");
  CHECK_TEXT(value("kubepulse_tcp_latency_seconds_bucket", 5, ",le=\"0.0001\""), "1");
  CHECK_TEXT(value("kubepulse_tcp_latency_seconds_bucket", 5, ",le=\"1\""), "2");
  CHECK_TEXT(value("kubepulse_tcp_latency_seconds_bucket", 5, ",le=\"+Inf\""), "3");
  CHECK_TEXT(value("kubepulse_tcp_latency_seconds_sum", 5, ""), "2.000200001");
  auto packets = [&](const char* name, const char* more) {
    return value(std::string("kubepulse_packet") + name, 5, std::string(",direction=") + more);
  };
  CHECK_TEXT(packets("s_total", "\"in\",protocol=\"icmp\""), "5");
  CHECK_TEXT(packets("s_total", "\"out\",protocol=\"icmp\""), "0");
  CHECK_TEXT(packets("_bytes_total", "\"in\",protocol=\"other\""), "500");
  CHECK_TEXT(packets("_size_bytes_bucket", "\"in\",le=\"64\""), "20");
  CHECK_TEXT(packets("_size_bytes_bucket", "\"in\",le=\"32768\""), "24");
  CHECK_TEXT(packets("_size_bytes_bucket", "\"in\",le=\"+Inf\""), "25");
  CHECK_TEXT(packets("_size_bytes_sum", "\"in\""), "1500");
  CHECK_TEXT(value("kubepulse_packets_total", 2, ",direction=\"in\",protocol=\"tcp\""), "none");
  auto flow = [&](const char* name, const char* ns, const char* peer, const char* protocol) {
    return value(name, 1,
                 std::string(",peer_namespace=\"") + ns + "\",peer=\"" + peer +
                     "\",direction=\"in\",protocol=\"" + protocol + "\"");
  };
  constexpr const char* kBytes = "kubepulse_flow_bytes_total";
  CHECK_TEXT(flow(kBytes, "shop", "d\\\"b", "udp"), "150");
  CHECK_TEXT(flow(kBytes, "", "host", "tcp"), "100");
  CHECK_TEXT(flow(kBytes, "", "other", "udp"), "50");
  CHECK_TEXT(flow("kubepulse_flow_packets_total", "", "other", "icmp"), "5");
  CHECK_TEXT(flow(kBytes, "", "other", "tcp"), "none");
  CHECK_TEXT(value("kubepulse_unique_peers", 1, ",direction=\"out\""), "44");
  auto insight = [&](const std::string& name, const std::string& pod, const std::string& kind) {
    return page.values["kubepulse_" + name + "{namespace=\"shop\",pod=\"" + pod + '"' + node + "," +
                       kind + "}"];
  };
  const char* active = R"(type="oom_predicted",severity="critical")";
  const char *oom = R"(type="oom")", *filling = R"(type="filesystem")";
  CHECK_TEXT(insight("insight_active", "web-0", active), "1");
  CHECK_TEXT(insight("prediction_probability", "web-0", oom), "0.833333333");
  CHECK_TEXT(insight("prediction_confidence", "web-0", oom), "0.9");
  CHECK_TEXT(insight("prediction_time_to_event_seconds", "web-0", oom), "61.5");
  CHECK_TEXT(insight("prediction_probability", "db-0", filling), "0.0000001");
  CHECK_TEXT(insight("prediction_confidence", "db-0", filling), "0");
  auto of_container = [&](const std::string& name, const std::string& more) {
    return page.values[name + R"({namespace="systemd",pod="unit-2.service",container="")" + node +
                       more + "}"];
  };
  CHECK_TEXT(of_container("kubepulse_cpu_usage_seconds_total", ""), "1.5");
  CHECK_TEXT(of_container("kubepulse_disk_writes_total", ",device=\"sda\""), "40");
  CHECK_TEXT(of_container("kubepulse_cpu_runqueue_latency_seconds_bucket", ",le=\"0.000002\""),
             "3");
  CHECK_TEXT(of_container("kubepulse_cpu_runqueue_latency_seconds_bucket", ",le=\"16.777216\""),
             "6");
  CHECK_TEXT(page.values["process_cpu_seconds_total"], "1.5");
  auto map = [&](const char* name, const char* of) {
    auto found = page.values.find(std::string("kubepulse_bpf_map_") + name +
                                  R"({node="node \"1\"",map=")" + of + "\"}");
    return found == page.values.end() ? "none" : found->second;
  };
  CHECK_TEXT(map("entries", "connections"), "22");
  CHECK_TEXT(map("capacity", "connections"), "23");
  CHECK_TEXT(map("bytes", "connections"), "24");
  CHECK_TEXT(map("update_errors_total", "connections"), "25");
  CHECK_TEXT(map("entries", "sides"), "none");
  CHECK_TEXT(map("capacity", "sides"), "none");
  CHECK_TEXT(map("bytes", "sides"), "26");
  std::string program = R"({node="node \"1\"",program="tcp_state_typed"})";
  CHECK_TEXT(page.values["kubepulse_bpf_program_runs_total" + program], "20");
  CHECK_TEXT(page.values["kubepulse_bpf_program_run_seconds_total" + program], "0.000021");
  CHECK_TEXT(page.values[R"(kubepulse_events_dropped_total{node="node \"1\"",type="dns"})"], "4");
}
END_TEST

// What the store says that it holds is what stands on the page.
void check_series(Bench& bench) {
  size_t without = parse(bench.page()).values.size();
  for (uint64_t number = 1; number <= 20; number++) {
    Workloads::Index index = bench.busy(number);
    for (size_t i = 0; i < Store::kDomainsPerWorkload; i++)
      bench.store.count_query(index, "domain-" + std::to_string(i) + ".example");
  }
  bench.facts.insights = {};  // what the rules find is no part of it
  ck_assert_uint_eq(parse(bench.page()).values.size(), without + bench.store.series());
}

START_TEST(series_are_counted) {
  Bench bench;
  check_series(bench);
}
END_TEST

// Where nobody can look, no state is told to be 0.
START_TEST(sockets_are_left_out) {
  Bench bench;
  bench.store.leave_out_sockets();
  check_series(bench);
  Parsed page = parse(bench.page());
  ck_assert_uint_eq(page.families.at("kubepulse_tcp_connection_states").samples, 0);
  ck_assert_uint_eq(page.families.at("kubepulse_tcp_accept_queue_drops_total").samples, 0);
  ck_assert_uint_gt(page.families.at("kubepulse_tcp_connections_total").samples, 0);
}
END_TEST

// As --check says.
START_TEST(series_of_a_pod) {
  constexpr uint32_t kOfPods =
      kGroupTcp | kGroupDns | kGroupInterfaces | kGroupDrops | kGroupPackets | kGroupFlows;
  Bench bench;
  size_t without = parse(bench.page()).values.size();
  size_t before = bench.store.series();
  bench.container(1);
  SeriesOfPod told = series_of_pod(UINT32_MAX & ~kOfPods, 2, 1);
  ck_assert_uint_eq(parse(bench.page()).values.size(), without + told.values + told.histograms);
  ck_assert_uint_eq(bench.store.series() - before, told.values + told.histograms);
  before = bench.store.series();
  bench.store.tcp(bench.workload(2)).sent_bytes = 7;
  bench.store.count_query(bench.workload(2), "example.com");
  bench.store.interface(bench.workload(2), "eth0");
  bench.store.count_drops(bench.workload(2), "NO_SOCKET", 1);
  for (uint8_t way = 0; way < 2; way++)
    bench.flows.add(bench.workload(2), "", "host", {way, 0}, {1, 1});
  told = series_of_pod(kOfPods, 2, 0);
  // No restarts, but "other", which is charged before there is one.
  ck_assert_uint_eq(bench.store.series() - before, told.values + told.histograms);
}
END_TEST

// Neither what nobody wants to see, nor what waits for its name.
START_TEST(some_are_not_shown) {
  Bench bench;
  size_t without = parse(bench.page()).values.size();
  for (Workloads::Index index : {Workloads::kFiltered, Workloads::kLate}) {
    bench.store.tcp(index).records++;
    bench.store.dns(index).records++;
    bench.store.count_query(index, "example.com");
  }
  PodTable pods;
  bench.workloads.set_pods(&pods);
  bench.paths.born(7, "/kubepods/pod01234567-89ab-cdef-0123-456789abcdef");
  bench.store.tcp(bench.workloads.index(bench.workloads.of(7, 0, kT))).sent_bytes = 7;
  ck_assert_uint_eq(parse(bench.page()).values.size(), without);
  CHECK_TEXT(parse(bench.page()).values[R"(kubepulse_kubelet_pods_age_seconds{node="node \"1\""})"],
             "2.5");
  bench.facts.kubelet_pods_age_ns.reset();
  ck_assert_uint_eq(parse(bench.page()).values.size(), without - 1);
}
END_TEST

START_TEST(large_pages_come_in_pieces) {
  Bench bench;
  bench.container(1);
  for (uint64_t number = 1; number <= 600; number++) {
    Workloads::Index index = bench.busy(number);
    if (number % 200 != 0) continue;
    for (size_t i = 0; i < 2 * Store::kDomainsPerWorkload; i++)
      bench.store.count_query(index, "d" + std::to_string(i) + std::string(50, 'x') + ".example");
  }
  std::string text = bench.page();
  ck_assert_uint_gt(text.size(), 2 << 20);
  ck_assert_int_eq(bench.done, 1);
  ck_assert_uint_gt(bench.duration_ns, 0);
  check_wanted(parse(text), true, false);
}
END_TEST

START_TEST(a_page_that_is_given_up) {
  Bench bench;
  bench.container(1);
  for (uint64_t number = 1; number <= 300; number++)
    bench.busy(number);
  std::unique_ptr<HttpBody> body = bench.begin();
  std::string text;
  ck_assert(body->next(text));
  body.reset();
  ck_assert_int_eq(bench.done, 0);
  check_wanted(parse(bench.page()), true, false);
}
END_TEST

START_TEST(workloads_come_and_go_between_pieces) {
  Bench bench;
  uint64_t now_ns = kT, number = 0;
  for (int i = 0; i < 500; i++)
    bench.busy(++number, now_ns);
  for (PageFormat format : {PageFormat::text, PageFormat::openmetrics}) {
    std::unique_ptr<HttpBody> body = bench.begin(format);
    std::string text;
    int pieces = 0, removals = 0;
    for (bool more = true; more; pieces++) {
      more = body->next(text);
      // Every other of the first ones stays; of the rest all go now and then, and others take their
      // indexes.
      bench.sweep(now_ns += kMinute);
      for (uint64_t stays = 1; stays <= 500; stays += 2)
        (void)bench.workloads.of(stays, 0, now_ns);
      if (pieces % 3 == 1) {
        size_t before = bench.workloads.size();
        now_ns += 6 * kMinute;
        for (uint64_t stays = 1; stays <= 500; stays += 2)
          (void)bench.workloads.of(stays, 0, now_ns);
        bench.sweep(now_ns);
        ck_assert_uint_eq(bench.workloads.size(), 250);
        if (before > 250) removals++;
      }
      if (pieces % 3 == 2)
        for (int i = 0; i < 200 + 100 * pieces % 700; i++)
          bench.busy(++number, now_ns);
    }
    ck_assert_int_gt(pieces, 10);
    ck_assert_int_gt(removals, 3);
    Parsed page = parse(text, format == PageFormat::openmetrics);
    // Who was there all the time stands in each family, once.
    for (uint64_t stays = 1; stays <= 500; stays += 2) {
      std::string labels = R"({namespace="systemd",pod="unit-)" + std::to_string(stays) +
                           R"(.service",node="node \"1\""})";
      ck_assert_uint_eq(page.values.count("kubepulse_tcp_sent_bytes_total" + labels), 1);
      ck_assert_uint_eq(page.values.count("kubepulse_dns_latency_seconds_count" + labels), 1);
    }
  }
}
END_TEST

START_TEST(labels_of_an_index_that_is_used_again) {
  Bench bench;
  Workloads::Index index = bench.busy(1);
  ck_assert(bench.page().find("unit-1.service") != std::string::npos);
  bench.sweep(kT + kMinute);
  bench.sweep(kT + 7 * kMinute);
  ck_assert_uint_eq(bench.busy(2, kT + 8 * kMinute), index);
  std::string text = bench.page();
  ck_assert(text.find("unit-1.service") == std::string::npos);
  ck_assert(text.find("unit-2.service") != std::string::npos);
}
END_TEST

START_TEST(no_series_twice_beyond_the_bounds) {
  Bench bench;
  Workloads::Index index = bench.workload(1);
  bench.store.count_query(index, "other");
  for (size_t i = 0; i < 2 * Store::kDomainsPerWorkload; i++)
    bench.store.count_query(index, "domain-" + std::to_string(i) + ".example");
  bench.store.count_query(Workloads::kOther, "example.com");
  parse(bench.page());
}
END_TEST

}  // namespace

CHECK_MAIN("exposition", all_families_without_a_workload, all_families_with_workloads,
           series_are_counted, series_of_a_pod, sockets_are_left_out, some_are_not_shown,
           large_pages_come_in_pieces, a_page_that_is_given_up,
           workloads_come_and_go_between_pieces, labels_of_an_index_that_is_used_again,
           no_series_twice_beyond_the_bounds)
