#include "collect/cgroup_probe.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "bpf/cgroup.skel.h"

namespace kubepulse {

namespace {

int subsys_index(std::string_view controller, const std::string& btf_file) {
  btf* kernel = btf_file.empty() ? nullptr : btf__parse(btf_file.c_str(), nullptr);
  if (kernel == nullptr) return -1;
  int found = -1;
  int id = btf__find_by_name_kind(kernel, "cgroup_subsys_id", BTF_KIND_ENUM);
  if (id > 0) {
    std::string wanted = std::string(controller) + "_cgrp_id";
    const btf_type* type = btf__type_by_id(kernel, static_cast<uint32_t>(id));
    for (int i = 0; i < btf_vlen(type); i++)
      if (wanted == btf__name_by_offset(kernel, btf_enum(type)[i].name_off))
        found = btf_enum(type)[i].val;
  }
  btf__free(kernel);
  return found;
}

// /proc/cgroups: "#subsys_name hierarchy num_cgroups enabled", separated by tabs.
int hierarchy_number(std::string_view controller, const std::string& proc_root) {
  Fd file(open((proc_root + "/cgroups").c_str(), O_RDONLY | O_CLOEXEC));
  char text[4096];
  ssize_t size = file ? read(file.get(), text, sizeof text) : 0;
  std::string_view rest(text, size > 0 ? static_cast<size_t>(size) : 0);
  while (!rest.empty()) {
    std::string_view line = next_piece(rest, '\n');
    if (next_piece(line, '\t') != controller) continue;
    if (auto number = parse_number(next_piece(line, '\t'), 1000)) return static_cast<int>(*number);
  }
  return -1;
}

}  // namespace

LegacyHierarchy LegacyHierarchy::find(std::string_view controller, const std::string& proc_root,
                                      const std::string& btf_file) {
  LegacyHierarchy legacy;
  if (controller.empty()) return legacy;
  legacy.subsys = subsys_index(controller, btf_file);
  legacy.hierarchy = hierarchy_number(controller, proc_root);
  if (legacy.subsys < 0 || legacy.hierarchy <= 0) return LegacyHierarchy{};
  return legacy;
}

void CgroupProbe::SkeletonDeleter::operator()(cgroup_bpf* skeleton) const {
  cgroup_bpf__destroy(skeleton);
}

CgroupProbe::~CgroupProbe() = default;

const std::vector<Signal>& CgroupProbe::signals() {
  static const std::vector<Signal> signals = {{"cgroup_mkdir", {{"raw_tp", {"cgroup_born"}}}}};
  return signals;
}

Result<std::unique_ptr<CgroupProbe>> CgroupProbe::open(const LegacyHierarchy& legacy,
                                                       const LoadSettings& settings) {
  std::unique_ptr<CgroupProbe> probe(new CgroupProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->skeleton_.reset(cgroup_bpf__open_opts(options));
    if (probe->skeleton_ == nullptr) return nullptr;
    probe->skeleton_->rodata->legacy_hierarchy = legacy.hierarchy;
    return probe->skeleton_->skeleton;
  };
  probe->loaded_ = load_signals(open_skeleton, signals(), "auto", settings);
  if (!probe->loaded_.any()) return probe;
  bpf_map* map = probe->skeleton_->maps.cgroup_ring;
  Result<Ring> ring = Ring::open(bpf_map__fd(map), bpf_map__max_entries(map));
  if (!ring.ok()) return std::move(ring.status());
  probe->ring_ = std::make_unique<Ring>(std::move(ring.value()));
  return probe;
}

uint64_t CgroupProbe::dropped() const {
  return skeleton_->bss->cgroup_dropped;
}

void CgroupProbe::each_map(const VisitMap& visit) const {
  visit(skeleton_->maps.cgroup_ring, &skeleton_->bss->cgroup_dropped);
}
void CgroupProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

}  // namespace kubepulse
