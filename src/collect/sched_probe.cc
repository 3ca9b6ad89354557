#include "collect/sched_probe.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/fd.h"
#include "base/text.h"
#include "bpf/sched.skel.h"

namespace kubepulse {

namespace {

constexpr uint32_t kBatch = 64;
constexpr int kStorageTries = 3;

const std::vector<Signal>& storage_signals() {
  static const std::vector<Signal> signals = {
      {"sched", {{"task_storage", {"sched_switch_storage"}}}}};
  return signals;
}

const std::vector<Signal>& pid_signals() {
  static const std::vector<Signal> signals = {
      {"sched", {{"tp_btf", {"sched_switch_typed"}}, {"raw_tp", {"sched_switch_raw"}}}}};
  return signals;
}

// The third number of /proc/PID/schedstat, how often it ran, is 0 where the kernel counts nothing:
// before 5.14 it may be off though it is compiled in (include/linux/sched/stat.h).
bool keeps_waits() {
  Fd file(open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC));
  char text[128];
  ssize_t size = file ? read(file.get(), text, sizeof text) : 0;
  std::string_view rest(text, size > 0 ? static_cast<size_t>(size) : 0);
  next_piece(rest, ' ');
  next_piece(rest, ' ');
  std::string_view runs = next_piece(rest, '\n');
  return !runs.empty() && runs != "0";
}

std::vector<Attached> refused(const std::string& reason) {
  std::vector<Attached> outcome = {{SchedProbe::signals().front().name, "", {}}};
  tell_refused(SchedProbe::signals(), {}, reason, outcome);
  return outcome;
}

}  // namespace

void SchedProbe::SkeletonDeleter::operator()(sched_bpf* skeleton) const {
  sched_bpf__destroy(skeleton);
}

SchedProbe::~SchedProbe() = default;

const std::vector<Signal>& SchedProbe::signals() {
  static const std::vector<Signal> signals = joined(storage_signals(), pid_signals());
  return signals;
}

Result<std::unique_ptr<SchedProbe>> SchedProbe::open(int legacy_subsys,
                                                     const LoadSettings& settings) {
  std::unique_ptr<SchedProbe> probe(new SchedProbe);
  if (!keeps_waits()) {
    probe->loaded_.outcome =
        refused("the kernel does not measure waits of tasks (CONFIG_SCHED_INFO; delayacct)");
    return probe;
  }
  std::string untried = "memory cannot be had safely in the scheduler before Linux 6.4";
  std::vector<Attached> tried;
  if (allocates_anywhere()) {
    probe->load(storage_signals(), true, legacy_subsys, settings);
    if (probe->loaded_.any()) untried = probe->storage_problem();
    if (probe->loaded_.any() && untried.empty()) return probe;
    if (!probe->loaded_.any()) tried = std::move(probe->loaded_.outcome);
    probe->loaded_ = Loaded{};
  }
  probe->load(pid_signals(), false, legacy_subsys, settings);
  tell_refused(signals(), tried, untried, probe->loaded_.outcome);
  return probe;
}

void SchedProbe::load(const std::vector<Signal>& some, bool with_storage, int legacy_subsys,
                      const LoadSettings& settings) {
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    skeleton_.reset(sched_bpf__open_opts(options));
    if (skeleton_ == nullptr) return nullptr;
    skeleton_->rodata->legacy_subsys = legacy_subsys;
    bpf_map__set_autocreate(
        with_storage ? skeleton_->maps.sched_pids : skeleton_->maps.sched_storage, false);
    if (allocates_anywhere())
      bpf_map__set_map_flags(skeleton_->maps.sched_counts, BPF_F_NO_PREALLOC);
    return skeleton_->skeleton;
  };
  loaded_ = load_signals(open_skeleton, some, "auto", settings);
}

// Whether there is memory for it: Linux 7.0 lacks the allocator on CPUs without a double-word
// compare-and-exchange. Empty: there is. We are a task as good as any, and leave the CPU here.
std::string SchedProbe::storage_problem() const {
  Fd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  int map = bpf_map__fd(skeleton_->maps.sched_storage), fd = self.get();
  sched_base base;
  for (int i = 0; i < kStorageTries; i++) {
    timespec shortly{0, 1000};
    nanosleep(&shortly, nullptr);
    if (!self || bpf_map_lookup_elem(map, &fd, &base) == 0 || errno != ENOENT) return {};
  }
  return "this kernel finds no memory for it in the scheduler";
}

Status SchedProbe::each(const std::function<void(uint64_t, const sched_counts&)>& visit) {
  int map = bpf_map__fd(skeleton_->maps.sched_counts);
  std::vector<uint64_t> cgroups(kBatch);
  std::vector<sched_counts> counts(kBatch);
  uint32_t at = 0;
  for (bool begun = false;; begun = true) {
    uint32_t count = static_cast<uint32_t>(cgroups.size());
    int error = bpf_map_lookup_batch(map, begun ? &at : nullptr, &at, cgroups.data(), counts.data(),
                                     &count, nullptr);
    // One bucket of the table may hold more than a batch.
    if (error == -ENOSPC) {
      cgroups.resize(cgroups.size() * 2);
      counts.resize(counts.size() * 2);
      continue;
    }
    if (error != 0 && error != -ENOENT) return Status::from_errno("bpf_map_lookup_batch", -error);
    for (uint32_t i = 0; i < count; i++)
      visit(cgroups[i], counts[i]);
    if (error == -ENOENT) return {};
  }
}

void SchedProbe::forget(uint64_t cgroup) {
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.sched_counts), &cgroup);
}

void SchedProbe::each_map(const VisitMap& visit) const {
  visit(skeleton_->maps.sched_counts, &skeleton_->bss->sched_dropped);
  // One of the two is loaded.
  for (bpf_map* bases : {skeleton_->maps.sched_storage, skeleton_->maps.sched_pids})
    if (bpf_map__autocreate(bases)) visit(bases, &skeleton_->bss->sched_bases_dropped);
}
void SchedProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

uint64_t SchedProbe::dropped() const {
  uint64_t count = __atomic_load_n(&skeleton_->bss->sched_dropped, __ATOMIC_RELAXED) +
                   __atomic_load_n(&skeleton_->bss->sched_bases_dropped, __ATOMIC_RELAXED);
  bpf_program* program;
  bpf_object__for_each_program(program, skeleton_->obj) count += skipped_runs(program);
  return count;
}

}  // namespace kubepulse
