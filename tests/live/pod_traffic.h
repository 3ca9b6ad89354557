// Traffic of pods and what the page must say of it.
#ifndef KUBEPULSE_TESTS_LIVE_POD_TRAFFIC_H
#define KUBEPULSE_TESTS_LIVE_POD_TRAFFIC_H

#include <functional>
#include <string>
#include <vector>

#include "tests/live/dns_wire.h"
#include "tests/live/harness.h"
#include "tests/live/kubelet_server.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

// A daemon that asks `kubelet` every second and has asked it once.
Daemon start_beside(const KubeletServer& kubelet, const Words& flags = {});
// Until there are `count` polls of that result ("ok", "error"), for 40 s at most.
void await_polls(const Daemon& daemon, const std::string& result, double count);
double polls(const Page& page, const std::string& result);

// The other end: a listener and a DNS server in a cgroup of their own, that is no pod's. As long as
// it lives, this process is there and in a network namespace of its own, where port 53 is free:
// start the daemon and the kubelet before.
class OtherEnd {
 public:
  explicit OtherEnd(const std::string& unit);
  ~OtherEnd();
  OtherEnd(const OtherEnd&) = delete;
  OtherEnd& operator=(const OtherEnd&) = delete;

  // From a cgroup, one after the other: connections that are closed, queries that are answered.
  void connect(const Cgroup& client, int times = 1);
  void ask(const Cgroup& client, int times = 1);

  Fd& listener() { return listener_; }
  DnsServer& dns() { return dns_; }
  Owner owner() const { return cgroup_.owner; }

 private:
  Fd home_;
  Cgroup cgroup_;
  DnsServer dns_;
  Fd listener_;
  uint16_t txid_ = 0;
};

constexpr const char* kDomain = "example.com";  // of the queries

// That owner's whole TCP and DNS is so many of both.
std::vector<Want> traffic_wants(const Owner& owner, int connections, int queries);
void expect_traffic(const Daemon& daemon, const Owner& owner, int connections, int queries);

// Whether there is any series with all these labels.
bool is_on(const Page& page, const Labels& labels);
bool is_on(const Page& page, const Owner& owner);
// Until `good` says so of the page, for `seconds_max` at most; then it is a failure.
void await_page(const Daemon& daemon, double seconds_max, const std::string& what,
                const std::function<bool(const Page&)>& good);
// The same until it is on the page.
void await_owner(const Daemon& daemon, const Owner& owner, double seconds_max = 10);

}  // namespace kubepulse::live

#endif
