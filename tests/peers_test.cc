#include "identity/peers.h"

#include <algorithm>
#include <memory>
#include <string>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

IpBytes ip(const char* text) {
  return *parse_ip(text);
}

struct Bench {
  Bench() {
    peers.set_pods(&pods);
    peers.set_services(&services);
    pods.begin();
    add("shop", "web", {"10.1.0.5", "fd00::5"});
    add("shop", "done", {"10.1.0.6"}, Pod::Phase::succeeded);
    add("shop", "failed", {"10.1.0.7"}, Pod::Phase::failed);
    add("shop", "one", {"10.1.0.8"});
    add("shop", "other", {"10.1.0.8"});
    add("kube-system", "proxy", {"192.0.2.1"}, Pod::Phase::running, true);
    add("kube-system", "agent", {"192.0.2.1"}, Pod::Phase::running, true);
    pods.commit(kNsPerSecond);
  }
  void add(const char* ns, const char* name, std::initializer_list<const char*> addresses,
           Pod::Phase phase = Pod::Phase::running, bool host_network = false) {
    auto pod = std::make_unique<Pod>();
    pod->ns.assign(ns);
    pod->name.assign(name);
    pod->uid.assign(name);
    pod->phase = phase;
    pod->host_network = host_network;
    for (const char* address : addresses)
      pod->addresses[pod->address_count++].assign(address);
    pods.add(*pod);
  }
  void service(const char* ns, const char* name, const char* address) {
    Service made;
    made.ns.assign(ns);
    made.name.assign(name);
    made.addresses.push_back(ip(address));
    services.put(made);
  }
  std::string of(const char* address) {
    Peers::Name name = peers.find(ip(address));
    return std::string(name.ns) + "/" + std::string(name.name) + (name.is_known ? "" : "?");
  }

  PodTable pods;
  ServiceTable services;
  Peers peers;
};

START_TEST(in_order) {
  Bench bench;
  bench.peers.set_own({{ip("203.0.113.9")}, {ip("10.96.0.1"), ip("169.254.20.10")}});
  bench.service("shop", "front", "10.96.0.1");
  bench.service("shop", "of-the-node", "203.0.113.9");
  bench.service("shop", "of-a-pod", "10.1.0.5");
  bench.service("shop", "of-a-node-by-pods", "192.0.2.1");
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "203.0.113.9",
                           "192.0.2.1", "::ffff:127.0.0.1"})
    CHECK_TEXT(bench.of(host), "/host");
  CHECK_TEXT(bench.of("10.1.0.5"), "shop/web");
  CHECK_TEXT(bench.of("fd00::5"), "shop/web");
  CHECK_TEXT(bench.of("10.96.0.1"), "shop/front");
  CHECK_TEXT(bench.of("169.254.20.10"), "/host");  // the node's DNS cache
  for (const char* other : {"198.51.100.1", "224.0.0.1", "255.255.255.255", "ff02::1", "fd00::6"})
    CHECK_TEXT(bench.of(other), "/external?");
}
END_TEST

// A pod of another node is known by the slices.
START_TEST(other_nodes) {
  Bench bench;
  EndpointSlice slice;
  slice.ns.assign("shop");
  slice.name.assign("front-1");
  slice.endpoints = {{ip("10.2.0.1"), "far"}, {ip("10.1.0.5"), "claims-to-be"}};
  bench.services.put(slice);
  CHECK_TEXT(bench.of("10.2.0.1"), "shop/far");
  CHECK_TEXT(bench.of("10.1.0.5"), "shop/web");
}
END_TEST

// Of one that has ended, or that two have, nothing is said; nor of one that is gone.
START_TEST(nothing_is_guessed) {
  Bench bench;
  for (const char* address : {"10.1.0.6", "10.1.0.7", "10.1.0.8"})
    CHECK_TEXT(bench.of(address), "/external?");
  bench.pods.begin_without("one");
  bench.pods.commit(2 * kNsPerSecond);
  CHECK_TEXT(bench.of("10.1.0.8"), "shop/other");
  CHECK_TEXT(bench.of("10.1.0.5"), "shop/web");
  bench.pods.begin();
  bench.pods.commit(3 * kNsPerSecond);
  CHECK_TEXT(bench.of("10.1.0.5"), "/external?");
}
END_TEST

START_TEST(without_anybody) {
  Peers peers;
  CHECK_TEXT(std::string(peers.find(ip("10.1.0.5")).name), "external");
  CHECK_TEXT(std::string(peers.find(ip("127.0.0.1")).name), "host");
}
END_TEST

START_TEST(of_this_machine) {
  auto told = own_addresses();
  CHECK_OK(told.ok() ? Status() : told.status());
  const std::vector<IpBytes>& own = told.value().own;
  ck_assert(std::is_sorted(own.begin(), own.end()));
  for (const IpBytes& address : own)
    ck_assert(address != IpBytes{});
}
END_TEST

}  // namespace

CHECK_MAIN("peers", in_order, other_nodes, nothing_is_guessed, without_anybody, of_this_machine)
