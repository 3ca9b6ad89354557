// With whom workloads exchange packets: who is named, that nothing is missing however many peers
// there are, and how many they are.
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>

#include "tests/check.h"
#include "tests/live/api_server.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/kernel_counts.h"
#include "tests/live/netfilter.h"
#include "tests/live/netns.h"
#include "tests/live/pod_traffic.h"
#include "tests/live/pods.h"

namespace kubepulse::live {

namespace {

constexpr uint64_t kUdp4 = 20 + 8, kUdp6 = 40 + 8;
constexpr const char* kFlowPackets = "kubepulse_flow_packets_total";
constexpr const char* kFlowBytes = "kubepulse_flow_bytes_total";

bool has_flows(const Daemon& daemon) {
  return daemon.scrape().has("kubepulse_bpf_map_capacity", {{"map", "flows"}});
}

#define NEED_FLOWS(test) \
  if (!has_flows(shared_daemon())) SKIP_TEST(test, "flows are not told here")

struct Cable {
  Fd near, far;
};

// This process is at its near end.
Cable make_cable() {
  Cable cable;
  CHECK_OK(enter_silent_netns(cable.far));
  cable.near = own_netns();
  return cable;
}

Fd bound_socket(const Cgroup& unit, const Fd* netns, const std::string& host) {
  enter(unit);
  if (netns != nullptr) CHECK_OK(go_to_netns(*netns));
  Address address = Address::of(host, 0);
  Fd made = make_socket(address.family(), SOCK_DGRAM);
  ck_assert(bind(made.get(), address.raw(), address.size) == 0);
  return made;
}

void send_to(const Fd& from, const Address& to, size_t size) {
  char payload[2048] = {};
  ssize_t sent = sendto(from.get(), payload, size, 0, to.raw(), to.size);
  ck_assert_msg(sent == static_cast<ssize_t>(size), "sendto: %s", strerror(errno));
}

void exchange(const Fd& from, const Fd& to, int count, size_t size) {
  char payload[2048];
  for (int i = 0; i < count; i++) {
    send_to(from, local_address(to), size);
    ck_assert_int_eq(recv(to.get(), payload, sizeof payload, 0), static_cast<ssize_t>(size));
  }
}

// Datagrams with a peer in one direction.
struct Flow {
  Owner peer;
  const char* direction;
  double packets, bytes;
};

// These, and no others; and in all as much as the packets.
void expect_flows(const Daemon& daemon, const Owner& owner, const std::vector<Flow>& flows) {
  std::vector<Want> wants;
  std::map<std::string, double> packets, bytes;
  for (const Flow& flow : flows) {
    Labels labels = owner.labels();
    for (const auto& label : Labels{{"peer_namespace", flow.peer.name_space},
                                    {"peer", flow.peer.pod},
                                    {"direction", flow.direction},
                                    {"protocol", "udp"}})
      labels.push_back(label);
    wants.push_back({kFlowPackets, labels, flow.packets});
    wants.push_back({kFlowBytes, labels, flow.bytes});
    packets[flow.direction] += flow.packets;
    bytes[flow.direction] += flow.bytes;
  }
  for (const char* direction : {"out", "in"}) {
    Labels labels = owner.labels();
    labels.push_back({"direction", direction});
    for (const char* name : {kFlowPackets, "kubepulse_packets_total"})
      wants.push_back({name, labels, packets[direction]});
    for (const char* name : {kFlowBytes, "kubepulse_packet_bytes_total"})
      wants.push_back({name, labels, bytes[direction]});
  }
  expect(daemon, wants);
}

const Owner kHost = {"", "host"}, kExternal = {"", "external"};

START_TEST(host_and_external) {
  NEED_FLOWS("host_and_external");
  Cgroup client = make_unit("flows-client"), server = make_unit("flows-server");
  Cable cable = make_cable();
  for (const char* const* ends : {(const char* const[]){"10.88.0.1", "10.88.0.2"},
                                  (const char* const[]){"fd88::1", "fd88::2"}}) {
    Fd there = bound_socket(server, &cable.far, ends[1]);
    Fd here = bound_socket(client, &cable.near, ends[0]);
    exchange(here, there, 30, 100);
    exchange(there, here, 20, 1000);
  }
  for (const char* loopback : {"127.0.0.1", "::1"}) {
    Fd here = bound_socket(client, nullptr, loopback),
       there = bound_socket(client, nullptr, loopback);
    exchange(here, there, 5, 50);
  }
  leave_cgroup();
  const double kBytes100 = 30 * (200 + kUdp4 + kUdp6), kBytes1000 = 20 * (2000 + kUdp4 + kUdp6);
  const double kBytes50 = 5 * (100 + kUdp4 + kUdp6);
  expect_flows(shared_daemon(), client.owner,
               {{kExternal, "out", 60, kBytes100},
                {kExternal, "in", 40, kBytes1000},
                {kHost, "out", 10, kBytes50},
                {kHost, "in", 10, kBytes50}});
  expect_flows(shared_daemon(), server.owner,
               {{kExternal, "out", 40, kBytes1000}, {kExternal, "in", 60, kBytes100}});
}
END_TEST

std::string service(const std::string& ns, const std::string& name, const std::string& address) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":")" + ns +
         R"("},"spec":{"clusterIP":")" + address + R"(","clusterIPs":[")" + address +
         R"("],"type":"ClusterIP"},"status":{"loadBalancer":{}}})";
}

