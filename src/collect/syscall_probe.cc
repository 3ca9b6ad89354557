#include "collect/syscall_probe.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <numeric>

#include "bpf/syscalls.skel.h"

namespace kubepulse {

namespace {

constexpr uint32_t kBatch = 64;
constexpr uint32_t kBatchMax = 16384;

}  // namespace

// The flavours need different maps, which not every kernel can make: each is an object of its own.
struct SyscallProbe::Way {
  std::vector<Signal> signals;
  bool by_task;
  // Before 6.1 the kernel warns of what programs that are not typed allocate as they run.
  bool preallocated;
};

const std::vector<SyscallProbe::Way>& SyscallProbe::ways() {
  // In this order: the second ones stand in for the first.
  std::vector<const char*> by_task = {"syscall_entered_task", "syscall_returned_task"};
  if (prefers_cgroup())
    by_task.insert(by_task.end(), {"syscall_entered_again", "syscall_returned_again"});
  static const std::vector<Way> ways = {
      {{{"syscalls", {{"tp_btf", by_task}}}}, true, false},
      {{{"syscalls",
         {{"tp_btf_by_thread", {"syscall_entered_thread", "syscall_returned_thread"}}}}},
       false,
       false},
      {{{"syscalls", {{"raw_tp", {"syscall_entered_raw", "syscall_returned_raw"}}}}}, false, true},
  };
  return ways;
}

uint64_t calls_of(const syscall_counts& counts) {
  return std::accumulate(std::begin(counts.buckets), std::end(counts.buckets),
                         uint64_t{counts.untimed});
}

void SyscallProbe::SkeletonDeleter::operator()(syscalls_bpf* skeleton) const {
  syscalls_bpf__destroy(skeleton);
}

SyscallProbe::~SyscallProbe() = default;

const std::vector<Signal>& SyscallProbe::signals() {
  static const std::vector<Signal> signals =
      joined(joined(ways()[0].signals, ways()[1].signals), ways()[2].signals);
  return signals;
}

Result<std::unique_ptr<SyscallProbe>> SyscallProbe::open(const SyscallProbeConfig& config,
                                                         const LoadSettings& settings) {
  std::unique_ptr<SyscallProbe> probe;
  std::vector<Refused> refused;
  for (const Way& way : ways()) {
    probe.reset(new SyscallProbe);
    probe->load(config, way, settings);
    std::vector<Refused>& more = probe->loaded_.outcome.front().refused;
    refused.insert(refused.end(), more.begin(), more.end());
    if (probe->loaded_.any()) break;
  }
  probe->loaded_.outcome.front().refused = std::move(refused);
  return probe;
}

void SyscallProbe::load(const SyscallProbeConfig& config, const Way& way,
                        const LoadSettings& settings) {
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    skeleton_.reset(syscalls_bpf__open_opts(options));
    syscalls_bpf* skeleton = skeleton_.get();
    if (skeleton == nullptr) return nullptr;
    bpf_map__set_max_entries(skeleton->maps.syscalls, config.entries_max);
    if (way.preallocated) bpf_map__set_map_flags(skeleton->maps.syscalls, 0);
    bpf_map__set_autocreate(skeleton->maps.running_by_task, way.by_task);
    bpf_map__set_autocreate(skeleton->maps.running_by_thread, !way.by_task);
    skeleton->rodata->preemptible = way.by_task && prefers_cgroup();
    skeleton->rodata->legacy_subsys = config.legacy_subsys;
    for (size_t i = 0; i < config.syscalls.size() && i < SYSCALLS_TRACKED_MAX; i++)
      if (config.syscalls[i].number < SYSCALL_NUMBERS)
        skeleton->rodata->syscall_table[config.syscalls[i].number] =
            static_cast<uint8_t>((i + 1) | config.syscalls[i].flags);
    return skeleton->skeleton;
  };
  loaded_ = load_signals(open_skeleton, way.signals, "auto", settings);
  syscalls_ = static_cast<uint32_t>(config.syscalls.size());
}

Status SyscallProbe::each(const Visit& visit) {
  int map = bpf_map__fd(skeleton_->maps.syscalls);
  std::vector<syscall_key> keys(kBatch);
  std::vector<syscall_counts> counts(kBatch);
  uint32_t from = 0;  // where the kernel goes on: a bucket of the hash
  for (bool first = true, more = true; more; first = false) {
    auto size = static_cast<uint32_t>(keys.size());
    int error = -bpf_map_lookup_batch(map, first ? nullptr : &from, &from, keys.data(),
                                      counts.data(), &size, nullptr);
    if (error == ENOSPC && keys.size() < kBatchMax) {  // one bucket has more than that
      keys.resize(keys.size() * 2);
      counts.resize(keys.size());
      size = 0;
    } else if (error != 0 && error != ENOENT) {
      return Status::from_errno("reading the syscalls", error);
    }
    more = error != ENOENT;
    for (uint32_t i = 0; i < size; i++)
      visit(keys[i].cgroup, keys[i].slot, counts[i]);
  }
  return {};
}

void SyscallProbe::forget(uint64_t cgroup) {
  int map = bpf_map__fd(skeleton_->maps.syscalls);
  for (uint32_t slot = 0; slot < syscalls_; slot++) {
    syscall_key key{cgroup, slot, 0};
    bpf_map_delete_elem(map, &key);
  }
}

void SyscallProbe::each_map(const VisitMap& visit) const {
  visit(skeleton_->maps.syscalls, &skeleton_->bss->syscalls_dropped);
  // One of the two is loaded.
  for (bpf_map* running : {skeleton_->maps.running_by_task, skeleton_->maps.running_by_thread})
    if (bpf_map__autocreate(running)) visit(running, &skeleton_->bss->running_errors);
}
void SyscallProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

uint64_t SyscallProbe::dropped() const {
  return __atomic_load_n(&skeleton_->bss->syscalls_dropped, __ATOMIC_RELAXED);
}

uint64_t SyscallProbe::skipped() const {
  const auto& programs = skeleton_->progs;
  uint64_t skipped =
      skipped_runs(programs.syscall_entered_again) + skipped_runs(programs.syscall_returned_again);
  if (bpf_program__fd(programs.syscall_entered_again) >= 0) return skipped;
  for (const bpf_program* program :
       {programs.syscall_entered_task, programs.syscall_returned_task,
        programs.syscall_entered_thread, programs.syscall_returned_thread,
        programs.syscall_entered_raw, programs.syscall_returned_raw})
    skipped += skipped_runs(program);
  return skipped;
}

}  // namespace kubepulse
