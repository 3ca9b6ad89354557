#include "insight/insight_table.h"

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

Finding finding(InsightType type, std::string_view pod, std::string_view container = "app") {
  Finding found{type};
  found.subject = {"shop", pod, container, true, {}};
  return found;
}

// Ticks of ten seconds; what each has changed, as "+type pod" and "-type pod".
class Ticks {
 public:
  std::string tick(std::initializer_list<Finding> findings, size_t pods = 5) {
    now_ns_ += 10 * kNsPerSecond;
    table.begin(now_ns_);
    for (const Finding& each : findings)
      table.take(each);
    table.end({"", "", "", false, {}}, pods);
    return changes();
  }
  std::string changes() const {
    std::string out;
    table.each_change([&](const Insight& insight, bool raised) {
      if (!out.empty()) out += ", ";
      out += raised ? "+" : "-";
      out += insight_type_name(insight.type);
      out += " " + (insight.pod.empty() ? insight.object : insight.pod);
    });
    return out;
  }
  size_t active() const {
    size_t count = 0;
    table.each([&](const Insight&) { count++; });
    return count;
  }
  const Insight& only() const {
    const Insight* found = nullptr;
    table.each([&](const Insight& insight) { found = &insight; });
    ck_assert_uint_eq(active(), 1);
    return *found;
  }
  const Insight* of(InsightType type) const {
    const Insight* found = nullptr;
    table.each([&](const Insight& insight) {
      if (insight.type == type) found = &insight;
    });
    return found;
  }
  uint64_t now_ns() const { return now_ns_; }

  InsightTable table;

 private:
  uint64_t now_ns_ = 1000 * kNsPerSecond;
};

START_TEST(once_while_it_holds) {
  Ticks ticks;
  Finding kill = finding(InsightType::oom_killed, "web");
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({kill}), "+oom_killed web");
  ck_assert(ticks.table.holds(InsightType::oom_killed, kill.subject));
  for (int i = 0; i < 5; i++)
    CHECK_TEXT(ticks.tick({kill}), "");
  CHECK_TEXT(ticks.tick({}), "-oom_killed web");
  ck_assert(!ticks.table.holds(InsightType::oom_killed, kill.subject));
  CHECK_TEXT(ticks.tick({}), "");
  ck_assert_uint_eq(ticks.active(), 0);
  CHECK_TEXT(ticks.tick({kill}), "+oom_killed web");
}
END_TEST

START_TEST(twice_before_it_is_reported) {
  Ticks ticks;
  Finding oom = finding(InsightType::oom_predicted, "web");
  CHECK_TEXT(ticks.tick({oom}), "");
  uint64_t since_ns = ticks.now_ns();
  ck_assert_uint_eq(ticks.active(), 0);
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({oom}), "");
  CHECK_TEXT(ticks.tick({oom}), "+oom_predicted web");
  ck_assert_uint_eq(ticks.only().since_ns, since_ns + 20 * kNsPerSecond);
  // Two ticks without it are none.
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({oom}), "");
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({}), "");
  CHECK_TEXT(ticks.tick({}), "-oom_predicted web");
  oom.urgent = true;
  CHECK_TEXT(ticks.tick({oom}), "+oom_predicted web");
}
END_TEST

START_TEST(pending_for_minutes) {
  Ticks ticks;
  Finding pending = finding(InsightType::pod_pending, "web", "");
  for (int i = 0; i < 12; i++)
    CHECK_TEXT(ticks.tick({pending}), "");
  CHECK_TEXT(ticks.tick({pending}), "+pod_pending web");
  CHECK_TEXT(ticks.tick({}), "-pod_pending web");
}
END_TEST

START_TEST(ids) {
  Ticks ticks, others;
  Finding kill = finding(InsightType::oom_killed, "web");
  ticks.tick({kill});
  uint64_t id = ticks.only().id;
  // Fixed for good: who has stored it finds it again.
  ck_assert_uint_eq(id, 0x6315ce9d2979b81c);
  ck_assert_ptr_eq(ticks.table.find(id), &ticks.only());
  kill.evidence.add("oom_kills", 3, Unit::count);
  kill.severity = Severity::critical;
  kill.reason = "again";
  others.tick({});
  others.tick({kill});
  ck_assert_uint_eq(others.only().id, id);
  // Whatever tells two apart.
  Finding other_container = finding(InsightType::oom_killed, "web", "sidecar");
  Finding other_pod = finding(InsightType::oom_killed, "web2", "");
  Finding moved = finding(InsightType::oom_killed, "we", "bapp");
  Finding disk = finding(InsightType::filesystem_filling, "web");
  disk.object = "/a";
  Finding other_disk = disk;
  other_disk.object = "/b";
  others.tick({other_container, other_pod, moved, kill});
  others.tick({other_container, other_pod, moved, kill, disk, other_disk});
  others.tick({other_container, other_pod, moved, kill, disk, other_disk});
  others.tick({other_container, other_pod, moved, kill, disk, other_disk});
  ck_assert_uint_eq(others.active(), 6);
}
END_TEST