// Two pods of this node, which the kubelet tells, and a service, whose address the far end has: as
// a pod sees it, before anything translates it.
START_TEST(pods_and_services) {
  NEED_FLOWS("pods_and_services");
  LivePod web({"shop", "web-1"}), db({"data", "db-0"}, LivePod::kCgroupfsGuaranteed);
  web.address("10.88.0.1").address("fd88::1");
  db.address("10.88.0.2").address("fd88::2");
  Cgroup client = web.container(), server = db.container();
  ApiServer api = ApiServer::start();
  api.list(ApiServer::kServices, service("data", "db", "10.88.0.3"), 2);
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({web, db}));
  Daemon daemon = start_beside(kubelet, {"--apiserver=" + api.url()});
  await_page(daemon, 20, "services", [](const Page& page) {
    return page.value("kubepulse_services", {{"namespace", "data"}}) == 1;
  });
  Cable cable = make_cable();
  CHECK_OK(go_to_netns(cable.far));
  CHECK_OK(add_address("far", "10.88.0.3/24"));
  Fd there = bound_socket(server, &cable.far, "10.88.0.2");
  Fd there6 = bound_socket(server, &cable.far, "fd88::2");
  Fd behind = bound_socket(server, &cable.far, "10.88.0.3");
  Fd here = bound_socket(client, &cable.near, "10.88.0.1");
  Fd here6 = bound_socket(client, &cable.near, "fd88::1");
  leave_cgroup();
  exchange(here, there, 40, 100);
  exchange(there, here, 3, 200);
  exchange(here6, there6, 2, 10);
  exchange(here, behind, 11, 500);
  exchange(behind, here, 12, 600);
  const double kOut = 40 * (100 + kUdp4) + 2 * (10 + kUdp6), kIn = 3 * (200 + kUdp4);
  const double kService = 11 * (500 + kUdp4), kAnswers = 12 * (600 + kUdp4);
  const Owner kDb = {"data", "db"};
  expect_flows(daemon, web.owner(),
               {{db.owner(), "out", 42, kOut},
                {db.owner(), "in", 3, kIn},
                {kDb, "out", 11, kService},
                {kDb, "in", 12, kAnswers}});
  expect_flows(
      daemon, db.owner(),
      {{web.owner(), "in", 53, kOut + kService}, {web.owner(), "out", 15, kIn + kAnswers}});
  daemon.stop();
}
END_TEST

// A pod that talks before anybody knows it: who talks with it waits for its name.
START_TEST(pod_that_is_listed_later) {
  NEED_FLOWS("pod_that_is_listed_later");
  LivePod late({"shop", "late"});
  late.address("10.88.0.2");
  Cgroup server = late.container(), client = make_unit("flows-of-late");
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({}));
  Daemon daemon = start_beside(kubelet);
  Cable cable = make_cable();
  Fd there = bound_socket(server, &cable.far, "10.88.0.2");
  Fd here = bound_socket(client, &cable.near, "10.88.0.1");
  leave_cgroup();
  exchange(here, there, 25, 100);
  daemon.scrape();
  kubelet.list(pod_list({late}));
  await_owner(daemon, late.owner());
  expect_flows(daemon, client.owner, {{late.owner(), "out", 25, 25 * (100 + kUdp4)}});
  expect_flows(daemon, late.owner(), {{kExternal, "in", 25, 25 * (100 + kUdp4)}});
  daemon.stop();
}
END_TEST

