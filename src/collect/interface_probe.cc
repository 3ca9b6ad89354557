#include "collect/interface_probe.h"

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bpf/interface.skel.h"

namespace kubepulse {

namespace {

constexpr XdpMode kModes[] = {XdpMode::native, XdpMode::generic};

uint32_t flags_of(XdpMode mode) {
  return mode == XdpMode::native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

const char* attached_name(uint8_t attached) {
  switch (attached) {
    case XDP_ATTACHED_DRV:
      return "native";
    case XDP_ATTACHED_SKB:
      return "generic";
    case XDP_ATTACHED_HW:
      return "in the card";
    default:
      return "several";
  }
}

}  // namespace

const char* xdp_mode_name(XdpMode mode) {
  return mode == XdpMode::native ? "native" : "generic";
}

std::string xdp_refusal(int error, XdpMode mode, const InterfaceState& state) {
  if ((error == EBUSY || error == EEXIST) && state.xdp_attached != XDP_ATTACHED_NONE) {
    std::string which = attached_name(state.xdp_attached);
    if (state.xdp_program != 0) which = "id " + std::to_string(state.xdp_program) + ", " + which;
    return "another XDP program is attached (" + which +
           "), which stays; detach it (`bpftool net` tells whose it is) or leave this interface "
           "out";
  }
  // Since 5.15 it is asked of bonds and teams, too.
  if (error == EEXIST)
    return "an interface above it, such as a bond, has an XDP program; name that one instead";
  if (error == EBUSY) return "another XDP program is attached, which stays";
  if (error == EOPNOTSUPP && mode == XdpMode::native) return "the driver has no XDP";
  if (error == EPERM)
    return "the capability CAP_NET_ADMIN is missing, or a security module forbids it";
  std::string text = mode == XdpMode::native ? "the driver refuses it" : "the kernel refuses it";
  text += std::string(" (") + strerror(error) + "; MTU " + std::to_string(state.mtu) + ")";
  return error == EINVAL && mode == XdpMode::generic
             ? text + "; before Linux 5.9 there are no links of XDP"
             : text;
}

void InterfaceProbe::SkeletonDeleter::operator()(interface_bpf* skeleton) const {
  interface_bpf__destroy(skeleton);
}

InterfaceProbe::~InterfaceProbe() = default;

const std::vector<Flavour>& InterfaceProbe::flavours() {
  static const std::vector<Flavour> flavours = {{"native", {"frames_in"}},
                                                {"generic", {"frames_in"}}};
  return flavours;
}

Result<std::unique_ptr<InterfaceProbe>> InterfaceProbe::open(const LoadSettings& settings) {
  std::unique_ptr<InterfaceProbe> probe(new InterfaceProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->skeleton_.reset(interface_bpf__open_opts(options));
    return probe->skeleton_ == nullptr ? nullptr : probe->skeleton_->skeleton;
  };
  std::vector<Signal> signals = {
      {"interface", {{"frags", {"frames_in"}}, {"plain", {"frames_in_plain"}}}}};
  Attached loaded = load_signals(open_skeleton, signals, "auto", settings).outcome.front();
  if (loaded.flavour.empty()) return Status::error(loaded.refused_text());
  const auto& programs = probe->skeleton_->progs;
  probe->program_ = loaded.flavour == "frags" ? programs.frames_in : programs.frames_in_plain;
  probe->broken_ = settings.broken;
  return probe;
}

Attached InterfaceProbe::attach(size_t slot, const InterfaceState& state) {
  Attached outcome;
  detach(slot);
  // One that has got another's name still has its old slot, for frames that are on their way.
  for (__u32& index : skeleton_->bss->interface_indexes)
    if (index == state.index) __atomic_store_n(&index, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&skeleton_->bss->interface_indexes[slot], state.index, __ATOMIC_RELAXED);
  for (XdpMode mode : kModes) {
    bool broken = std::count(broken_.begin(), broken_.end(), xdp_mode_name(mode)) != 0;
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    // With both the kernel refuses it.
    options.flags = broken ? XDP_FLAGS_MODES : flags_of(mode);
    links_[slot].reset(bpf_link_create(bpf_program__fd(program_), static_cast<int>(state.index),
                                       BPF_XDP, &options));
    if (links_[slot]) {
      outcome.flavour = xdp_mode_name(mode);
      break;
    }
    outcome.refused.push_back({xdp_mode_name(mode), xdp_refusal(errno, mode, state)});
  }
  return outcome;
}

void InterfaceProbe::detach(size_t slot) {
  links_[slot].reset();
}

bool InterfaceProbe::holds(size_t slot) const {
  bpf_link_info info{};
  uint32_t size = sizeof info;
  return links_[slot] && bpf_obj_get_info_by_fd(links_[slot].get(), &info, &size) == 0 &&
         info.xdp.ifindex != 0;
}

Result<interface_counts> InterfaceProbe::read(size_t slot) const {
  int cpus = libbpf_num_possible_cpus();
  std::vector<interface_counts> counts(cpus > 0 ? static_cast<size_t>(cpus) : 1);
  auto key = static_cast<uint32_t>(slot);
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.interfaces), &key, counts.data()) != 0)
    return Status::from_errno("bpf_map_lookup_elem", errno);
  interface_counts sum{};
  for (const interface_counts& of_cpu : counts)
    for (size_t i = 0; i < PACKET_PROTOCOLS; i++) {
      sum.frames[i].packets += of_cpu.frames[i].packets;
      sum.frames[i].bytes += of_cpu.frames[i].bytes;
    }
  return sum;
}

uint64_t InterfaceProbe::missed() const {
  return __atomic_load_n(&skeleton_->bss->frames_missed, __ATOMIC_RELAXED);
}

void InterfaceProbe::each_program(const VisitProgram& visit) const {
  each_loaded(skeleton_->obj, visit);
}

}  // namespace kubepulse
