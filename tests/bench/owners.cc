// What it costs to learn whose an event is, over real cgroups that are made for it.
//   owners FOLDER PODS      FOLDER: below the mount of cgroup2, made here and removed again
// Prints "cached NS, new NS (path NS, parse NS), told NS, by pid NS": a lookup of a cgroup that was
// seen before; of one that was not, by its id, and what its path and its parsing are of that; of
// one whose birth was told, the telling included; and, to compare, the path of a process from its
// /proc/PID/cgroup. The best of 7 runs.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "identity/cgroup_path.h"
#include "identity/cgroup_tree.h"
#include "identity/pod_table.h"
#include "identity/workloads.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr int kRuns = 7;
constexpr size_t kEvents = 2000000;
constexpr size_t kContainersOfPod = 2;

struct Cgroup {
  std::string path;  // below the mount
  uint64_t id = 0;
};

// All of them, as a kubelet's list would.
void list_pods(const std::vector<Cgroup>& cgroups, PodTable& pods) {
  auto pod = std::make_unique<Pod>();
  pods.begin();
  for (size_t i = 0; i < cgroups.size(); i++) {
    CgroupOwner owner = owner_of_path(cgroups[i].path);
    if (i % kContainersOfPod == 0) pod->clear();
    pod->ns.assign("shop");
    pod->name.assign("web-" + std::to_string(i / kContainersOfPod));
    pod->uid.assign(owner.pod_uid);
    if (PodContainer* container = pod->container("c" + std::to_string(i % kContainersOfPod)))
      container->id.assign(owner.container_id);
    if (i % kContainersOfPod == kContainersOfPod - 1) pods.add(*pod);
  }
  pods.commit(monotonic_ns());
}

// Keeps what is measured from being optimised away.
uint64_t sum = 0;

std::string hex(std::mt19937_64& random, size_t digits) {
  std::string text;
  while (text.size() < digits) {
    char sixteen[17];
    snprintf(sixteen, sizeof sixteen, "%016llx", static_cast<unsigned long long>(random()));
    text += sixteen;
  }
  return text.substr(0, digits);
}

// The folders of a node as kubelet and containerd make them with the driver systemd, parents first.
std::vector<std::string> folders_of(const std::string& top, size_t pods,
                                    std::vector<std::string>& containers) {
  std::mt19937_64 random(1);
  std::string burstable = top + "/kubepods.slice/kubepods-burstable.slice";
  std::vector<std::string> folders{top, top + "/kubepods.slice", burstable};
  for (size_t i = 0; i < pods; i++) {
    std::string uid = hex(random, 8) + "_" + hex(random, 4) + "_" + hex(random, 4) + "_" +
                      hex(random, 4) + "_" + hex(random, 12);
    std::string pod = burstable;
    pod.append("/kubepods-burstable-pod").append(uid).append(".slice");
    folders.push_back(pod);
    for (size_t j = 0; j < kContainersOfPod; j++) {
      containers.push_back(pod + "/cri-containerd-" + hex(random, 64) + ".scope");
      folders.push_back(containers.back());
    }
  }
  return folders;
}

// Nanoseconds of `work` for each of `times`, the best of kRuns.
template <typename Work>
double best_ns(size_t times, Work&& work) {
  uint64_t best = UINT64_MAX;
  for (int run = 0; run < kRuns; run++) {
    uint64_t begun_ns = monotonic_ns();
    work();
    best = std::min(best, monotonic_ns() - begun_ns);
  }
  return static_cast<double>(best) / static_cast<double>(times);
}

void measure(CgroupTree& tree, const std::vector<Cgroup>& cgroups) {
  uint64_t now_ns = monotonic_ns();
  PodTable pods;
  list_pods(cgroups, pods);
  CgroupPaths paths;
  paths.set_tree(&tree);
  Workloads known(paths);
  known.set_pods(&pods);
  for (const Cgroup& cgroup : cgroups)
    known.of(cgroup.id, 0, now_ns);
  // Events come in no order of their owners.
  std::mt19937_64 random(2);
  std::vector<uint64_t> events(kEvents);
  for (uint64_t& event : events)
    event = cgroups[random() % cgroups.size()].id;
  double cached = best_ns(kEvents, [&] {
    for (uint64_t event : events)
      sum += known.index(known.of(event, 0, now_ns));
  });
  double fresh = best_ns(cgroups.size(), [&] {
    CgroupPaths own_paths;
    own_paths.set_tree(&tree);
    Workloads workloads(own_paths);
    workloads.set_pods(&pods);
    for (const Cgroup& cgroup : cgroups)
      sum += workloads.of(cgroup.id, 0, now_ns);
  });
  double path = best_ns(cgroups.size(), [&] {
    for (const Cgroup& cgroup : cgroups)
      sum += tree.path_of(cgroup.id, now_ns).size();
  });
  double parse = best_ns(cgroups.size(), [&] {
    for (const Cgroup& cgroup : cgroups)
      sum += owner_of_path(cgroup.path).name.size();
  });
  double told = best_ns(cgroups.size(), [&] {
    CgroupPaths own_paths;
    own_paths.set_tree(&tree);
    Workloads workloads(own_paths);
    workloads.set_pods(&pods);
    for (const Cgroup& cgroup : cgroups) {
      own_paths.born(cgroup.id, cgroup.path);
      workloads.born(cgroup.path);
      sum += workloads.of(cgroup.id, 0, now_ns);
    }
  });
  auto own_pid = static_cast<uint32_t>(getpid());
  double by_pid = best_ns(cgroups.size(), [&] {
    for (size_t i = 0; i < cgroups.size(); i++)
      sum += tree.path_of_pid(own_pid).size();
  });
  printf("cached %.1f, new %.0f (path %.0f, parse %.0f), told %.0f, by pid %.0f\n", cached, fresh,
         path, parse, told, by_pid);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  Result<CgroupTree> tree = CgroupTree::open();
  if (!tree.ok()) {
    fprintf(stderr, "%s\n", tree.status().message().c_str());
    return 1;
  }
  std::string top = arguments[1];
  const std::string& point = tree.value().mounts().unified;
  if (top.compare(0, point.size() + 1, point + "/") != 0) {
    fprintf(stderr, "%s is not below %s\n", top.c_str(), point.c_str());
    return 2;
  }
  std::vector<std::string> containers;
  std::vector<std::string> folders =
      folders_of(top, static_cast<size_t>(atoi(arguments[2])), containers);
  size_t made = 0;
  while (made < folders.size() && mkdir(folders[made].c_str(), 0755) == 0)
    made++;
  std::vector<Cgroup> cgroups;
  for (const std::string& container : containers) {
    std::string path = container.substr(point.size());
    uint64_t id = tree.value().id_of_path(path);
    if (id != 0) cgroups.push_back({path, id});
  }
  bool whole = !cgroups.empty() && cgroups.size() == containers.size();
  if (whole)
    measure(tree.value(), cgroups);
  else
    perror(folders[std::min(made, folders.size() - 1)].c_str());
  while (made > 0)
    rmdir(folders[--made].c_str());
  return whole && sum > 0 ? 0 : 1;
}