START_TEST(what_is_told) {
  Ticks ticks;
  std::string pod = "web", reason = "refused", name = "web-rs";
  Finding found = finding(InsightType::connect_failing, pod, "");
  found.reason = reason;
  found.peer_ns = found.peer = reason;
  found.subject.owner = {Owner::Kind::deployment, name};
  found.evidence.add("failures", 20, Unit::count);
  ticks.tick({found});
  pod = reason = name = "gone";
  ticks.table.each([&](const Insight& insight) {
    CHECK_TEXT(insight.pod, "web");
    CHECK_TEXT(insight.reason, "refused");
    CHECK_TEXT(insight.owner, "web-rs");
    ck_assert_double_eq(insight.evidence.find("failures")->value, 20);
  });
  // The newest numbers, the worst severity.
  pod = "web";
  found = finding(InsightType::connect_failing, pod, "");
  found.severity = Severity::critical;
  found.evidence.add("failures", 30, Unit::count);
  CHECK_TEXT(ticks.tick({found}), "");
  found.severity = Severity::warning;
  CHECK_TEXT(ticks.tick({found}), "");
  ck_assert(ticks.only().severity == Severity::critical);
  ck_assert_double_eq(ticks.only().evidence.find("failures")->value, 30);
  ck_assert_uint_eq(ticks.table.count(InsightType::connect_failing, Severity::critical), 1);
  ck_assert_uint_eq(ticks.table.count(InsightType::connect_failing, Severity::warning), 0);
}
END_TEST

START_TEST(causes) {
  Ticks ticks;
  Finding kill = finding(InsightType::oom_killed, "web");
  Finding loop = finding(InsightType::crash_loop, "web");
  Finding other = finding(InsightType::crash_loop, "web", "sidecar");
  ticks.tick({loop, kill, other});
  uint64_t kill_id = ticks.of(InsightType::oom_killed)->id;
  ticks.table.each([&](const Insight& insight) {
    bool explained = insight.type == InsightType::crash_loop && insight.container == "app";
    ck_assert_uint_eq(insight.cause, explained ? kill_id : 0);
  });
  // A cause that is over explains nothing any more.
  ticks.tick({loop});
  ck_assert_uint_eq(ticks.of(InsightType::crash_loop)->cause, 0);
}
END_TEST

START_TEST(causes_at_the_peer) {
  Ticks ticks;
  Finding failing = finding(InsightType::connect_failing, "web", "");
  failing.peer_ns = "shop";
  failing.peer = "db";
  Finding loop = finding(InsightType::crash_loop, "db", "db");
  ticks.tick({failing, loop});
  ck_assert_uint_eq(ticks.of(InsightType::connect_failing)->cause,
                    ticks.of(InsightType::crash_loop)->id);
  failing.peer = "other";
  ticks.tick({failing, loop});
  ck_assert_uint_eq(ticks.of(InsightType::connect_failing)->cause, 0);
}
END_TEST

START_TEST(many_pods) {
  Ticks ticks;
  std::vector<std::string> names{"a", "b", "c"};
  Finding one = finding(InsightType::dns_failing, "a"),
          two = finding(InsightType::dns_failing, "b");
  Finding again = finding(InsightType::dns_failing, "b", "other");
  Finding three = finding(InsightType::dns_failing, "c");
  // Two of ten are no more than a fifth, two of nine too few to say, one pod twice is one.
  CHECK_TEXT(ticks.tick({one}, 10), "+dns_failing a");
  CHECK_TEXT(ticks.tick({one, two, again}, 10), "+dns_failing b, +dns_failing b");
  CHECK_TEXT(ticks.tick({one, two, again}, 9), "");
  CHECK_TEXT(ticks.tick({one, two, three}, 10), "+dns_failing c, +systemic dns_failing");
  const Insight* systemic = ticks.of(InsightType::systemic);
  ck_assert_double_eq(systemic->evidence.find("affected")->value, 3);
  ck_assert(systemic->severity == Severity::critical);
  ck_assert_uint_eq(ticks.table.count(InsightType::systemic, Severity::critical), 1);
  for (int i = 0; i < 12; i++)
    ticks.tick({one, two, three}, 10);
  ck_assert_ptr_nonnull(ticks.of(InsightType::systemic));
  std::string changes;
  for (int i = 0; i < 12; i++)
    changes += ticks.tick({one}, 10);
  CHECK_TEXT(changes, "-dns_failing b, -dns_failing c-systemic dns_failing");
}
END_TEST

START_TEST(bounded) {
  Ticks ticks;
  std::vector<std::string> pods;
  for (int i = 0; i < 1500; i++)
    pods.push_back("pod-" + std::to_string(i));
  for (int round = 0; round < 3; round++) {
    ticks.table.begin(ticks.now_ns() + round);
    for (const std::string& pod : pods)
      ticks.table.take(finding(InsightType::oom_killed, pod));
    ticks.table.end({}, 9);
    ck_assert_uint_eq(ticks.active(), InsightTable::kInsightsMax);
    ck_assert_uint_eq(ticks.table.overflow(), (round + 1) * (1500 - InsightTable::kInsightsMax));
  }
  ticks.tick({});
  CHECK_TEXT(ticks.tick({}), "");
  ck_assert_uint_eq(ticks.active(), 0);
  // And there is room again; texts are cut.
  std::string longest(1000, 'x');
  ticks.tick({finding(InsightType::oom_killed, longest)});
  ck_assert_uint_eq(ticks.only().pod.size(), InsightTable::kTextBytesMax);
}
END_TEST

}  // namespace

CHECK_MAIN("insight_table", once_while_it_holds, twice_before_it_is_reported, pending_for_minutes,
           ids, what_is_told, causes, causes_at_the_peer, many_pods, bounded)
