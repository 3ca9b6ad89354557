// Workloads that are pods, together with the store that follows what becomes of their series.
#include <map>
#include <random>
#include <set>

#include "base/clock.h"
#include "identity/pod_table.h"
#include "identity/workloads.h"
#include "publish/store.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kStart = 1000 * kNsPerSecond;
constexpr uint64_t kSecond = kNsPerSecond;
constexpr uint64_t kMinute = 60 * kNsPerSecond;

std::string number(size_t value, int digits) {
  char text[80];
  snprintf(text, sizeof text, "%0*zx", digits, value);
  return text;
}

std::string uid_of(size_t pod) {
  return "11111111-2222-3333-4444-" + number(pod, 12);
}

std::string container_of(size_t container) {
  return number(container, 64);
}

std::string path_of(size_t pod, size_t container) {
  return "/kubepods/burstable/pod" + uid_of(pod) + "/" + container_of(container);
}

struct Listed {
  size_t pod;
  std::string ns, name;
  bool watched = true;
  size_t container = 0;
};

struct House {
  House() {
    workloads.set_pods(&pods);
    workloads.set_pod_unknown([this] { asked++; });
    changes.merged = [this](Workloads::Index from, Workloads::Index to) {
      ck_assert_uint_ge(from, Workloads::kFirst);
      ck_assert_uint_ne(from, to);
      store.merge(from, to);
    };
    changes.removed = [this](Workloads::Index index) {
      ck_assert_uint_ge(index, Workloads::kFirst);
      store.remove(index);
    };
  }

  void list(std::initializer_list<Listed> listed, uint64_t now_ns = kStart) {
    static Pod pod;
    pods.begin();
    for (const Listed& each : listed) {
      pod.clear();
      pod.ns.assign(each.ns);
      pod.name.assign(each.name);
      pod.uid.assign(uid_of(each.pod));
      if (each.container != 0) pod.container("main")->id.assign(container_of(each.container));
      pods.add(pod, each.watched);
    }
    pods.commit(now_ns);
  }

  // One connection of a container, whose cgroup's id is its number.
  Workloads::Owner connect(size_t pod, size_t container, uint64_t now_ns = kStart) {
    if (born.insert(container).second) {
      paths.born(container, path_of(pod, container));
      workloads.born(path_of(pod, container));
    }
    Workloads::Owner owner = workloads.of(container, 0, now_ns);
    TcpCounts& counts = store.tcp(workloads.index(owner));
    counts.connections[0]++;
    counts.active[0]++;
    counts.records++;
    return owner;
  }

  void settle(uint64_t now_ns = kStart) { workloads.settle(now_ns, changes); }
  void sweep(uint64_t now_ns) {
    workloads.sweep(now_ns, changes, [](uint64_t) {});
  }
  // All that was, and no event since, is gone.
  void sweep_away(uint64_t from_ns) {
    sweep(from_ns);
    sweep(from_ns + 5 * kMinute);
  }

  // What a page shows: connections by labels. No labels stand there twice.
  std::string page() const {
    std::map<std::string, uint64_t> lines;
    for (Workloads::Index index = 0; index < workloads.end(); index++) {
      const TcpCounts* counts = store.tcp_if_any(index);
      if (!workloads.shown(index) || counts == nullptr) continue;
      const WorkloadLabels& labels = workloads.labels(index);
      ck_assert(lines.emplace(labels.ns + "/" + labels.pod, counts->connections[0]).second);
    }
    std::string text;
    for (const auto& [labels, count] : lines)
      text += labels + "=" + std::to_string(count) + " ";
    return text;
  }
  uint64_t records(Workloads::Index index) const {
    const TcpCounts* counts = store.tcp_if_any(index);
    return counts == nullptr ? 0 : counts->records;
  }

  PodTable pods;
  int asked = 0;
  std::set<size_t> born;
  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{kNsPerMs, kNsPerSecond}};
  Workloads::Changes changes;
};

