#include "collect/tcp_probe.h"

#include <bpf/bpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"
#include "bpf/tcp.skel.h"

namespace kubepulse {

namespace {

// Since Linux 7.0 (tracepoints are guarded by SRCU there).
bool tracepoints_preemptible() {
  utsname kernel{};
  return uname(&kernel) == 0 && atoi(kernel.release) >= 7;
}

const std::vector<Signal>& tcp_signals() {
  static const std::vector<Signal> signals = {
      // In this order: the second stands in for the first.
      {"tcp_state",
       {{"tp_btf", {"tcp_state_typed", "tcp_state_again_typed"}},
        {"raw_tp", {"tcp_state_raw", "tcp_state_again_raw"}}}},
      {"tcp_reset_sent", {{"raw_tp", {"tcp_reset_sent"}}}},
      {"tcp_reset_received", {{"raw_tp", {"tcp_reset_received"}}}},
      {"tcp_open", {{"iter", {"tcp_open"}}}},
  };
  return signals;
}

}  // namespace

void TcpProbe::SkeletonDeleter::operator()(tcp_bpf* skeleton) const {
  tcp_bpf__destroy(skeleton);
}

TcpProbe::~TcpProbe() = default;

const std::vector<Signal>& TcpProbe::signals() {
  return tcp_signals();
}

Result<std::unique_ptr<TcpProbe>> TcpProbe::open(const TcpProbeConfig& config,
                                                 const LoadSettings& settings) {
  std::unique_ptr<TcpProbe> probe(new TcpProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->skeleton_.reset(tcp_bpf__open_opts(options));
    tcp_bpf* skeleton = probe->skeleton_.get();
    if (skeleton == nullptr) return nullptr;
    bpf_map__set_max_entries(skeleton->maps.tcp_ring, static_cast<uint32_t>(config.ring_bytes));
    bpf_map__set_max_entries(skeleton->maps.connections, config.connections_max);
    skeleton->rodata->keep_listeners = config.log_events || config.legacy_subsys >= 0;
    skeleton->rodata->keep_comm = config.log_events;
    skeleton->rodata->preemptible = tracepoints_preemptible();
    skeleton->rodata->legacy_subsys = config.legacy_subsys;
    return skeleton->skeleton;
  };
  probe->loaded_ = load_signals(open_skeleton, tcp_signals(), "auto", settings);
  if (!probe->loaded_.any()) return probe;

  tcp_bpf* skeleton = probe->skeleton_.get();
  Result<Ring> ring = Ring::open(bpf_map__fd(skeleton->maps.tcp_ring), config.ring_bytes);
  if (!ring.ok()) return std::move(ring.status());
  probe->ring_ = std::make_unique<Ring>(std::move(ring.value()));
  // The iterator is the last signal, so where it is attached its link is the last one.
  if (!probe->loaded_.outcome.back().flavour.empty())
    probe->walk_ = probe->loaded_.links.back().get();
  return probe;
}

Status TcpProbe::each_open(const std::function<void(const tcp_record&)>& take) {
  if (walk_ == nullptr) return Status::error("no iterator is attached");
  Fd walk(bpf_iter_create(bpf_link__fd(walk_)));
  if (!walk) return Status::from_errno("bpf_iter_create", errno);
  char buffer[64 * sizeof(tcp_record)];
  size_t held = 0;
  for (;;) {
    ssize_t size = read(walk.get(), buffer + held, sizeof buffer - held);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;  // it asks to be called again
    if (size < 0) return Status::from_errno("reading the open sockets", errno);
    if (size == 0) return {};
    held += static_cast<size_t>(size);
    size_t used = 0;
    for (; held - used >= sizeof(tcp_record); used += sizeof(tcp_record)) {
      tcp_record record;
      memcpy(&record, buffer + used, sizeof record);
      take(record);
    }
    held -= used;
    memmove(buffer, buffer + used, held);
  }
}

void TcpProbe::each_reset(const std::function<void(uint64_t, const reset_counts&)>& take) {
  int map = bpf_map__fd(skeleton_->maps.resets);
  uint64_t key = 0, next = 0;
  reset_counts counts{};
  for (void* from = nullptr; bpf_map_get_next_key(map, from, &next) == 0; from = &key) {
    key = next;
    if (bpf_map_lookup_elem(map, &key, &counts) == 0) take(key, counts);
  }
}

void TcpProbe::forget_resets(uint64_t cgroup) {
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.resets), &cgroup);
}

uint64_t TcpProbe::dropped() const {
  return skeleton_->bss->tcp_dropped;
}
uint64_t TcpProbe::skipped() const {
  for (const bpf_program* program :
       {skeleton_->progs.tcp_state_again_typed, skeleton_->progs.tcp_state_again_raw}) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    int fd = bpf_program__fd(program);
    if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0) return info.recursion_misses;
  }
  return 0;
}
uint64_t TcpProbe::connections_overflow() const {
  return skeleton_->bss->connections_overflow;
}
uint64_t TcpProbe::resets_overflow() const {
  return skeleton_->bss->resets_overflow;
}

}  // namespace kubepulse
