#include "containers.h"

#include "base/clock.h"
#include "base/log.h"
#include "groups.h"

namespace kubepulse {

namespace {

constexpr size_t kReadAtOnce = 64;  // cgroups, in some 10 ms

constexpr uint32_t kFilesOfInsights = kStatCpu | kStatMemory | kStatWorkingSet | kStatOomKills;

uint32_t files_of(uint32_t groups) {
  uint32_t files = 0;
  auto add = [&](uint32_t group, uint32_t kinds) {
    if ((groups & group) != 0) files |= kinds;
  };
  add(kGroupCpu, kStatCpu);
  add(kGroupMemory, kStatMemory | kStatWorkingSet);
  add(kGroupOom, kStatOomKills);
  add(kGroupDisk, kStatDisks);
  add(kGroupPageFaults, kStatMajorFaults);
  add(kGroupPressure, kStatPressure);
  return files;
}

size_t series_of_container(uint32_t groups) {
  constexpr uint32_t kOfPods =
      kGroupTcp | kGroupDns | kGroupInterfaces | kGroupDrops | kGroupPackets;
  SeriesOfPod series = series_of_pod(groups & ~(kOfPods | kGroupSyscalls), 0, 0);
  return series.values + series.histograms;
}

}  // namespace

Containers::Containers(uint32_t groups, CgroupPaths& paths, Workloads& pods, Store& store)
    : groups_(groups),
      files_(files_of(groups)),
      paths_(paths),
      census_([this](uint64_t cgroup) { gone(cgroup); }),
      workloads_(paths, Workloads::Grain::container),
      store_(store.budget(), series_of_container(groups)),
      changes_{[this](Workloads::Index from, Workloads::Index to) { store_.merge(from, to); },
               [this](Workloads::Index index) { store_.remove(index); }},
      recorder_(workloads_, store_,
                [this](uint32_t major, uint32_t minor) {
                  return std::string(disk_names_.name(major, minor, monotonic_ns()));
                }),
      pod_workloads_(pods),
      pod_store_(store) {}

void Containers::set_pods(const PodTable* pods) {
  pods_ = pods;
  workloads_.set_pods(pods);
}

Status Containers::open(Loop& loop, CgroupTree& tree) {
  census_.scan(tree);
  const CgroupMounts& mounts = tree.mounts();
  if ((groups_ & (kGroupInterfaces | kGroupFilesystems)) != 0)
    views_ = std::make_unique<ContainerViews>(
        loop, groups_, ContainerViews::Sinks{pod_workloads_, pod_store_, workloads_, store_},
        mounts);
  if (files_ == 0) return {};
  CgroupStatMounts controllers{mounts.unified, mounts.cpu, mounts.cpuacct, mounts.memory,
                               mounts.blkio};
  auto reader = CgroupStatReader::open(controllers);
  if (!reader.ok()) return std::move(reader.status());
  reader_ = std::make_unique<CgroupStatReader>(std::move(reader.value()));
  bool tells = !mounts.unified.empty() && mounts.memory.empty();  // v2 has the controller
  if ((files_ & kStatOomKills) == 0 || !tells) return {};
  oom_watch_ = std::make_unique<OomWatch>(loop, mounts.unified,
                                          [this](uint64_t cgroup) { read_oom_kills(cgroup); });
  if (Status status = oom_watch_->start(); !status.ok()) return status;
  census_.each([this](uint64_t cgroup, const std::string& path) {
    oom_watch_->add(cgroup, path);
    return true;
  });
  return {};
}

void Containers::born(uint64_t cgroup, std::string_view path) {
  if (!census_.born(cgroup, path) || oom_watch_ == nullptr) return;
  oom_watch_->add(cgroup, std::string(path));
}

// With what the cgroup had at its last look, if nothing can be read any more.
void Containers::read_oom_kills(uint64_t cgroup) {
  uint64_t now_ns = monotonic_ns();
  std::string path = paths_.path_of(cgroup, now_ns);
  if (path.empty() || !recorder_.wants(cgroup, path, now_ns)) return;
  CgroupStats stats;
  reader_->add(cgroup, path);
  if (reader_->read(cgroup, kStatOomKills, stats) == CgroupRead::done)
    recorder_.files(cgroup, path, stats, now_ns);
}

void Containers::gone(uint64_t cgroup) {
  if (reader_ != nullptr) reader_->remove(cgroup);
  if (oom_watch_ != nullptr) oom_watch_->remove(cgroup);
}

void Containers::gather(uint64_t now_ns, const std::function<void()>& between) {
  if (gathered_ns_ != 0 && now_ns - gathered_ns_ < kPauseNs) return;
  gathered_ns_ = looked_ns_ = now_ns;
  read_programs(now_ns);
  recorder_.begin();
  if (views_ != nullptr) views_->begin(ContainerViews::Look::all, now_ns);
  read_all(files_, true, now_ns, between);
  if (views_ != nullptr) views_->end();
}

void Containers::gather_for_insights(uint64_t now_ns, const std::function<void()>& between) {
  using Look = ContainerViews::Look;
  uint32_t files = files_ & kFilesOfInsights;
  Look look = views_ == nullptr ? Look::nothing : views_->due(now_ns);
  bool with_views = look != Look::nothing;
  if (files == 0 && !with_views) return;
  if (looked_ns_ != 0 && now_ns - looked_ns_ < kPauseNs) return;
  looked_ns_ = now_ns;
  if (!with_views) {
    recorder_.begin_gauges();
    return read_all(files, false, now_ns, between);
  }
  recorder_.begin();
  views_->begin(look, now_ns);
  read_all(files, true, now_ns, between);
  views_->end();
}

void Containers::read_all(uint32_t files, bool with_views, uint64_t now_ns,
                          const std::function<void()>& between) {
  size_t count = 0;
  census_.each([&](uint64_t cgroup, const std::string& path) {
    if (++count % kReadAtOnce == 0) between();
    if (!recorder_.wants(cgroup, path, now_ns)) {
      bool lives = paths_.lives(cgroup, now_ns);
      if (!lives) gone(cgroup);
      return lives;
    }
    if (with_views && views_ != nullptr) views_->look(cgroup, path);
    return read(cgroup, path, files, now_ns);
  });
}

void Containers::read_programs(uint64_t now_ns) {
  Status status;
  if (sched_ != nullptr)
    status = sched_->each([&](uint64_t cgroup, const sched_counts& counts) {
      recorder_.scheduler(cgroup, counts, now_ns);
    });
  if (status.ok() && syscalls_ != nullptr)
    status = syscalls_->each([&](uint64_t cgroup, size_t number, const syscall_counts& counts) {
      recorder_.syscall(cgroup, number, syscall_list_[number].name, counts, now_ns);
    });
  if (!status.ok()) log_warn("counts by cgroup cannot be read", {{"reason", status.message()}});
}

// False where it is gone. Its last values are those of the last look.
bool Containers::read(uint64_t cgroup, const std::string& path, uint32_t files, uint64_t now_ns) {
  if (reader_ == nullptr) return paths_.lives(cgroup, now_ns);
  CgroupStats stats;
  reader_->add(cgroup, path);
  if (oom_watch_ != nullptr) oom_watch_->add(cgroup, path);
  CgroupRead result = reader_->read(cgroup, files, stats);
  // The limits of those alone that they hold back: an open file costs the kernel memory.
  if (result == CgroupRead::done && stats.cpu_throttled_ns.value_or(0) > 0) {
    CgroupStats limit;
    if (reader_->read(cgroup, kStatCpuLimit, limit) == CgroupRead::done) {
      stats.cpu_quota_us = limit.cpu_quota_us;
      stats.cpu_period_us = limit.cpu_period_us;
    }
  }
  switch (result) {
    case CgroupRead::done:
      // They stand in the file of the working set.
      if ((files_ & kStatMajorFaults) == 0) stats.major_faults.reset();
      recorder_.files(cgroup, path, stats, now_ns);
      return true;
    case CgroupRead::absent:
      return true;
    case CgroupRead::gone:
      // In v1 it may be in other hierarchies than those with files.
      if (paths_.lives(cgroup, now_ns)) return true;
      gone(cgroup);
      return false;
    case CgroupRead::failed:
      return true;
  }
  return true;
}

void Containers::settle(uint64_t now_ns) {
  workloads_.settle(now_ns, changes_);
  if (pods_ != nullptr) recorder_.restarts(*pods_);
}

void Containers::sweep(uint64_t now_ns) {
  workloads_.sweep(now_ns, changes_, [this](uint64_t cgroup) {
    if (sched_ != nullptr) sched_->forget(cgroup);
    if (syscalls_ != nullptr) syscalls_->forget(cgroup);
    recorder_.forget(cgroup);
  });
}

}  // namespace kubepulse
