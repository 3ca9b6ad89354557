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

START_TEST(of_a_deployment) {
  CHECK_TEXT(commands(made_oom(InsightType::oom_predicted)),
             "medium: kubectl --namespace=shop set resources deployment/web --containers=app "
             "--limits=memory=1024Mi\n"
             "medium: kubectl --namespace=shop rollout restart deployment/web\n");
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
  // A namespace of Kubernetes may have any name.
  Insight named = made_oom(InsightType::oom_predicted);
  named.ns = "systemd";
  CHECK_TEXT(commands(named).substr(0, 36), "medium: kubectl --namespace=systemd ");
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
  insight.pod = "--now";
  CHECK_TEXT(commands(insight),
             "medium: systemctl restart -- --now\nnone: journalctl --unit=--now --lines=100\n");
  insight.pod = "a\nreboot";
  CHECK_TEXT(commands(insight), "medium: -\nnone: -\n");
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

CHECK_MAIN("actions", limits, of_a_deployment, of_others, of_units_and_containers, hostile_names,
           each_type)
