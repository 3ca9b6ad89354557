#include "collect/traffic_probe.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "bpf/traffic.skel.h"

namespace kubepulse {

namespace {

constexpr uint32_t kEntriesMax = 4096;
constexpr uint32_t kEntriesMin = 512;
constexpr size_t kCpusOnDemand = 32;
constexpr uint32_t kPlacesMax = 48 << 10;  // entries times CPUs: 45 MiB
constexpr uint32_t kBatch = 32;
constexpr uint32_t kFlowBatch = 512;

constexpr size_t kWords = sizeof(traffic_counts) / sizeof(uint64_t);

size_t possible_cpus() {
  int count = libbpf_num_possible_cpus();
  return count > 0 ? static_cast<size_t>(count) : 1;
}

// `per_cpu` are the counts of each CPU, one after the other.
traffic_counts sum_of(const traffic_counts* per_cpu, size_t cpus) {
  traffic_counts sum{};
  auto* to = reinterpret_cast<uint64_t*>(&sum);
  for (size_t cpu = 0; cpu < cpus; cpu++) {
    const auto* from = reinterpret_cast<const uint64_t*>(&per_cpu[cpu]);
    for (size_t i = 0; i < kWords; i++)
      to[i] += from[i];
  }
  return sum;
}

}  // namespace

PacketTable PacketTable::of(size_t cpus) {
  if (cpus <= kCpusOnDemand) return {kEntriesMax, true};
  auto share = static_cast<uint32_t>(kPlacesMax / cpus);
  return {std::clamp(share, kEntriesMin, kEntriesMax), false};
}

void TrafficProbe::SkeletonDeleter::operator()(traffic_bpf* skeleton) const {
  traffic_bpf__destroy(skeleton);
}

TrafficProbe::~TrafficProbe() = default;

const std::vector<Signal>& TrafficProbe::signals() {
  static const std::vector<Signal> signals = {
      {"packets", {{"cgroup", {"packet_out", "packet_in"}}}}};
  return signals;
}

Result<std::unique_ptr<TrafficProbe>> TrafficProbe::open(const TrafficConfig& config,
                                                         const LoadSettings& settings) {
  std::unique_ptr<TrafficProbe> probe(new TrafficProbe);
  probe->load(config, settings);
  if (!config.with_flows || probe->loaded_.any()) return probe;
  TrafficConfig without = config;
  without.with_flows = false;
  std::vector<Attached> refused = probe->outcome();
  probe->load(without, settings);
  if (probe->loaded_.any())
    log_warn("flows are not told", {{"reason", refused.front().refused_text()}});
  return probe;
}

void TrafficProbe::load(const TrafficConfig& config, const LoadSettings& settings) {
  PacketTable table = PacketTable::of(possible_cpus());
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    skeleton_.reset(traffic_bpf__open_opts(options));
    if (skeleton_ == nullptr) return nullptr;
    auto& maps = skeleton_->maps;
    bpf_map__set_max_entries(maps.packets,
                             config.cgroups_max != 0 ? config.cgroups_max : table.entries);
    if (table.on_demand) bpf_map__set_map_flags(maps.packets, BPF_F_NO_PREALLOC);
    skeleton_->rodata->with_flows = config.with_flows;
    skeleton_->rodata->peer_seed = config.seed;
    bpf_map__set_max_entries(maps.flows, config.flows_max);
    bpf_map__set_max_entries(maps.peers, kSketchesMax);
    for (bpf_map* map : {maps.flows, maps.peers})
      bpf_map__set_autocreate(map, config.with_flows);
    return skeleton_->skeleton;
  };
  loaded_ = {};
  loaded_ = load_signals(open_skeleton, signals(), "auto", settings);
  with_flows_ = config.with_flows && loaded_.any();
}

Status TrafficProbe::each(const std::function<void(uint64_t, const traffic_counts&)>& visit) {
  int map = bpf_map__fd(skeleton_->maps.packets);
  size_t cpus = possible_cpus();
  std::vector<uint64_t> cgroups(kBatch);
  std::vector<traffic_counts> counts(kBatch * cpus);
  uint32_t at = 0;
  for (bool begun = false;; begun = true) {
    auto count = static_cast<uint32_t>(cgroups.size());
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
      visit(cgroups[i], sum_of(&counts[i * cpus], cpus));
    if (error == -ENOENT) return {};
  }
}

void TrafficProbe::forget(uint64_t cgroup) {
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.packets), &cgroup);
  for (uint64_t way : {TRAFFIC_OUT, TRAFFIC_IN}) {
    uint64_t key = cgroup | way << FLOW_DIRECTION_SHIFT;
    if (with_flows_) bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.peers), &key);
  }
}

Status TrafficProbe::take_flows(
    const std::function<void(const flow_key&, const flow_counts&)>& visit) {
  if (!with_flows_) return {};
  int map = bpf_map__fd(skeleton_->maps.flows);
  std::vector<flow_key> keys(kFlowBatch);
  std::vector<flow_counts> counts(kFlowBatch);
  uint32_t at = 0;
  for (bool begun = false;; begun = true) {
    auto count = static_cast<uint32_t>(keys.size());
    int error = bpf_map_lookup_and_delete_batch(map, begun ? &at : nullptr, &at, keys.data(),
                                                counts.data(), &count, nullptr);
    // One bucket of the table may hold more than a batch.
    if (error == -ENOSPC) {
      keys.resize(keys.size() * 2);
      counts.resize(counts.size() * 2);
      continue;
    }
    if (error != 0 && error != -ENOENT)
      return Status::from_errno("bpf_map_lookup_and_delete_batch", -error);
    for (uint32_t i = 0; i < count; i++)
      visit(keys[i], counts[i]);
    if (error == -ENOENT) return {};
  }
}

void TrafficProbe::shed_flows(bool on) {
  __atomic_store_n(&skeleton_->bss->flows_shed, on ? 1U : 0U, __ATOMIC_SEQ_CST);
}

Status TrafficProbe::each_sketch_key(const std::function<void(uint64_t)>& visit) {
  if (!with_flows_) return {};
  int map = bpf_map__fd(skeleton_->maps.peers);
  uint64_t key = 0;
  // One that is deleted meanwhile has it begin anew: the bound ends that.
  for (uint32_t i = 0; i < 2 * kSketchesMax; i++) {
    int error = bpf_map_get_next_key(map, i == 0 ? nullptr : &key, &key);
    if (error == -ENOENT) return {};
    if (error != 0) return Status::from_errno("bpf_map_get_next_key", -error);
    visit(key);
  }
  return {};
}

bool TrafficProbe::sketch(uint64_t key, peer_sketch& copy) {
  return bpf_map_lookup_elem_flags(bpf_map__fd(skeleton_->maps.peers), &key, &copy, BPF_F_LOCK) ==
         0;
}

uint64_t TrafficProbe::dropped() const {
  return __atomic_load_n(&skeleton_->bss->packets_dropped, __ATOMIC_RELAXED);
}

uint64_t TrafficProbe::peers_dropped() const {
  return __atomic_load_n(&skeleton_->bss->peers_dropped, __ATOMIC_RELAXED);
}

void TrafficProbe::each_map(const VisitMap& visit) const {
  visit(skeleton_->maps.packets, &skeleton_->bss->packets_dropped);
  if (!with_flows_) return;
  visit(skeleton_->maps.flows, &skeleton_->bss->flows_dropped);
  visit(skeleton_->maps.peers, &skeleton_->bss->peers_dropped);
}

void TrafficProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

}  // namespace kubepulse
