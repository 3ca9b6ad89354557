#include "identity/pod_table.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>

#include "identity/cgroup_path.h"
#include "identity/pod_list.h"
#include "tests/check.h"
#include "tests/test_data.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kSecond = kNsPerSecond, kMinute = 60 * kNsPerSecond;
const char* const kUidA = "aaaaaaaa-7a2d-4e7b-9f10-2b6c1d0e9a41";
const char* const kUidB = "bbbbbbbb-7a2d-4e7b-9f10-2b6c1d0e9a41";
const char* const kHash = "48bf1ded8cdd6337d986ce766ed35a34";

// The id of container `number`, 64 hex digits.
std::string id(unsigned number) {
  char text[65];
  snprintf(text, sizeof text, "%08x%056x", number * 2654435761U, number);
  return text;
}

struct Made {
  std::string name, id, last_id;
};

void add(PodTable& table, const std::string& ns, const std::string& name, const std::string& uid,
         std::initializer_list<Made> containers = {}, const std::string& static_uid = "") {
  auto pod = std::make_unique<Pod>();
  pod->ns.assign(ns);
  pod->name.assign(name);
  pod->uid.assign(uid);
  pod->static_uid.assign(static_uid);
  for (const Made& made : containers) {
    PodContainer* container = pod->container(made.name);
    container->id.assign(made.id);
    container->last_id.assign(made.last_id);
  }
  table.add(*pod);
}

std::string found(const PodTable& table, const std::string& uid,
                  const std::string& container = "") {
  std::optional<PodName> name = table.find(uid, container);
  if (!name) return "-";
  std::string out = std::string(name->ns) + "/" + std::string(name->pod);
  if (!name->container.empty()) out += ":" + std::string(name->container);
  return out;
}

START_TEST(empty) {
  PodTable table;
  CHECK_TEXT(found(table, ""), "-");
  CHECK_TEXT(found(table, kUidA, id(1)), "-");
  table.commit(kSecond);
  CHECK_TEXT(found(table, kUidA, id(1)), "-");
  ck_assert_uint_eq(table.pods(), 0);
}
END_TEST

START_TEST(by_container_and_by_uid) {
  PodTable table;
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}, {"mesh", id(2), id(3)}});
  add(table, "shop", "db", kUidB, {{"db", id(4), ""}});
  CHECK_TEXT(found(table, kUidA), "-");  // not before it is committed
  table.commit(kSecond);
  CHECK_TEXT(found(table, kUidA), "shop/web");
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
  CHECK_TEXT(found(table, "", id(2)), "shop/web:mesh");
  CHECK_TEXT(found(table, kUidA, id(3)), "shop/web:mesh");
  CHECK_TEXT(found(table, kUidB, id(4)), "shop/db:db");
  CHECK_TEXT(found(table, kUidB, id(9)), "shop/db");  // the sandbox
  CHECK_TEXT(found(table, kUidB, "not an id"), "shop/db");
  CHECK_TEXT(found(table, kHash, id(9)), "-");
  ck_assert_uint_eq(table.pods(), 2);
  ck_assert_uint_eq(table.containers(), 4);
}
END_TEST

START_TEST(static_pods) {
  PodTable table;
  table.begin();
  add(table, "kube-system", "mirror", kUidA, {{"static", id(1), ""}}, kHash);
  table.commit(kSecond);
  CHECK_TEXT(found(table, kHash), "kube-system/mirror");
  CHECK_TEXT(found(table, kUidA), "kube-system/mirror");
  // Its own uid is stronger than another's claim to it, in any order.
  for (bool own_first : {true, false}) {
    table.begin();
    if (own_first) add(table, "kube-system", "static", kHash);
    add(table, "evil", "claims", kUidA, {}, kHash);
    if (!own_first) add(table, "kube-system", "static", kHash);
    table.commit(kSecond);
    CHECK_TEXT(found(table, kHash), "kube-system/static");
    CHECK_TEXT(found(table, kUidA), "evil/claims");
  }
}
END_TEST