START_TEST(listed_before_its_first_event) {
  House house;
  house.list({{1, "shop", "web"}});
  house.connect(1, 11);
  house.connect(1, 12);
  CHECK_TEXT(house.page(), "shop/web=2 ");
  ck_assert_int_eq(house.asked, 0);
  ck_assert(!house.workloads.waiting());
}
END_TEST

START_TEST(counted_first_and_named_later) {
  House house;
  house.connect(1, 11);
  Workloads::Owner kept = house.connect(1, 11);
  ck_assert_int_eq(house.asked, 2);  // at its birth, and at its first event
  ck_assert(house.workloads.waiting());
  house.settle(kStart + 14 * kSecond);
  CHECK_TEXT(house.page(), "");
  house.list({{2, "shop", "db"}});
  house.settle(kStart + 14 * kSecond);
  CHECK_TEXT(house.page(), "");
  house.list({{1, "shop", "web"}, {2, "shop", "db"}});
  house.settle(kStart + 14 * kSecond);
  CHECK_TEXT(house.page(), "shop/web=2 ");
  ck_assert(!house.workloads.waiting());
  house.store.tcp(house.workloads.index(kept)).active[0]--;
  ck_assert_int_eq(house.store.tcp(house.workloads.index(house.connect(1, 11))).active[0], 2);
}
END_TEST

START_TEST(unknown_after_the_grace_and_named_still_later) {
  House house;
  Workloads::Owner owner = house.connect(1, 11);
  house.settle(kStart + 15 * kSecond - 1);
  CHECK_TEXT(house.page(), "");
  house.settle(kStart + 15 * kSecond);
  CHECK_TEXT(house.page(), "unknown/" + uid_of(1) + "=1 ");
  ck_assert(!house.workloads.waiting());
  uint64_t serial = house.workloads.serial(house.workloads.index(owner));
  house.connect(1, 11);
  house.list({{1, "shop", "web"}});
  house.settle(kStart + 20 * kSecond);
  CHECK_TEXT(house.page(), "shop/web=2 ");
  ck_assert_uint_ne(house.workloads.serial(house.workloads.index(owner)), serial);
  // A list without it, or without anybody, takes no name away.
  house.list({}, kStart + kMinute);
  house.list({}, kStart + 20 * kMinute);
  house.settle(kStart + 20 * kMinute);
  house.connect(1, 12);
  CHECK_TEXT(house.page(), "shop/web=3 ");
}
END_TEST

START_TEST(without_a_table_nobody_waits) {
  House house;
  house.workloads.set_pods(nullptr);
  house.connect(1, 11);
  CHECK_TEXT(house.page(), "unknown/" + uid_of(1) + "=1 ");
  ck_assert_int_eq(house.asked, 0);
}
END_TEST

// web-0 of a StatefulSet, deleted and made again.
START_TEST(made_again_under_its_name) {
  House house;
  house.list({{1, "shop", "web-0"}});
  Workloads::Owner first = house.connect(1, 11);
  house.list({{2, "shop", "web-0"}});
  Workloads::Owner second = house.connect(2, 21);
  ck_assert_uint_ne(first, second);
  ck_assert_uint_eq(house.workloads.index(first), house.workloads.index(second));
  CHECK_TEXT(house.page(), "shop/web-0=2 ");
  // The third has counts of its own before its name is known.
  Workloads::Owner third = house.connect(3, 31);
  CHECK_TEXT(house.page(), "shop/web-0=2 ");
  house.list({{3, "shop", "web-0"}});
  house.settle();
  CHECK_TEXT(house.page(), "shop/web-0=3 ");
  // The first two go, the series stays.
  for (uint64_t at = kStart; at <= kStart + 20 * kMinute; at += kMinute) {
    (void)house.workloads.of(31, 0, at);
    house.sweep(at);
  }
  ck_assert_uint_eq(house.workloads.size(), 1);
  ck_assert_uint_eq(house.workloads.index(first), Workloads::kLate);
  ck_assert_uint_eq(house.workloads.partings(), 2);
  house.connect(3, 31, kStart + 20 * kMinute);
  CHECK_TEXT(house.page(), "shop/web-0=4 ");
  ck_assert_int_eq(house.store.tcp(house.workloads.index(third)).active[0], 4);
  house.sweep_away(kStart + 21 * kMinute);
  CHECK_TEXT(house.page(), "");
  ck_assert_uint_eq(house.store.series(), 0);
  ck_assert_uint_eq(house.workloads.size(), 0);
  ck_assert_uint_eq(house.workloads.partings(), 2);  // the last one took its series along
}
END_TEST

