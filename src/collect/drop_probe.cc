#include "collect/drop_probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cerrno>

#include "bpf/drops.skel.h"
#include "bpf/event.h"

namespace kubepulse {

namespace {

constexpr uint32_t kBatch = 64;

struct BtfDeleter {
  void operator()(btf* kernel) const { btf__free(kernel); }
};

}  // namespace

void DropProbe::SkeletonDeleter::operator()(drops_bpf* skeleton) const {
  drops_bpf__destroy(skeleton);
}

DropProbe::~DropProbe() = default;

const std::vector<Signal>& DropProbe::signals() {
  static const std::vector<Signal> signals = {
      {"drops", {{"tp_btf", {"packet_dropped_typed"}}, {"raw_tp", {"packet_dropped_raw"}}}}};
  return signals;
}

Result<std::unique_ptr<DropProbe>> DropProbe::open(const LoadSettings& settings) {
  std::unique_ptr<DropProbe> probe(new DropProbe);
  uint32_t arguments = 0;
  // Without it loading fails, and says why.
  if (!settings.host.btf.empty()) {
    std::unique_ptr<btf, BtfDeleter> kernel(btf__parse(settings.host.btf.c_str(), nullptr));
    if (kernel != nullptr) {
      probe->reasons_ = DropReasons::from(kernel.get());
      arguments = tracepoint_arguments(kernel.get(), "kfree_skb");
    }
  }
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->skeleton_.reset(drops_bpf__open_opts(options));
    drops_bpf* skeleton = probe->skeleton_.get();
    if (skeleton == nullptr) return nullptr;
    skeleton->rodata->kfree_skb_arguments = arguments;
    if (allocates_anywhere())
      bpf_map__set_map_flags(skeleton->maps.packet_drops, BPF_F_NO_PREALLOC);
    return skeleton->skeleton;
  };
  probe->loaded_ = load_signals(open_skeleton, signals(), "auto", settings);
  return probe;
}

Status DropProbe::each(const Visit& visit) {
  int map = bpf_map__fd(skeleton_->maps.packet_drops);
  std::vector<drop_key> keys(kBatch);
  std::vector<uint64_t> counts(kBatch);
  uint32_t from = 0;  // where the kernel goes on: a bucket of the hash
  for (bool first = true, more = true; more; first = false) {
    auto size = static_cast<uint32_t>(keys.size());
    int error = -bpf_map_lookup_batch(map, first ? nullptr : &from, &from, keys.data(),
                                      counts.data(), &size, nullptr);
    // One bucket has more than that; the map as a whole is bounded.
    if (error == ENOSPC) {
      keys.resize(keys.size() * 2);
      counts.resize(keys.size());
      continue;
    }
    if (error != 0 && error != ENOENT) return Status::from_errno("reading the drops", error);
    more = error != ENOENT;
    for (uint32_t i = 0; i < size; i++)
      if (counts[i] != 0) visit(keys[i].cgroup, keys[i].reason, counts[i]);
  }
  return {};
}

void DropProbe::forget(uint64_t cgroup, uint32_t reason) {
  drop_key key{cgroup, reason, 0};
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.packet_drops), &key);
}

uint64_t DropProbe::missed() const {
  return __atomic_load_n(&skeleton_->bss->packet_drops_missed, __ATOMIC_RELAXED);
}

uint64_t DropProbe::skipped() const {
  return skipped_runs(skeleton_->progs.packet_dropped_typed) +
         skipped_runs(skeleton_->progs.packet_dropped_raw);
}

void DropProbe::each_map(const VisitMap& visit) const {
  visit(skeleton_->maps.packet_drops, &skeleton_->bss->packet_drops_errors);
}
void DropProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

}  // namespace kubepulse