START_TEST(what_is_gone_is_known_for_a_while) {
  PodTable table;
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  add(table, "shop", "db", kUidB, {{"db", id(2), ""}});
  table.commit(kMinute);
  // The container restarts, then once more; the other pod goes.
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(11), id(1)}});
  table.commit(2 * kMinute);
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(12), id(11)}});
  table.commit(3 * kMinute);
  CHECK_TEXT(found(table, kUidB), "shop/db");
  CHECK_TEXT(found(table, kUidB, id(2)), "shop/db:db");
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
  CHECK_TEXT(found(table, kUidA, id(12)), "shop/web:web");
  ck_assert_uint_eq(table.pods(), 1);
  ck_assert_uint_eq(table.gone_pods(), 1);

  auto again = [&table](uint64_t now_ns) {
    table.begin();
    add(table, "shop", "web", kUidA, {{"web", id(12), id(11)}});
    table.commit(now_ns);
  };
  again(7 * kMinute - 1);
  CHECK_TEXT(found(table, kUidB, id(2)), "shop/db:db");
  again(7 * kMinute);
  CHECK_TEXT(found(table, kUidB, id(2)), "-");
  CHECK_TEXT(found(table, kUidB), "-");
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
  again(8 * kMinute);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web");
  ck_assert_uint_eq(table.gone_pods(), 0);
  ck_assert_uint_eq(table.containers(), 2);
}
END_TEST

START_TEST(a_pod_comes_back) {
  PodTable table;
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(kMinute);
  table.begin();
  table.commit(2 * kMinute);
  ck_assert_uint_eq(table.pods(), 0);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(3 * kMinute);
  ck_assert_uint_eq(table.pods(), 1);
  ck_assert_uint_eq(table.gone_pods(), 0);
  // Its time starts anew.
  table.begin();
  table.commit(10 * kMinute);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
}
END_TEST

START_TEST(the_same_name_with_a_new_uid) {
  PodTable table;
  table.begin();
  add(table, "shop", "db-0", kUidA, {{"db", id(1), ""}});
  table.commit(kSecond);
  table.begin();
  add(table, "shop", "db-0", kUidB, {{"db", id(2), ""}});
  table.commit(2 * kSecond);
  for (const auto& each : {kUidA, kUidB})
    CHECK_TEXT(found(table, each), "shop/db-0");
  ck_assert_uint_eq(table.pods(), 1);
  ck_assert_uint_eq(table.gone_pods(), 1);
}
END_TEST

START_TEST(a_broken_list_changes_nothing) {
  PodTable table;
  table.begin();
  add(table, "shop", "web", kUidA);
  table.commit(kSecond);
  uint64_t generation = table.generation();
  table.begin();
  add(table, "shop", "other", kUidB);
  table.drop();
  CHECK_TEXT(found(table, kUidA), "shop/web");
  CHECK_TEXT(found(table, kUidB), "-");
  // One that was begun and never finished, too.
  table.begin();
  add(table, "shop", "other", kUidB);
  table.begin();
  add(table, "shop", "web", kUidA);
  table.commit(2 * kSecond);
  CHECK_TEXT(found(table, kUidB), "-");
  ck_assert_uint_eq(table.generation(), generation);
}
END_TEST

START_TEST(generations) {
  PodTable table;
  uint64_t last = table.generation();
  auto changed = [&] {
    bool differs = table.generation() != last;
    last = table.generation();
    return differs;
  };
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  add(table, "shop", "db", kUidB);
  table.commit(kSecond);
  ck_assert(changed());
  table.begin();  // in another order
  add(table, "shop", "db", kUidB);
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(2 * kSecond);
  ck_assert(!changed());
  table.begin();  // gone, but still known
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(3 * kSecond);
  ck_assert(!changed());
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(10 * kMinute);
  ck_assert(changed());
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(2), id(1)}});
  table.commit(11 * kMinute);
  ck_assert(changed());
  table.begin();
  add(table, "shop", "web-2", kUidA, {{"web", id(2), id(1)}});
  table.commit(12 * kMinute);
  ck_assert(changed());
}
END_TEST

START_TEST(namespaces) {
  PodTable table;
  table.begin();
  add(table, "a", "1", "u1");
  add(table, "b", "2", "u2");
  add(table, "a", "3", "u3");
  add(table, "c", "3", "u3");  // the same uid: ignored
  table.commit(kSecond);
  std::string got;
  table.each_namespace([&got](std::string_view ns, size_t pods) {
    got += std::string(ns) + "=" + std::to_string(pods) + " ";
  });
  CHECK_TEXT(got, "a=2 b=1 ");
}
END_TEST

START_TEST(only_container) {
  PodTable table;
  Pod pod;
  pod.ns.assign("shop");
  pod.name.assign("web");
  pod.uid.assign(kUidA);
  pod.only_container.assign("web");
  pod.host_network = true;
  table.begin();
  table.add(pod, false);
  table.commit(kSecond);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:web");
  CHECK_TEXT(found(table, kUidA), "shop/web");
  ck_assert(table.find(kUidA, "")->host_network && !table.find(kUidA, "")->watched);
}
END_TEST

