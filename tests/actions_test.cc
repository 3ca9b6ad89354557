#include "insight/actions.h"

#include "tests/check.h"
#include "tests/made_insight.h"

using namespace kubepulse;  // NOLINT

namespace {

// Each command with its risk; "-" where there is none.
std::string commands(const Insight& insight) {
  std::string out;
  for (const Action& action : actions_for(insight)) {
    ck_assert(*action.what != '\0' && *action.effect != '\0');
    out += std::string(risk_name(action.risk)) + ": ";
    out += action.command.empty() ? "-" : action.command;
    out += "\n";
  }
  return out;
}

Insight unit(InsightType type) {
  Insight insight = made_oom(type);
  insight.ns = "systemd";
  insight.pod = "nginx.service";
  insight.container = "";
  insight.is_pod = false;
  insight.owner_kind = Owner::Kind::none;
  insight.owner = "";
  return insight;
}

START_TEST(limits) {
  auto mib = [](InsightType type, double limit, double highest, double growth) {
    Insight insight = made_insight(type);
    insight.evidence.add("memory_limit", limit * (1 << 20), Unit::bytes);
    insight.evidence.add("working_set", highest * (1 << 20), Unit::bytes);
    insight.evidence.add("highest", highest * (1 << 20), Unit::bytes);
    insight.evidence.add("growth", growth * (1 << 20), Unit::bytes_per_second);
    return suggested_memory_limit(insight) >> 20;
  };
  // A quarter over the limit at least, over the highest otherwise; twice the limit at most.
  ck_assert_uint_eq(mib(InsightType::oom_predicted, 512, 300, 0), 640);
  ck_assert_uint_eq(mib(InsightType::oom_predicted, 512, 500, 0.05), 704);
  ck_assert_uint_eq(mib(InsightType::oom_predicted, 512, 500, 10), 1024);
  ck_assert_uint_eq(mib(InsightType::oom_killed, 512, 400, 0), 768);
  ck_assert_uint_eq(mib(InsightType::oom_killed, 16, 15, 0), 24);
  ck_assert_uint_eq(suggested_memory_limit(made_insight(InsightType::oom_killed)), 0);
}
END_TEST

START_TEST(cpu_limits) {
  auto millis = [](double limit, double used, double throttled) {
    Insight insight = made_insight(InsightType::cpu_throttled);
    insight.evidence.add("throttled", throttled, Unit::share);
    insight.evidence.add("cpus_used", used, Unit::count);
    if (limit > 0) insight.evidence.add("cpu_limit", limit, Unit::count);
    return suggested_cpu_limit(insight);
  };
  // What it wanted and a quarter more; in bursts, as much again of the old one; four times at most.
  ck_assert_uint_eq(millis(0.5, 0.4, 0.5), 1000);
  ck_assert_uint_eq(millis(0.5, 0.41, 0.5), 1100);
  ck_assert_uint_eq(millis(0.5, 0.1, 0.25), 630);
  ck_assert_uint_eq(millis(0.05, 0.04, 0.3), 72);
  ck_assert_uint_eq(millis(3, 2.9, 0.3), 5200);
  ck_assert_uint_eq(millis(0.5, 0.5, 0.9), 2000);
  ck_assert_uint_eq(millis(0.5, 0.5, 1), 2000);
  ck_assert_uint_eq(millis(0, 0.4, 0.5), 0);
}
END_TEST

START_TEST(of_a_deployment) {
  CHECK_TEXT(commands(made_oom(InsightType::oom_predicted)),
             "medium: kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=memory=1024Mi\n"
             "medium: kubectl --namespace=shop rollout restart deployment/web\n");
  Insight killed = made_oom(InsightType::oom_killed);
  CHECK_TEXT(commands(killed),
             "medium: kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=memory=1024Mi\n"
             "none: kubectl --namespace=shop logs pod/web-5d4f8c7b9-x2x4z --tail=100 "
             "--container=app\n");
  killed.evidence.add("restarts", 1, Unit::count);
  CHECK_TEXT(actions_for(killed)[1].command,
             "kubectl --namespace=shop logs pod/web-5d4f8c7b9-x2x4z --tail=100 --container=app "
             "--previous");
  Insight throttled = made_insight(InsightType::cpu_throttled);
  CHECK_TEXT(commands(throttled),
             "medium: kubectl --namespace=shop patch deployment/web --patch='{\"spec\":{"
             "\"template\":{\"spec\":{\"containers\":[{\"name\":\"app\",\"resources\":{"
             "\"limits\":{\"cpu\":null}}}]}}}}'\n");
  throttled.evidence.add("throttled", 0.5, Unit::share);
  throttled.evidence.add("cpus_used", 0.4, Unit::count);
  throttled.evidence.add("cpu_limit", 0.5, Unit::count);
  CHECK_TEXT(commands(throttled),
             "medium: kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=cpu=1000m\n");
  CHECK_TEXT(commands(made_insight(InsightType::retransmitting)),
             "none: kubectl --namespace=shop exec pod/web-5d4f8c7b9-x2x4z -- ss --tcp --info "
             "--numeric state established\n");
  CHECK_TEXT(commands(made_insight(InsightType::crash_loop)),
             "none: kubectl --namespace=shop logs pod/web-5d4f8c7b9-x2x4z --tail=100 "
             "--container=app --previous\n"
             "none: kubectl --namespace=shop describe pod/web-5d4f8c7b9-x2x4z\n"
             "medium: kubectl --namespace=shop rollout undo deployment/web\n");
  CHECK_TEXT(commands(made_insight(InsightType::dns_search_amplification)),
             "medium: kubectl --namespace=shop patch deployment/web "
             "--patch='{\"spec\":{\"template\":{\"spec\":{\"dnsConfig\":{\"options\":[{\"name\":"
             "\"ndots\",\"value\":\"1\"}]}}}}}'\n");
}
END_TEST

START_TEST(of_others) {
  Insight insight = made_oom(InsightType::oom_predicted);
  insight.owner_kind = Owner::Kind::replica_set;
  insight.owner = "web-5d4f8c7b9";
  CHECK_TEXT(commands(insight),
             "medium: -\nmedium: kubectl --namespace=shop delete pod/web-5d4f8c7b9-x2x4z\n");
  insight.owner_kind = Owner::Kind::stateful_set;
  insight.owner = "db";
  CHECK_TEXT(commands(insight),
             "medium: kubectl --namespace=shop set resources statefulset/db --containers=app "
             "--limits=memory=1024Mi\n"
             "medium: kubectl --namespace=shop rollout restart statefulset/db\n");
  // A pod on its own, a Job's: nobody makes it anew as it was; a pod whose container is not known.
  insight.owner_kind = Owner::Kind::job;
  CHECK_TEXT(commands(insight), "medium: -\n");
  insight.owner_kind = Owner::Kind::none;
  CHECK_TEXT(commands(insight), "medium: -\n");
  insight.owner_kind = Owner::Kind::deployment;
  insight.container = "";
  ck_assert(actions_for(insight)[0].command.empty());
}
END_TEST

START_TEST(of_units_and_containers) {
  CHECK_TEXT(commands(unit(InsightType::oom_predicted)),
             "low: systemctl set-property -- nginx.service MemoryMax=1024M\n"
             "medium: systemctl restart -- nginx.service\n");
  CHECK_TEXT(commands(unit(InsightType::cpu_throttled)),
             "low: systemctl set-property -- nginx.service CPUQuota=\n");
  CHECK_TEXT(commands(unit(InsightType::memory_leak)),
             "medium: systemctl restart -- nginx.service\n"
             "none: journalctl --unit=nginx.service --lines=100\n");
  Insight docker = unit(InsightType::oom_predicted);
  docker.ns = "docker";
  docker.pod = "0123456789ab";
  CHECK_TEXT(commands(docker),
             "low: docker update --memory=1024m --memory-swap=1024m -- 0123456789ab\n"
             "medium: docker restart -- 0123456789ab\n");
  docker.type = InsightType::retransmitting;
  CHECK_TEXT(commands(docker),
             "none: docker exec -- 0123456789ab ss --tcp --info --numeric state established\n");
  CHECK_TEXT(commands(unit(InsightType::retransmitting)),
             "none: ss --tcp --info --numeric state established\n");
  // A namespace of Kubernetes may have any name.
  Insight named = made_oom(InsightType::oom_predicted);
  named.ns = "systemd";
  CHECK_TEXT(commands(named).substr(0, 36), "medium: kubectl --namespace=systemd ");
}
END_TEST

// Nobody begins a scope again, and with a user's manager all would end that the user runs.
START_TEST(what_does_not_restart) {
  for (const char* name : {"session-3.scope", "system.slice", "var-lib.mount", "dbus.socket",
                           "user@1000.service", ".service"}) {
    Insight insight = unit(InsightType::oom_predicted);
    insight.pod = name;
    CHECK_TEXT(commands(insight),
               std::string("low: systemctl set-property -- ") + name + " MemoryMax=1024M\n");
    insight.type = InsightType::memory_leak;
    CHECK_TEXT(commands(insight),
               std::string("none: journalctl --unit=") + name + " --lines=100\n");
  }
}
END_TEST

// Whatever they are called, nothing but the one command is run, and its options are ours.
START_TEST(hostile_names) {
  Insight insight = made_oom(InsightType::oom_predicted);
  insight.ns = "a;reboot";
  insight.owner = "$(reboot)";
  insight.container = "it's";
  CHECK_TEXT(commands(insight),
             "medium: kubectl --namespace='a;reboot' set resources 'deployment/$(reboot)' "
             "--containers='it'\\''s' --limits=memory=1024Mi\n"
             "medium: kubectl --namespace='a;reboot' rollout restart 'deployment/$(reboot)'\n");
  insight = unit(InsightType::memory_leak);
  insight.pod = "--now.service";
  CHECK_TEXT(commands(insight),
             "medium: systemctl restart -- --now.service\n"
             "none: journalctl --unit=--now.service --lines=100\n");
  insight.pod = "a\nreboot.service";
  CHECK_TEXT(commands(insight), "medium: -\nnone: -\n");
  insight = made_insight(InsightType::cpu_throttled);
  insight.container = "a\"b'\n";
  CHECK_TEXT(
      commands(insight),
      "medium: kubectl --namespace=shop patch deployment/web --patch='{\"spec\":{"
      "\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\\\"b'\\''\\u000a\",\"resources\":{"
      "\"limits\":{\"cpu\":null}}}]}}}}'\n");
}
END_TEST

// Each type has something to say, of a pod and of a unit, and no action that takes something away.
START_TEST(each_type) {
  for (size_t i = 0; i < kInsightTypes; i++) {
    auto type = static_cast<InsightType>(i);
    for (Insight insight : {made_oom(type), unit(type)}) {
      insight.object = "/data";
      std::vector<Action> actions = actions_for(insight);
      ck_assert_uint_le(actions.size(), kActionsMax);
      bool only_kubernetes = origin_of(type) == Origin::kubernetes && !insight.is_pod;
      if (!only_kubernetes) ck_assert_msg(!actions.empty(), "%s", insight_type_name(type));
      for (const Action& action : actions)
        ck_assert(action.risk != Risk::high);
    }
  }
}
END_TEST

}  // namespace

CHECK_MAIN("actions", limits, cpu_limits, of_a_deployment, of_others, of_units_and_containers,
           what_does_not_restart, hostile_names, each_type)
