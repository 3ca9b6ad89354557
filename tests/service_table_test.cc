#include "identity/service_table.h"

#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Kind = ServiceTable::Kind;

Service service(const std::string& ns, const std::string& name,
                const std::vector<std::string>& addresses) {
  Service made;
  made.ns.assign(ns);
  made.name.assign(name);
  for (const std::string& address : addresses)
    made.addresses.push_back(*parse_ip(address));
  return made;
}

// Endpoints as "address", "pod", and so on.
EndpointSlice slice(const std::string& ns, const std::string& name,
                    const std::vector<std::string>& endpoints) {
  EndpointSlice made;
  made.ns.assign(ns);
  made.name.assign(name);
  for (size_t i = 0; i < endpoints.size(); i += 2)
    made.endpoints.push_back({*parse_ip(endpoints[i]), endpoints[i + 1]});
  return made;
}

std::string whose(const ServiceTable& table, const std::string& address) {
  std::optional<Peer> peer = table.find(*Address::parse(address));
  if (!peer) return "-";
  return (peer->kind == Peer::Kind::service ? "service " : "pod ") + std::string(peer->ns) + "/" +
         std::string(peer->name);
}

std::string namespaces(const ServiceTable& table) {
  std::string text;
  table.each_namespace([&](std::string_view ns, size_t services) {
    text += std::string(ns) + "=" + std::to_string(services) + " ";
  });
  return text;
}

START_TEST(names) {
  ServiceTable table;
  CHECK_TEXT(whose(table, "10.96.0.1"), "-");
  table.put(service("default", "kubernetes", {"10.96.0.1"}));
  table.put(service("shop", "web", {"10.96.0.2", "fd00::2", "192.0.2.7"}));
  table.put(service("shop", "headless", {}));
  table.put(slice("shop", "web-1", {"10.244.1.5", "web-a", "10.244.1.6", "web-b"}));
  CHECK_TEXT(whose(table, "10.96.0.1"), "service default/kubernetes");
  CHECK_TEXT(whose(table, "fd00::2"), "service shop/web");
  CHECK_TEXT(whose(table, "::ffff:192.0.2.7"), "service shop/web");
  CHECK_TEXT(whose(table, "10.244.1.6"), "pod shop/web-b");
  CHECK_TEXT(whose(table, "10.244.1.7"), "-");
  CHECK_TEXT(namespaces(table), "default=1 shop=2 ");
  ck_assert_uint_eq(table.services(), 3);
  ck_assert_uint_eq(table.slices(), 1);
  ck_assert_uint_eq(table.addresses(), 6);
}
END_TEST

START_TEST(changes) {
  ServiceTable table;
  table.put(service("shop", "web", {"10.96.0.2", "10.96.0.3"}));
  table.put(service("shop", "web", {"10.96.0.3", "10.96.0.4"}));
  CHECK_TEXT(whose(table, "10.96.0.2"), "-");
  CHECK_TEXT(whose(table, "10.96.0.3"), "service shop/web");
  CHECK_TEXT(whose(table, "10.96.0.4"), "service shop/web");
  CHECK_TEXT(namespaces(table), "shop=1 ");
  table.remove(service("shop", "other", {}));
  table.remove(slice("shop", "web", {}));  // a slice is no service
  ck_assert_uint_eq(table.services(), 1);
  table.remove(service("shop", "web", {}));
  table.remove(service("shop", "web", {}));
  CHECK_TEXT(whose(table, "10.96.0.3"), "-");
  CHECK_TEXT(namespaces(table), "");
  ck_assert_uint_eq(table.services() + table.addresses(), 0);
}
END_TEST