START_TEST(what_is_kept) {
  PodTable table;
  auto pod = std::make_unique<Pod>();
  table.begin();
  add(table, "shop", "web", kUidA, {{"app", id(1), id(2)}, {"side", id(3), ""}});
  pod->ns.assign("kube-system");
  pod->name.assign("etcd-node");
  pod->uid.assign(kUidB);
  pod->static_uid.assign(kHash);
  pod->host_network = true;
  pod->container("etcd")->id.assign(id(4));
  table.add(*pod, false);
  table.commit(kSecond);
  uint64_t generation = table.generation();

  // The same pods, known by their folders of logs: nothing is lost.
  table.begin();
  ck_assert(table.keep(kHash));
  ck_assert(table.keep(kUidA) && table.keep(kUidA) && table.keep(kUidB));
  ck_assert(!table.keep("") && !table.keep("cccccccc-7a2d-4e7b-9f10-2b6c1d0e9a41"));
  add(table, "other", "name", kUidA);  // it is there already
  table.commit(2 * kSecond);
  ck_assert_uint_eq(table.generation(), generation);
  ck_assert_uint_eq(table.pods(), 2);
  ck_assert_uint_eq(table.gone_pods(), 0);
  ck_assert_uint_eq(table.containers(), 4);
  for (unsigned number : {1, 2})
    CHECK_TEXT(found(table, "", id(number)), "shop/web:app");
  CHECK_TEXT(found(table, "", id(3)), "shop/web:side");
  CHECK_TEXT(found(table, kHash, id(4)), "kube-system/etcd-node:etcd");
  ck_assert(table.find(kHash, "")->host_network && !table.find(kHash, "")->watched);
  ck_assert(!table.find(kUidA, "")->host_network && table.find(kUidA, "")->watched);

  // One is gone: for a while it is known, but not listed, and so not kept.
  table.begin();
  ck_assert(table.keep(kUidA));
  table.commit(3 * kSecond);
  ck_assert_uint_eq(table.gone_pods(), 1);
  table.begin();
  ck_assert(table.keep(kUidA) && !table.keep(kUidB) && !table.keep(kHash));
  table.drop();
  CHECK_TEXT(found(table, kHash, id(4)), "kube-system/etcd-node:etcd");
  table.begin();
  ck_assert(table.keep(kUidA));
  table.commit(3 * kSecond + PodTable::kGoneKeptNs);
  CHECK_TEXT(found(table, kHash, id(4)), "-");
  CHECK_TEXT(found(table, "", id(3)), "shop/web:side");
}
END_TEST

START_TEST(what_only_logs_told_is_told_anew) {
  PodTable table;
  auto pod = std::make_unique<Pod>();
  pod->ns.assign("shop");
  pod->name.assign("web");
  pod->uid.assign(kUidA);
  pod->by_logs = true;
  pod->only_container.assign("app");
  table.begin();
  table.add(*pod);
  table.commit(kSecond);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web:app");
  pod->only_container.clear();
  table.begin();
  ck_assert(!table.keep(kUidA));
  table.add(*pod);
  table.commit(kSecond);
  CHECK_TEXT(found(table, kUidA, id(1)), "shop/web");
}
END_TEST

START_TEST(single_changes) {
  PodTable table;
  table.begin();
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  add(table, "shop", "db", kUidB, {{"db", id(4), ""}});
  table.commit(kSecond);
  uint64_t generation = table.generation();
  // The same again.
  table.begin_without(kUidA);
  add(table, "shop", "web", kUidA, {{"web", id(1), ""}});
  table.commit(kSecond);
  ck_assert_uint_eq(table.generation(), generation);
  // A restart.
  table.begin_without(kUidA);
  add(table, "shop", "web", kUidA, {{"web", id(2), id(1)}});
  table.commit(2 * kSecond);
  CHECK_TEXT(found(table, "", id(2)), "shop/web:web");
  CHECK_TEXT(found(table, "", id(1)), "shop/web:web");
  CHECK_TEXT(found(table, kUidB, id(4)), "shop/db:db");
  ck_assert_uint_eq(table.pods(), 2);
  // One more.
  table.begin_without("c");
  add(table, "bank", "vault", "c", {{"safe", id(5), ""}});
  table.commit(2 * kSecond);
  CHECK_TEXT(found(table, "c", id(5)), "bank/vault:safe");
  ck_assert_uint_eq(table.pods(), 3);
  // One that goes is known for a while, as where a list has it no more.
  table.begin_without(kUidB);
  table.commit(3 * kSecond);
  ck_assert_uint_eq(table.pods(), 2);
  CHECK_TEXT(found(table, kUidB, id(4)), "shop/db:db");
  table.begin_without("nobody");
  table.commit(3 * kSecond + PodTable::kGoneKeptNs);
  CHECK_TEXT(found(table, kUidB, id(4)), "-");
  CHECK_TEXT(found(table, kUidA, id(2)), "shop/web:web");
  CHECK_TEXT(found(table, "c", id(5)), "bank/vault:safe");
}
END_TEST

