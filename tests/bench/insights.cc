// What a tick of the insights costs, once all windows are full.
//   insights CONTAINERS
// The node has half as many pods, and a filesystem for each container. Prints
// "quiet MEDIAN MAX us, all rising MEDIAN MAX us, memory N KiB": CPU time of a tick with nothing to
// tell, and with every container's memory on the rise, so that each has its forecast worked out in
// the last ticks; and what the engine holds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "insight/insights.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kLimit = 512 << 20;
constexpr int kTicks = 100;  // of which the last 60 count

struct Cost {
  double median_us, max_us;
};

class Node {
 public:
  explicit Node(size_t containers) : names_(containers) {
    for (size_t i = 0; i < containers; i++)
      names_[i] = "pod-" + std::to_string(i / 2);
  }

  Cost run(bool rising) {
    Insights insights;
    std::vector<double> times_us;
    for (int tick = 0; tick < kTicks; tick++) {
      uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
      look(insights, tick, rising);
      auto us = static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns) / 1000;
      if (tick >= kTicks - 60) times_us.push_back(us);
    }
    std::sort(times_us.begin(), times_us.end());
    return {times_us[times_us.size() / 2], times_us.back()};
  }

 private:
  void look(Insights& insights, int tick, bool rising) {
    uint64_t now_ns = static_cast<uint64_t>(1000 + tick * 10) * kNsPerSecond;
    insights.begin(now_ns);
    for (size_t i = 0; i < names_.size(); i++) {
      Subject subject{"shop", names_[i], i % 2 == 0 ? "app" : "sidecar", true, {}};
      uint64_t level = (200 << 20) + (random_() % 256) * 4096;
      uint64_t more = rising ? static_cast<uint64_t>(tick) * (3 << 20) : 0;
      ContainerFacts container;
      container.subject = subject;
      container.state = ContainerState::running;
      Insights::Memory memory{level + more, kLimit};
      insights.container(i + 1, container, &memory, {});
      FilesystemFacts filesystem;
      filesystem.subject = subject;
      filesystem.mountpoint = "/data";
      insights.filesystem(i + 1, filesystem, now_ns, level, kLimit);
      if (i % 2 != 0) continue;
      TrafficFacts traffic;
      traffic.subject = subject;
      insights.traffic(i + 1, traffic, {});
      PodFacts pod;
      pod.subject = subject;
      insights.pod(pod);
    }
    insights.node({}, {});
    insights.end({}, names_.size() / 2);
  }

  std::vector<std::string> names_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  size_t containers = argc > 1 ? strtoul(argv[1], nullptr, 10) : 250;
  Node node(containers);
  Cost quiet = node.run(false), rising = node.run(true);
  size_t bytes = containers * (sizeof(LevelHistory) * 2 + sizeof(ContainerWindow)) +
                 containers / 2 * sizeof(TrafficWindow);
  printf("quiet %.0f %.0f us, all rising %.0f %.0f us, memory %zu KiB\n", quiet.median_us,
         quiet.max_us, rising.median_us, rising.max_us, bytes >> 10);
  return 0;
}