// All that leaves this namespace goes to `to` instead.
int translate_all(const std::string& to) {
  NetfilterBatch batch;
  batch.begin_out("flows", "nat", -100);
  batch.begin(NFT_MSG_NEWRULE);
  batch.text(NFTA_RULE_TABLE, "flows");
  batch.text(NFTA_RULE_CHAIN, "out");
  size_t expressions = batch.open(NFTA_RULE_EXPRESSIONS);
  size_t immediate = batch.open(NFTA_LIST_ELEM);
  batch.text(NFTA_EXPR_NAME, "immediate");
  size_t data = batch.open(NFTA_EXPR_DATA);
  batch.number(NFTA_IMMEDIATE_DREG, NFT_REG_1);
  size_t value = batch.open(NFTA_IMMEDIATE_DATA);
  in_addr address{inet_addr(to.c_str())};
  batch.attribute(NFTA_DATA_VALUE, &address, sizeof address);
  batch.close(value);
  batch.close(data);
  batch.close(immediate);
  size_t nat = batch.open(NFTA_LIST_ELEM);
  batch.text(NFTA_EXPR_NAME, "nat");
  data = batch.open(NFTA_EXPR_DATA);
  batch.number(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  batch.number(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  batch.number(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
  batch.close(data);
  batch.close(nat);
  batch.close(expressions);
  return batch.send();
}

// As kube-proxy does it in the host's namespace: what leaves is translated before it is seen, and
// what arrives is translated back before.
START_TEST(service_of_the_own_network) {
  NEED_FLOWS("service_of_the_own_network");
  LivePod db({"data", "db-0"});
  db.address("10.88.0.2");
  Cgroup server = db.container(), client = make_unit("flows-translated");
  ApiServer api = ApiServer::start();
  api.list(ApiServer::kServices, service("data", "db", "10.99.0.1"), 2);
  KubeletServer kubelet = KubeletServer::start();
  kubelet.list(pod_list({db}));
  Daemon daemon = start_beside(kubelet, {"--apiserver=" + api.url()});
  await_page(daemon, 20, "services", [](const Page& page) {
    return page.value("kubepulse_services", {{"namespace", "data"}}) == 1;
  });
  Cable cable = make_cable();
  CHECK_OK(add_route("10.99.0.0/24", "10.88.0.2"));
  int error = translate_all("10.88.0.2");
  if (error == EPROTONOSUPPORT || error == EOPNOTSUPP || error == ENOENT)
    SKIP_TEST("service_of_the_own_network", "this kernel has no address translation");
  ck_assert_msg(error == 0, "nf_tables: %s", strerror(error));
  Fd there = bound_socket(server, &cable.far, "10.88.0.2");
  Fd here = bound_socket(client, &cable.near, "10.88.0.1");
  leave_cgroup();
  Address of_service = Address::of("10.99.0.1", local_address(there).port());
  for (int i = 0; i < 20; i++) {
    char payload[256];
    send_to(here, of_service, 100);
    ck_assert_int_eq(recv(there.get(), payload, sizeof payload, 0), 100);
    send_to(there, local_address(here), 50);
    ck_assert_int_eq(recv(here.get(), payload, sizeof payload, 0), 50);
  }
  expect_flows(
      daemon, client.owner,
      {{db.owner(), "out", 20, 20 * (100 + kUdp4)}, {{"data", "db"}, "in", 20, 20 * (50 + kUdp4)}});
  expect_flows(
      daemon, db.owner(),
      {{kExternal, "in", 20, 20 * (100 + kUdp4)}, {kExternal, "out", 20, 20 * (50 + kUdp4)}});
  daemon.stop();
}
END_TEST

// Datagrams to 10.88.0.2, each from an address of its own.
class Flood {
 public:
  Flood() : raw_(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) { ck_assert(bool(raw_)); }

  void send(uint16_t port, uint32_t first, uint32_t count) {
    struct {
      iphdr ip;
      udphdr udp;
    } packet{};
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 2;
    packet.ip.protocol = IPPROTO_UDP;
    packet.ip.daddr = inet_addr("10.88.0.2");
    packet.udp.dest = htons(port);
    packet.udp.len = htons(sizeof packet.udp);
    Address to = Address::of("10.88.0.2", 0);
    for (uint32_t i = 0; i < count; i++) {
      packet.ip.saddr = htonl(first + i);
      ssize_t sent = sendto(raw_.get(), &packet, sizeof packet, 0, to.raw(), to.size);
      ck_assert_msg(sent == sizeof packet, "sendto: %s", strerror(errno));
    }
  }

 private:
  Fd raw_;
};

// Of far more addresses than any table has room for.
START_TEST(spoofed_flood) {
  NEED_FLOWS("spoofed_flood");
  constexpr uint32_t kRounds = 5, kEach = 40000;
  Daemon daemon = Daemon::start();
  Cgroup server = make_unit("flooded"), client = make_unit("flooding");
  Cable cable = make_cable();
  CHECK_OK(go_to_netns(cable.far));
  for (const char* name : {"all", "far"})
    ck_assert(write_file(std::string("/proc/sys/net/ipv4/conf/") + name + "/rp_filter", "0"));
  Fd there = bound_socket(server, &cable.far, "10.88.0.2");
  enter(client);
  CHECK_OK(go_to_netns(cable.near));
  Flood flood;
  leave_cgroup();
  Labels in = server.owner.labels();
  in.push_back({"direction", "in"});
  double resident = 0;
  for (uint32_t round = 0; round < kRounds; round++) {
    flood.send(local_address(there).port(), 0x0B000000 + round * kEach, kEach);
    double sent = (round + 1) * kEach;
    expect(daemon, {{"kubepulse_packets_total", in, sent},
                    {kFlowPackets, in, sent},
                    {kFlowBytes, in, sent * kUdp4},
                    {"kubepulse_packet_bytes_total", in, sent * kUdp4}});
    if (round == 0) resident = daemon.scrape().value("process_resident_memory_bytes");
  }
  Page page = daemon.scrape();
  Labels other = in;
  other.push_back({"peer", "other"});
  double lost = page.value(kFlowPackets, other);
  ck_assert_msg(lost > 0 && page.value("kubepulse_overflow_total", {{"table", "flows"}}) >= lost,
                "%g lost", lost);
  ck_assert_double_eq(page.value("kubepulse_bpf_map_capacity", {{"map", "flows"}}), 16384);
  double more = page.value("process_resident_memory_bytes") - resident;
  ck_assert_msg(more <= 1 << 20, "%g bytes more", more);
  // It cannot tell so many, but that they are many.
  ck_assert(page.value("kubepulse_unique_peers", in) > 60000);
  daemon.stop();
}
END_TEST

// Linear counting errs by 1 % of 10,000, and so more than 2 % in one case of twenty; the mean of
// eight, whose peers differ, in none of ten million. Far more than the table of flows has room for.
START_TEST(unique_peers) {
  NEED_FLOWS("unique_peers");
  constexpr uint32_t kUnits = 8, kPeers = 10000, kFew = 100;
  CHECK_OK(enter_new_netns());
  Fd there = bound_socket(make_unit("met"), nullptr, "0.0.0.0");
  Address to = local_address(there);
  auto& address = reinterpret_cast<sockaddr_in&>(to.storage).sin_addr;
  std::vector<Cgroup> units;
  for (uint32_t unit = 0; unit <= kUnits; unit++) {
    units.push_back(make_unit("meets-" + std::to_string(unit)));
    Fd here = bound_socket(units.back(), nullptr, "127.0.0.1");
    for (int times = 0; times < 2; times++)
      for (uint32_t i = 0; i < (unit == kUnits ? kFew : kPeers); i++) {
        address.s_addr = htonl(0x7F100000 + unit * kPeers + i);
        send_to(here, to, 10);
      }
  }
  leave_cgroup();
  auto told = [](const Page& page, const Cgroup& unit, const char* direction) {
    Labels labels = unit.owner.labels();
    labels.push_back({"direction", direction});
    return page.value("kubepulse_unique_peers", labels);
  };
  Page page = fresh_page(shared_daemon());
  double sum = 0;
  for (uint32_t unit = 0; unit < kUnits; unit++) {
    double count = told(page, units[unit], "out");
    ck_assert_msg(std::fabs(count / kPeers - 1) < 0.07, "%g", count);
    sum += count;
    ck_assert_double_eq(told(page, units[unit], "in"), 0);
  }
  ck_assert_msg(std::fabs(sum / kUnits / kPeers - 1) <= 0.02, "%g", sum / kUnits);
  double few = told(page, units[kUnits], "out");
  ck_assert_msg(std::fabs(few / kFew - 1) <= 0.07, "%g", few);
}
END_TEST

// Who wants packets alone pays for nothing else.
START_TEST(packets_alone) {
  NEED_FLOWS("packets_alone");
  Daemon daemon = Daemon::start({{"--profile=custom", "--collect=packets"}});
  CHECK_TEXT(flavour_of(daemon, "packets"), "cgroup");
  Page page = daemon.scrape();
  for (const char* map : {"flows", "peers"})
    ck_assert(!page.has("kubepulse_bpf_map_capacity", {{"map", map}}));
  ck_assert(!page.has(kFlowPackets) && !page.has("kubepulse_unique_peers"));
  daemon.stop();
}
END_TEST

}  // namespace

Case flows_case() {
  return {"flows",
          true,
          {host_and_external, pods_and_services, service_of_the_own_network,
           pod_that_is_listed_later, spoofed_flood, unique_peers, packets_alone},
          true};
}

}  // namespace kubepulse::live