START_TEST(bounds) {
  PodTable table;
  auto fill = [&table](const char* ns, unsigned pods, unsigned containers, unsigned offset) {
    table.begin();
    for (unsigned i = 0; i < pods; i++) {
      Pod pod;
      pod.ns.assign(ns);
      pod.name.assign("pod-" + std::to_string(i));
      pod.uid.assign("uid-" + std::to_string(offset + i));
      for (unsigned c = 0; c < containers; c++)
        pod.container("c" + std::to_string(c))->id.assign(id((offset + i) * containers + c));
      table.add(pod);
    }
  };
  fill("a", 1100, 10, 0);
  table.commit(kSecond);
  ck_assert_uint_eq(table.pods(), PodTable::kPodsMax);
  ck_assert_uint_eq(table.containers(), PodTable::kContainersMax);
  ck_assert_uint_eq(table.overflow(), 76 + 10240 - 8192);
  CHECK_TEXT(found(table, "uid-0", id(9)), "a/pod-0:c9");
  CHECK_TEXT(found(table, "uid-1023", id(10239)), "a/pod-1023");
  CHECK_TEXT(found(table, "uid-1024"), "-");
  // Two lists on: the newest of the gone stay.
  fill("b", 600, 1, 2000);
  table.commit(2 * kSecond);
  fill("c", 600, 1, 3000);
  table.commit(3 * kSecond);
  ck_assert_uint_eq(table.gone_pods(), PodTable::kGonePodsMax);
  CHECK_TEXT(found(table, "uid-3599"), "c/pod-599");
  CHECK_TEXT(found(table, "uid-2599"), "b/pod-599");
  CHECK_TEXT(found(table, "uid-423"), "a/pod-423");
  CHECK_TEXT(found(table, "uid-424"), "-");
  ck_assert_uint_le(table.containers(), PodTable::kContainersMax);
}
END_TEST

START_TEST(memory) {
  PodTable table;
  table.begin();
  for (unsigned i = 0; i < 1000; i++) {
    char uid[64];
    snprintf(uid, sizeof uid, "%08x-7a2d-4e7b-9f10-2b6c1d0e9a41", i * 2654435761U);
    std::string name = "a-deployment-of-some-length-7d9c5b7f6d-" + std::to_string(10000 + i);
    add(table, "namespace-" + std::to_string(i % 30), name, uid,
        {{"main", id(3 * i), ""},
         {"istio-proxy", id(3 * i + 1), ""},
         {"c" + std::to_string(i), id(3 * i + 2), ""}});
  }
  table.commit(kSecond);
  ck_assert_uint_eq(table.containers(), 3000);
  ck_assert_msg(table.bytes() < 450000, "%zu", table.bytes());
}
END_TEST

// Every cgroup of a pod on a real node has its pod's name, and every container its own.
START_TEST(real_nodes) {
  for (const char* config : {"cgroupfs", "cgroupfs-v1", "systemd", "systemd-api", "systemd-crun",
                             "kubelet-1.20-systemd-v1"}) {
    std::string folder = "kubelet/" + std::string(config);
    PodTable table;
    table.begin();
    PodListReader reader([&table](const Pod& pod) { table.add(pod); });
    CHECK_OK(reader.feed(test_data(folder + "/pods.json")));
    CHECK_OK(reader.finish());
    table.commit(kSecond);
    std::istringstream lines(test_data(folder + "/cgroup-dirs.txt"));
    int pods = 0, containers = 0, sandboxes = 0;
    for (std::string line; std::getline(lines, line);) {
      CgroupOwner owner = owner_of_path(line);
      if (owner.kind != CgroupOwner::pod) continue;
      std::string name = found(table, owner.pod_uid, owner.container_id);
      ck_assert_msg(name != "-", "%s: %s", config, line.c_str());
      pods++;
      containers += name.find(':') != std::string::npos;
      sandboxes += !owner.container_id.empty() && name.find(':') == std::string::npos;
    }
    ck_assert_msg(pods >= 10 && containers >= 5 && sandboxes >= 3, "%s: %d %d %d", config, pods,
                  containers, sandboxes);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("pod_table", empty, by_container_and_by_uid, static_pods,
           what_is_gone_is_known_for_a_while, a_pod_comes_back, the_same_name_with_a_new_uid,
           a_broken_list_changes_nothing, generations, namespaces, only_container, what_is_kept,
           what_only_logs_told_is_told_anew, single_changes, bounds, memory, real_nodes)
