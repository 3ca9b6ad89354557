#include "insight/actions.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "insight/owner.h"
#include "insight/shell.h"

namespace kubepulse {

namespace {

constexpr uint64_t kMib = 1 << 20;
constexpr double kRoomOverHighest = 1.25;
constexpr double kAfterKill = 1.5;
constexpr double kLimitTimesMax = 2;
constexpr double kAheadSeconds = 3600;
constexpr double kCpuLimitTimesMax = 4;

enum class Platform { kubernetes, systemd, docker, podman, other };

Platform platform_of(const Insight& insight) {
  if (insight.is_pod) return Platform::kubernetes;
  if (insight.ns == "systemd") return Platform::systemd;
  if (insight.ns == "docker") return Platform::docker;
  if (insight.ns == "podman") return Platform::podman;
  return Platform::other;
}

double evidence(const Insight& insight, std::string_view name) {
  const Evidence* found = insight.evidence.find(name);
  return found == nullptr ? 0 : found->value;
}

std::string mib(uint64_t bytes, const char* unit) {
  std::string text;
  append_number(text, bytes / kMib);
  return text + unit;
}

Command kubectl(const Insight& insight) {
  Command command("kubectl");
  command.option("--namespace=", insight.ns);
  return command;
}

std::string pod(const Insight& insight) {
  return "pod/" + insight.pod;
}

// "deployment/web"; "" where nobody is known.
std::string owner(const Insight& insight) {
  std::string kind = owner_kind_name(insight.owner_kind);
  return kind.empty() ? kind : kind + "/" + insight.owner;
}

// A change of its template makes all its pods anew.
bool rolls(Owner::Kind kind) {
  return kind == Owner::Kind::deployment || kind == Owner::Kind::stateful_set ||
         kind == Owner::Kind::daemon_set;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

// A scope, a slice or a mount cannot be begun again; a user's manager has all that the user runs.
bool restarts(std::string_view unit) {
  return ends_with(unit, ".service") && unit.substr(0, 5) != "user@";
}

// A merge by the container's name; a limit of 0 the API server would refuse beside a request.
std::string without_cpu_limit(std::string_view container) {
  std::string patch = R"({"spec":{"template":{"spec":{"containers":[{"name":)";
  append_json_string(patch, container);
  return patch + R"(,"resources":{"limits":{"cpu":null}}}]}}}})";
}

constexpr const char* kRolls = "Makes all its pods anew, one after the other";

class Actions {
 public:
  explicit Actions(const Insight& insight) : insight_(insight), platform_(platform_of(insight)) {}

  std::vector<Action> take() {
    switch (insight_.type) {
      case InsightType::oom_predicted:
        raise_limit();
        restart();
        break;
      case InsightType::oom_killed:
        raise_limit();
        // Where one of its processes was killed, and not its first, it goes on in the same life.
        look_at_log(evidence(insight_, "restarts") > 0);
        break;
      case InsightType::memory_leak:
        restart();
        look_at_log(false);
        break;
      case InsightType::crash_loop:
        look_at_log(true);
        describe();
        undo();
        break;
      case InsightType::pod_pending:
      case InsightType::image_pull:
        describe();
        look_at_events();
        if (insight_.type == InsightType::image_pull) undo();
        break;
      case InsightType::pod_not_ready:
        describe();
        look_at_log(false);
        break;
      case InsightType::cpu_throttled:
        raise_cpu_limit();
        break;
      case InsightType::dns_failing:
        look_at_dns();
        break;
      case InsightType::dns_search_amplification:
        set_ndots();
        break;
      case InsightType::connect_failing:
        look_at_peer();
        look_at_log(false);
        break;
      case InsightType::retransmitting:
        look_at_sockets();
        break;
      case InsightType::accept_queue_overflow:
        add_replicas();
        look_at_log(false);
        break;
      case InsightType::node_pressure:
        look_at_node();
        break;
      case InsightType::filesystem_filling:
        look_at_filesystem();
        break;
      case InsightType::systemic:
        add("Look at what these pods share: a node, an image, a dependency", "", Risk::none,
            "Tells nothing by itself");
        break;
    }
    return std::move(actions_);
  }

 private:
  void add(const char* what, std::string command, Risk risk, const char* effect) {
    if (actions_.size() < kActionsMax) actions_.push_back({what, std::move(command), risk, effect});
  }

  // A container has to be named: without a name kubectl takes all of them. What a ReplicaSet's or a
  // Job's template says is for pods that are not made yet.
  bool can_set_resources() const {
    return platform_ == Platform::kubernetes && rolls(insight_.owner_kind) &&
           !insight_.container.empty();
  }

  void raise_limit() {
    uint64_t limit = suggested_memory_limit(insight_);
    if (limit == 0) return;
    constexpr const char* kWhat = "Raise the memory limit to what was seen and some more";
    if (platform_ == Platform::systemd) {
      add(kWhat,
          Command("systemctl")
              .word("set-property")
              .word("--")
              .word(insight_.pod)
              .option("MemoryMax=", mib(limit, "M"))
              .text(),
          Risk::low,
          "Holds at once, for a service over restarts, too; nothing is restarted. A unit of a "
          "user's manager is found with --user alone");
    } else if (platform_ == Platform::docker || platform_ == Platform::podman) {
      std::string size = mib(limit, "m");
      add(kWhat,
          Command(platform_ == Platform::docker ? "docker" : "podman")
              .word("update")
              .option("--memory=", size)
              .option("--memory-swap=", size)
              .word("--")
              .word(insight_.pod)
              .text(),
          Risk::low, "Holds at once; nothing is restarted. It has no swap any more");
    } else if (can_set_resources()) {
      add(kWhat,
          kubectl(insight_)
              .word("set")
              .word("resources")
              .word(owner(insight_))
              .option("--containers=", insight_.container)
              .option("--limits=memory=", mib(limit, "Mi"))
              .text(),
          Risk::medium, kRolls);
    } else {
      add(kWhat, "", Risk::medium, "Whoever makes this container has to be told");
    }
  }

  void restart() {
    constexpr const char* kWhat = "Restart it before the kernel does, if it leaks";
    if (platform_ == Platform::systemd) {
      if (!restarts(insight_.pod)) return;
      add(kWhat, Command("systemctl").word("restart").word("--").word(insight_.pod).text(),
          Risk::medium,
          "Stops and starts the unit; memory begins anew. A unit of a user's manager is found with "
          "--user alone");
    } else if (platform_ == Platform::docker || platform_ == Platform::podman) {
      add(kWhat,
          Command(platform_ == Platform::docker ? "docker" : "podman")
              .word("restart")
              .word("--")
              .word(insight_.pod)
              .text(),
          Risk::medium, "Stops and starts the container; memory begins anew");
    } else if (platform_ == Platform::kubernetes && rolls(insight_.owner_kind)) {
      add(kWhat, kubectl(insight_).word("rollout").word("restart").word(owner(insight_)).text(),
          Risk::medium, kRolls);
    } else if (platform_ == Platform::kubernetes &&
               insight_.owner_kind == Owner::Kind::replica_set) {
      add(kWhat, kubectl(insight_).word("delete").word(pod(insight_)).text(), Risk::medium,
          "Ends the pod; its ReplicaSet makes another one");
    }
  }

  void undo() {
    if (platform_ != Platform::kubernetes || !rolls(insight_.owner_kind)) return;
    add("Go back to the revision before, if this one has brought it",
        kubectl(insight_).word("rollout").word("undo").word(owner(insight_)).text(), Risk::medium,
        "Makes all its pods anew, as they were before the last change");
  }

  void look_at_log(bool last_life) {
    const char* what = last_life ? "Read what it said before it ended" : "Read what it says";
    if (platform_ == Platform::systemd) {
      add(what, Command("journalctl").option("--unit=", insight_.pod).word("--lines=100").text(),
          Risk::none, "Only reads; of a unit of a user's manager, with --user-unit for --unit");
    } else if (platform_ == Platform::docker || platform_ == Platform::podman) {
      add(what,
          Command(platform_ == Platform::docker ? "docker" : "podman")
              .word("logs")
              .word("--tail=100")
              .word("--")
              .word(insight_.pod)
              .text(),
          Risk::none, "Only reads");
    } else if (platform_ == Platform::kubernetes) {
      Command command = kubectl(insight_);
      command.word("logs").word(pod(insight_)).word("--tail=100");
      if (!insight_.container.empty()) command.option("--container=", insight_.container);
      if (last_life) command.word("--previous");
      add(what, command.text(), Risk::none, "Only reads");
    }
  }

  void describe() {
    if (platform_ != Platform::kubernetes) return;
    add("See what the kubelet and the scheduler say of it",
        kubectl(insight_).word("describe").word(pod(insight_)).text(), Risk::none, "Only reads");
  }

  void look_at_events() {
    if (platform_ != Platform::kubernetes) return;
    add("See its events",
        kubectl(insight_)
            .word("get")
            .word("events")
            .option("--field-selector=involvedObject.name=", insight_.pod)
            .text(),
        Risk::none, "Only reads");
  }

  void raise_cpu_limit() {
    constexpr const char* kWhat = "Raise its CPU limit, or let it go";
    if (platform_ == Platform::systemd)
      add(kWhat,
          Command("systemctl")
              .word("set-property")
              .word("--")
              .word(insight_.pod)
              .word("CPUQuota=")
              .text(),
          Risk::low,
          "Lets the limit go at once; others on this machine may wait longer. A unit of a user's "
          "manager is found with --user alone");
    else if (!can_set_resources())
      add(kWhat, "", Risk::medium, "Whoever makes this container has to be told");
    else if (uint64_t limit = suggested_cpu_limit(insight_); limit != 0)
      add(kWhat,
          kubectl(insight_)
              .word("set")
              .word("resources")
              .word(owner(insight_))
              .option("--containers=", insight_.container)
              .option("--limits=cpu=", std::to_string(limit) + "m")
              .text(),
          Risk::medium, kRolls);
    else
      add(kWhat,
          kubectl(insight_)
              .word("patch")
              .word(owner(insight_))
              .option("--patch=", without_cpu_limit(insight_.container))
              .text(),
          Risk::medium, "Lets the limit go, and makes all its pods anew, one after the other");
  }

  void look_at_dns() {
    if (platform_ == Platform::kubernetes) {
      add("See whether the cluster's DNS is well",
          "kubectl --namespace=kube-system get pods --selector=k8s-app=kube-dns --output=wide",
          Risk::none, "Only reads");
      add("See what it is told to ask",
          kubectl(insight_)
              .word("exec")
              .word(pod(insight_))
              .word("--")
              .word("cat")
              .word("/etc/resolv.conf")
              .text(),
          Risk::none, "Runs cat in the container");
    } else {
      add("See whether the resolver is well", "resolvectl statistics", Risk::none, "Only reads");
    }
  }

  void set_ndots() {
    constexpr const char* kWhat =
        "Ask for names as they are first (ndots:1), or end outside names with a dot";
    std::string command;
    if (platform_ == Platform::kubernetes && rolls(insight_.owner_kind))
      command = kubectl(insight_)
                    .word("patch")
                    .word(owner(insight_))
                    .option("--patch=", R"({"spec":{"template":{"spec":{"dnsConfig":{"options":[)"
                                        R"({"name":"ndots","value":"1"}]}}}}})")
                    .text();
    add(kWhat, command, Risk::medium,
        "Makes all its pods anew, one after the other; names such as redis.shop need the search "
        "list still, and get it last");
  }

  void look_at_peer() {
    if (insight_.peer.empty() || insight_.peer_ns.empty()) return;
    add("See whether whom it calls is there",
        Command("kubectl")
            .option("--namespace=", insight_.peer_ns)
            .word("get")
            .word("pods,services,endpointslices")
            .text(),
        Risk::none, "Only reads");
  }

  void look_at_sockets() {
    auto look = [this](Command command, const char* effect) {
      for (std::string_view word : {"--tcp", "--info", "--numeric", "state", "established"})
        command.word(word);
      add("See which connections", command.text(), Risk::none, effect);
    };
    constexpr const char* kInside = "Runs ss in the container, whose image has to have it";
    if (platform_ == Platform::kubernetes)
      look(kubectl(insight_).word("exec").word(pod(insight_)).word("--").word("ss"), kInside);
    else if (platform_ == Platform::docker || platform_ == Platform::podman)
      look(Command(platform_ == Platform::docker ? "docker" : "podman")
               .word("exec")
               .word("--")
               .word(insight_.pod)
               .word("ss"),
           kInside);
    else
      look(Command("ss"), "Only reads; shows those in the network namespace that it runs in");
  }

  void add_replicas() {
    bool scales = insight_.owner_kind == Owner::Kind::deployment ||
                  insight_.owner_kind == Owner::Kind::stateful_set;
    if (platform_ != Platform::kubernetes || !scales) {
      add("Have it accept faster, or with a longer queue (listen(2), net.core.somaxconn)", "",
          Risk::none, "It is its own program that does not accept");
      return;
    }
    add("See how many there are, and whether more would help",
        kubectl(insight_).word("get").word(owner(insight_)).word("--output=wide").text(),
        Risk::none, "Only reads");
  }

  void look_at_node() {
    if (insight_.object == "disk" || insight_.object == "inodes")
      add("See what takes the room", "du --one-file-system --human-readable --max-depth=2 /var",
          Risk::none, "Reads much of the disk");
    else if (insight_.object == "pids")
      add("See who has them", "systemd-cgtop --order=tasks --iterations=1", Risk::none,
          "Only reads");
    else
      add("See who needs it", "systemd-cgtop --iterations=2", Risk::none, "Only reads");
  }

  void look_at_filesystem() {
    if (platform_ == Platform::kubernetes && !insight_.pod.empty()) {
      Command command = kubectl(insight_);
      command.word("exec").word(pod(insight_));
      if (!insight_.container.empty()) command.option("--container=", insight_.container);
      command.word("--").word("du").word("-xk").word("--").word(insight_.object);
      add("See what takes the room", command.text(), Risk::none, "Runs du in the container");
      return;
    }
    add("See what takes the room",
        Command("du").word("-xk").word("--").word(insight_.object).text(), Risk::none,
        "Reads much of the disk");
  }

  const Insight& insight_;
  Platform platform_;
  std::vector<Action> actions_;
};

}  // namespace

const char* risk_name(Risk risk) {
  static constexpr const char* kNames[] = {"none", "low", "medium", "high"};
  return kNames[static_cast<size_t>(risk)];
}

uint64_t suggested_memory_limit(const Insight& insight) {
  double highest = std::max(evidence(insight, "highest"), evidence(insight, "working_set"));
  double limit = evidence(insight, "memory_limit");
  if (highest <= 0 || limit <= 0) return 0;
  double wanted = highest * kRoomOverHighest;
  if (insight.type == InsightType::oom_killed) wanted = std::max(wanted, limit * kAfterKill);
  double growth = evidence(insight, "growth");
  wanted = std::max(wanted, evidence(insight, "working_set") + growth * kAheadSeconds);
  wanted = std::clamp(wanted, limit * kRoomOverHighest, limit * kLimitTimesMax);
  // Up to a sixteenth more, in powers of two, so that it reads well: 320, 336, 1,088 MiB.
  auto mebibytes = static_cast<uint64_t>(std::ceil(wanted / kMib));
  uint64_t step = 1;
  while (step * 32 <= mebibytes)
    step *= 2;
  return (mebibytes + step - 1) / step * step * kMib;
}

uint64_t suggested_cpu_limit(const Insight& insight) {
  double limit = evidence(insight, "cpu_limit");
  double ran = 1 - evidence(insight, "throttled");
  if (limit <= 0) return 0;
  double wanted = limit * kCpuLimitTimesMax;
  if (ran > 0) wanted = std::min(wanted, evidence(insight, "cpus_used") / ran * kRoomOverHighest);
  wanted = std::max(wanted, limit * kRoomOverHighest) * 1000;
  // Two digits are enough.
  uint64_t step = 1;
  while (wanted > static_cast<double>(step * 100))
    step *= 10;
  return static_cast<uint64_t>(std::ceil(wanted / static_cast<double>(step))) * step;
}

std::vector<Action> actions_for(const Insight& insight) {
  return Actions(insight).take();
}

}  // namespace kubepulse
