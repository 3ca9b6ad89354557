#include "tests/live/pod_traffic.h"

#include <algorithm>

#include "tests/check.h"
#include "tests/live/files.h"
#include "tests/live/netns.h"

namespace kubepulse::live {

namespace {

// What makes its members where nobody else has port 53; without namespaces an unusual loopback
// address must do.
const char* free_host() {
  enter_new_netns().ok();
  return "127.53.0.1";
}

}  // namespace

Daemon start_beside(const KubeletServer& kubelet, const Words& flags) {
  Launch launch{{"--pods=kubelet", "--kubelet-url=" + kubelet.url(), "--kubelet-poll=1s"}};
  launch.flags.insert(launch.flags.end(), flags.begin(), flags.end());
  Daemon daemon = Daemon::start(launch);
  await_polls(daemon, "ok", 1);
  return daemon;
}

double polls(const Page& page, const std::string& result) {
  return page.value("kubepulse_kubelet_polls_total", {{"result", result}});
}

void await_polls(const Daemon& daemon, const std::string& result, double count) {
  await_page(daemon, 40, "polls that end in " + result,
             [&](const Page& page) { return polls(page, result) >= count; });
}

OtherEnd::OtherEnd(const std::string& unit)
    : home_(own_netns()),
      cgroup_(make_unit(unit)),
      dns_(cgroup_, free_host()),
      listener_(listen_at("127.0.0.1")) {}

OtherEnd::~OtherEnd() {
  leave_cgroup();
  if (home_) CHECK_OK(go_to_netns(home_));
}

void OtherEnd::connect(const Cgroup& client, int times) {
  enter(client);
  for (; times > 0; times--) {
    Connection open{connect_to(local_address(listener_)), accept_from(listener_)};
    open.close();
  }
  enter(cgroup_);
}

void OtherEnd::ask(const Cgroup& client, int times) {
  Fd socket = dns_client(client, dns_.address());
  for (; times > 0; times--)
    exchange(socket, dns_, ++txid_, kDomain);
  enter(cgroup_);
}

std::vector<Want> traffic_wants(const Owner& owner, int connections, int queries) {
  uint64_t count = static_cast<uint64_t>(connections);
  std::vector<Want> wants =
      tcp_wants(owner, {{"out", count}, {"handshakes", count}, {"lifetimes", count}});
  Labels answered = owner.labels(), asked = owner.labels();
  answered.emplace_back("rcode", "NOERROR");
  asked.emplace_back("domain", kDomain);
  wants.push_back({"kubepulse_dns_queries_total", asked, double(queries)});
  wants.push_back({"kubepulse_dns_queries_total", owner.labels(), double(queries)});
  wants.push_back({"kubepulse_dns_responses_total", answered, double(queries)});
  wants.push_back({"kubepulse_dns_responses_total", owner.labels(), double(queries)});
  wants.push_back({"kubepulse_dns_latency_seconds_count", owner.labels(), double(queries)});
  wants.push_back({"kubepulse_dns_timeouts_total", owner.labels(), 0});
  return wants;
}

void expect_traffic(const Daemon& daemon, const Owner& owner, int connections, int queries) {
  expect(daemon, traffic_wants(owner, connections, queries));
}

bool is_on(const Page& page, const Labels& labels) {
  return std::any_of(page.samples().begin(), page.samples().end(),
                     [&](const Sample& sample) { return sample.has_all(labels); });
}

bool is_on(const Page& page, const Owner& owner) {
  return is_on(page, owner.labels());
}

void await_page(const Daemon& daemon, double seconds_max, const std::string& what,
                const std::function<bool(const Page&)>& good) {
  uint64_t start_ns = monotonic_ns();
  while (!good(daemon.scrape())) {
    ck_assert_msg(seconds_since(start_ns) < seconds_max, "no %s after %g s: %s", what.c_str(),
                  seconds_max, daemon.err().c_str());
    sleep_ms(20);
  }
}

void await_owner(const Daemon& daemon, const Owner& owner, double seconds_max) {
  await_page(daemon, seconds_max, owner.name_space + "/" + owner.pod,
             [&](const Page& page) { return is_on(page, owner); });
}

}  // namespace kubepulse::live