// Both were shown as unknown, each by its uid, before one list named them the same.
START_TEST(two_unknown_of_one_name) {
  House house;
  house.connect(1, 11);
  house.connect(2, 21);
  house.settle(kStart + kMinute);
  CHECK_TEXT(house.page(), "unknown/" + uid_of(1) + "=1 unknown/" + uid_of(2) + "=1 ");
  house.list({{1, "shop", "web"}, {2, "shop", "web"}});
  house.settle(kStart + kMinute);
  CHECK_TEXT(house.page(), "shop/web=2 ");
}
END_TEST

START_TEST(a_container_that_was_restarted) {
  House house;
  house.list({{1, "shop", "web", true, 11}});
  Workloads::Owner owner = house.connect(1, 11);
  house.list({{1, "shop", "web", true, 12}});
  ck_assert_uint_eq(house.connect(1, 12), owner);
  CHECK_TEXT(house.page(), "shop/web=2 ");
  ck_assert_int_eq(house.asked, 0);
}
END_TEST

// A uid in the cgroup's path that no list has: the container's id tells.
START_TEST(known_by_its_container) {
  House house;
  house.connect(9, 90);  // the sandbox
  house.connect(9, 91);
  house.list({{1, "kube-system", "static-node", true, 91}});
  house.settle();
  CHECK_TEXT(house.page(), "kube-system/static-node=2 ");
}
END_TEST

START_TEST(not_watched) {
  House house;
  house.workloads.set_filter([](std::string_view ns) { return ns != "systemd"; });
  house.list({{1, "shop", "web", false}, {2, "shop", "db"}});
  house.connect(1, 11);
  house.connect(2, 21);
  house.connect(3, 31);
  house.connect(3, 31);
  house.paths.born(99, "/system.slice/nginx.service");
  ck_assert_uint_eq(house.workloads.index(house.workloads.of(99, 0, kStart)), Workloads::kFiltered);
  CHECK_TEXT(house.page(), "shop/db=1 ");
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 1);
  // What was counted before it was known is filtered as well.
  house.list({{1, "shop", "web", false}, {2, "shop", "db"}, {3, "shop", "job", false}});
  house.settle();
  CHECK_TEXT(house.page(), "shop/db=1 ");
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 3);
}
END_TEST

START_TEST(watched_no_more_and_again) {
  House house;
  house.list({{1, "shop", "web"}});
  Workloads::Owner owner = house.connect(1, 11);
  house.list({{1, "shop", "web", false}});
  house.settle();
  CHECK_TEXT(house.page(), "");
  ck_assert_uint_eq(house.store.series(), 0);
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 0);  // it was counted, and shown
  house.connect(1, 11);
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 1);
  house.list({{1, "shop", "web"}});
  house.settle();
  ck_assert_uint_eq(house.connect(1, 11), owner);
  CHECK_TEXT(house.page(), "shop/web=1 ");
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 1);
  ck_assert_uint_eq(house.workloads.partings(), 1);
}
END_TEST

