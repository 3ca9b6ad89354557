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

Result<std::unique_ptr<InterfaceProbe>> InterfaceProbe::open(size_t slots,
                                                             const LoadSettings& settings) {
  std::unique_ptr<InterfaceProbe> probe(new InterfaceProbe);
  const std::vector<Signal> signals = {
      {"interface", {{"frags", {"frames_in"}}, {"plain", {"frames_in_plain"}}}}};
  std::string flavour = "auto";
  for (size_t i = 0; i < slots; i++) {
    Slot slot;
    auto open_skeleton = [&slot](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
      slot.skeleton.reset(interface_bpf__open_opts(options));
      return slot.skeleton == nullptr ? nullptr : slot.skeleton->skeleton;
    };
    Attached loaded = load_signals(open_skeleton, signals, flavour, settings).outcome.front();
    if (loaded.flavour.empty()) return Status::error(loaded.refused_text());
    flavour = loaded.flavour;  // of the first is that of all
    const auto& programs = slot.skeleton->progs;
    slot.program = flavour == "frags" ? programs.frames_in : programs.frames_in_plain;
    probe->slots_.push_back(std::move(slot));
  }
  probe->broken_ = settings.broken;
  return probe;
}

Attached InterfaceProbe::attach(size_t slot, const InterfaceState& state, int& error) {
  Attached outcome;
  detach(slot);
  Slot& ours = slots_[slot];
  for (XdpMode mode : kModes) {
    bool broken = std::count(broken_.begin(), broken_.end(), xdp_mode_name(mode)) != 0;
    bpf_link_create_opts options{};
    options.sz = sizeof options;
    // With both the kernel refuses it.
    options.flags = broken ? XDP_FLAGS_MODES : flags_of(mode);
    ours.link.reset(bpf_link_create(bpf_program__fd(ours.program), static_cast<int>(state.index),
                                    BPF_XDP, &options));
    error = ours.link ? 0 : errno;
    if (error == 0) {
      outcome.flavour = xdp_mode_name(mode);
      break;
    }
    outcome.refused.push_back({xdp_mode_name(mode), xdp_refusal(error, mode, state)});
  }
  return outcome;
}

void InterfaceProbe::detach(size_t slot) {
  slots_[slot].link.reset();
}

bool InterfaceProbe::holds(size_t slot) const {
  bpf_link_info info{};
  uint32_t size = sizeof info;
  const Fd& link = slots_[slot].link;
  return link && bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0 && info.xdp.ifindex != 0;
}

Result<interface_counts> InterfaceProbe::read(size_t slot) const {
  int cpus = libbpf_num_possible_cpus();
  std::vector<interface_counts> counts(cpus > 0 ? static_cast<size_t>(cpus) : 1);
  uint32_t first = 0;
  int map = bpf_map__fd(slots_[slot].skeleton->maps.interfaces);
  if (bpf_map_lookup_elem(map, &first, counts.data()) != 0)
    return Status::from_errno("bpf_map_lookup_elem", errno);
  interface_counts sum{};
  for (const interface_counts& of_cpu : counts)
    for (size_t i = 0; i < PACKET_PROTOCOLS; i++) {
      sum.frames[i].packets += of_cpu.frames[i].packets;
      sum.frames[i].bytes += of_cpu.frames[i].bytes;
    }
  return sum;
}

void InterfaceProbe::each_program(const VisitProgram& visit) const {
  for (const Slot& slot : slots_)
    each_loaded(slot.skeleton->obj, visit);
}

}  // namespace kubepulse