// The same pod is in the slices of all its services; one of a node's network has the node's.
START_TEST(shared_addresses) {
  ServiceTable table;
  table.put(slice("shop", "web-1", {"10.244.1.5", "web-a"}));
  table.put(slice("shop", "all-1", {"10.244.1.5", "web-a"}));
  table.remove(slice("shop", "web-1", {}));
  CHECK_TEXT(whose(table, "10.244.1.5"), "pod shop/web-a");
  table.put(slice("kube-system", "proxy-1", {"192.0.2.1", "proxy-x", "192.0.2.2", "proxy-y"}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "pod kube-system/proxy-x");
  table.put(slice("monitoring", "node-1", {"192.0.2.1", "exporter"}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "-");
  CHECK_TEXT(whose(table, "192.0.2.2"), "pod kube-system/proxy-y");
  table.remove(slice("kube-system", "proxy-1", {}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "pod monitoring/exporter");
  // A service's external address may be a node's.
  table.put(service("shop", "web", {"192.0.2.1"}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "service shop/web");
  table.put(service("shop", "other", {"192.0.2.1"}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "-");
  // Pods of one name in two namespaces are two.
  table.put(slice("a", "s", {"10.1.1.1", "p"}));
  table.put(slice("b", "s", {"10.1.1.1", "p"}));
  CHECK_TEXT(whose(table, "10.1.1.1"), "-");
}
END_TEST

START_TEST(lists) {
  ServiceTable table;
  table.begin(Kind::service);
  table.put(service("shop", "web", {"10.96.0.2"}));
  table.put(service("shop", "old", {"10.96.0.3"}));
  table.commit(Kind::service);
  table.begin(Kind::slice);
  table.put(slice("shop", "web-1", {"10.244.1.5", "web-a"}));
  table.commit(Kind::slice);
  table.put(service("shop", "new", {"10.96.0.4"}));
  // One that breaks takes nothing away.
  table.begin(Kind::service);
  table.put(service("shop", "web", {"10.96.0.2"}));
  CHECK_TEXT(whose(table, "10.96.0.3"), "service shop/old");
  table.begin(Kind::service);
  table.put(service("shop", "web", {"10.96.0.5"}));
  table.commit(Kind::service);
  CHECK_TEXT(namespaces(table), "shop=1 ");
  CHECK_TEXT(whose(table, "10.96.0.5"), "service shop/web");
  for (const char* gone : {"10.96.0.2", "10.96.0.3", "10.96.0.4"})
    CHECK_TEXT(whose(table, gone), "-");
  CHECK_TEXT(whose(table, "10.244.1.5"), "pod shop/web-a");
  table.begin(Kind::slice);
  table.commit(Kind::slice);
  CHECK_TEXT(whose(table, "10.244.1.5"), "-");
  ck_assert_uint_eq(table.overflow(), 0);
}
END_TEST

std::string nth_address(size_t number) {
  return "10." + std::to_string(number >> 16) + "." + std::to_string(number >> 8 & 255) + "." +
         std::to_string(number & 255);
}

START_TEST(bounds) {
  ServiceTable table;
  for (size_t i = 0; i < ServiceTable::kServicesMax + 3; i++)
    table.put(service("shop", "s" + std::to_string(i), {nth_address(i)}));
  ck_assert_uint_eq(table.services(), ServiceTable::kServicesMax);
  ck_assert_uint_eq(table.overflow(), 3);
  CHECK_TEXT(whose(table, nth_address(ServiceTable::kServicesMax)), "-");
  // Room that is left is taken again.
  table.remove(service("shop", "s0", {}));
  table.put(service("shop", "late", {"192.0.2.1"}));
  CHECK_TEXT(whose(table, "192.0.2.1"), "service shop/late");
  ck_assert_uint_eq(table.overflow(), 3);

  // Addresses.
  for (size_t i = ServiceTable::kServicesMax; i < ServiceTable::kAddressesMax + 5; i++)
    table.put(slice("shop", "e" + std::to_string(i / 100) + "-" + std::to_string(i),
                    {nth_address(i), "p"}));
  ck_assert_uint_eq(table.addresses(), ServiceTable::kAddressesMax);
  // The last five are beyond the bound of slices, too.
  uint64_t before = table.overflow();
  ck_assert_uint_ge(before, 3 + 5);
  table.put(service("shop", "s1", {nth_address(1), "192.0.2.9"}));
  ck_assert_uint_eq(table.overflow(), before + 1);
  CHECK_TEXT(whose(table, nth_address(1)), "service shop/s1");
  CHECK_TEXT(whose(table, "192.0.2.9"), "-");
  // What a reader has cut counts, too.
  Service cut = service("shop", "s2", {});
  cut.cut = 4;
  table.put(cut);
  ck_assert_uint_eq(table.overflow(), before + 5);
  for (Kind kind : {Kind::service, Kind::slice}) {
    table.begin(kind);
    table.commit(kind);
  }
  ck_assert_uint_eq(table.services() + table.slices() + table.addresses(), 0);

  ServiceTable spread;
  for (size_t i = 0; i < ServiceTable::kNamespacesMax + 2; i++)
    spread.put(service("ns-" + std::to_string(i), "web", {}));
  ck_assert_uint_eq(spread.services(), ServiceTable::kNamespacesMax);
  ck_assert_uint_eq(spread.overflow(), 2);
}
END_TEST

}  // namespace

CHECK_MAIN("service_table", names, changes, shared_addresses, lists, bounds)