// Whose name never comes is not of a namespace that was asked for.
START_TEST(never_named_with_a_filter) {
  House house;
  house.workloads.set_filter([](std::string_view ns) { return ns == "shop"; });
  house.connect(1, 11);
  house.connect(2, 21);
  house.settle(kStart + kMinute);
  CHECK_TEXT(house.page(), "");
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 0);
  house.list({{1, "shop", "web"}});
  house.settle(kStart + 2 * kMinute);
  CHECK_TEXT(house.page(), "shop/web=1 ");
  house.sweep_away(kStart + 3 * kMinute);
  CHECK_TEXT(house.page(), "");
  ck_assert_uint_eq(house.records(Workloads::kFiltered), 1);
  ck_assert_uint_eq(house.store.series(), 0);
}
END_TEST

START_TEST(a_pod_with_the_labels_of_the_bound) {
  House house;
  house.list({{1, "other", "other"}});
  house.connect(1, 11);
  CHECK_TEXT(house.page(), "other/other=1 ");
  house.sweep_away(kStart + kMinute);
  ck_assert(house.workloads.shown(Workloads::kOther));
  ck_assert_uint_eq(house.workloads.size(), 0);
}
END_TEST

// Pods come, are listed or not, are made again and go: at all times what was counted is on the
// page, waits for its name, was filtered, or has been removed.
START_TEST(nothing_is_lost) {
  House house;
  uint64_t removed = 0;
  house.changes.removed = [&](Workloads::Index index) {
    removed += house.records(index);
    house.store.remove(index);
  };
  std::mt19937 random(7);
  uint64_t now_ns = kStart, counted = 0;
  std::vector<Listed> all;
  for (size_t step = 1; step <= 20000; step++) {
    now_ns += 100 * kNsPerMs;
    if (step % 10 == 0) {
      all.push_back({step / 10, "ns-" + std::to_string(random() % 3),
                     "pod-" + std::to_string(random() % 40), random() % 5 != 0});
      if (all.size() > 60) all.erase(all.begin());
    }
    if (step % 50 == 0) {
      static Pod pod;
      house.pods.begin();
      for (const Listed& each : all) {
        if (each.pod % 7 == 0) continue;  // never listed
        pod.clear();
        pod.ns.assign(each.ns);
        pod.name.assign(each.name);
        pod.uid.assign(uid_of(each.pod));
        house.pods.add(pod, each.watched);
      }
      house.pods.commit(now_ns);
    }
    if (!all.empty()) {
      size_t pod = all[random() % all.size()].pod;
      house.connect(pod, pod * 4 + random() % 3, now_ns);
      counted++;
    }
    if (step % 20 == 0) house.settle(now_ns);
    if (step % 600 == 0) house.sweep(now_ns);
    if (step % 500 != 0) continue;
    (void)house.page();
    uint64_t held = 0;
    house.store.each_tcp([&](const TcpCounts& counts) { held += counts.records; });
    ck_assert_uint_eq(held + removed, counted);
    ck_assert_uint_eq(house.records(Workloads::kLate), 0);
  }
  ck_assert_uint_gt(removed, 0);
  ck_assert_uint_gt(house.records(Workloads::kFiltered), 0);
  house.sweep_away(now_ns + kMinute);
  ck_assert_uint_eq(house.workloads.size(), 0);
  ck_assert_uint_eq(house.store.series(), 0);
  CHECK_TEXT(house.page(), "");
  ck_assert_uint_le(house.workloads.end(), 1000);
}
END_TEST

}  // namespace

CHECK_MAIN("workloads_of_pods", listed_before_its_first_event, counted_first_and_named_later,
           unknown_after_the_grace_and_named_still_later, without_a_table_nobody_waits,
           made_again_under_its_name, two_unknown_of_one_name, a_container_that_was_restarted,
           known_by_its_container, not_watched, watched_no_more_and_again,
           never_named_with_a_filter, a_pod_with_the_labels_of_the_bound, nothing_is_lost)
