#include "collect/tcp_probe.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/fd.h"
#include "bpf/tcp.skel.h"
#include "bpf/tcp_cgroup.skel.h"
#include "collect/cgroup_root.h"

namespace kubepulse {

namespace {

constexpr int kWorthMax = 7;  // see worth()

const std::vector<Signal>& tracing_signals() {
  static const std::vector<Signal> signals = {
      // In this order: the second stands in for the first.
      {"tcp_state",
       {{"tp_btf", {"tcp_state_typed", "tcp_state_again_typed"}},
        {"raw_tp", {"tcp_state_raw", "tcp_state_again_raw"}}}},
      {"tcp_reset_sent", {{"raw_tp", {"tcp_reset_sent"}}}},
      {"tcp_reset_received", {{"raw_tp", {"tcp_reset_received"}}}},
      {"tcp_open", {{"iter", {"tcp_remembered", "tcp_open"}}, {"iter_file", {"tcp_open"}}}},
  };
  return signals;
}

// A packet is looked at once, whether for the state or for the RST in it. sock_ops comes last: what
// begins with it is told by the others whose it is.
const std::vector<Signal>& cgroup_signals() {
  static const std::vector<Signal> signals = {
      {"tcp_state",
       {{"cgroup",
         {"tcp_segment_in", "tcp_segment_out", "tcp_socket_made", "tcp_socket_released",
          "tcp_connect4", "tcp_connect6", "tcp_ops"}}}},
      {"tcp_reset_sent", {{"cgroup", {"tcp_segment_out"}}}},
      {"tcp_reset_received", {{"cgroup", {"tcp_segment_in"}}}},
      {"tcp_open", {{"sock_diag", {}}}},
  };
  return signals;
}

}  // namespace

void TcpProbe::SkeletonDeleter::operator()(tcp_bpf* skeleton) const {
  tcp_bpf__destroy(skeleton);
}
void TcpProbe::SkeletonDeleter::operator()(tcp_cgroup_bpf* skeleton) const {
  tcp_cgroup_bpf__destroy(skeleton);
}

TcpProbe::~TcpProbe() = default;

const std::vector<Signal>& TcpProbe::signals() {
  static const std::vector<Signal> signals = prefers_cgroup()
                                                 ? joined(cgroup_signals(), tracing_signals())
                                                 : joined(tracing_signals(), cgroup_signals());
  return signals;
}

Result<std::unique_ptr<TcpProbe>> TcpProbe::open(const TcpProbeConfig& config,
                                                 const LoadSettings& settings) {
  if (config.flavour == "cgroup") {
    auto cgroup = open_cgroup(config, settings);
    if (cgroup.ok())
      tell_refused(signals(), {}, "excluded by --flavour=cgroup", cgroup.value()->loaded_.outcome);
    return cgroup;
  }
  // That flavour cannot tell owners of cgroup v1.
  bool cgroup_first = prefers_cgroup() && config.flavour == "auto" && config.legacy_subsys < 0;
  auto open_first = cgroup_first ? open_cgroup : open_tracing;
  auto open_second = cgroup_first ? open_tracing : open_cgroup;
  const std::string kApart = "it goes with another flavour of tcp_state";
  auto first = open_first(config, settings);
  if (!first.ok()) return first;
  std::vector<Attached>& wanted = first.value()->loaded_.outcome;
  if (first.value()->worth() == kWorthMax) {
    tell_refused(signals(), {}, kApart, wanted);
    return first;
  }
  auto second = open_second(config, settings);
  if (!second.ok()) return second;
  std::vector<Attached>& other = second.value()->loaded_.outcome;
  bool better = second.value()->worth() > first.value()->worth();
  tell_refused(signals(), better ? wanted : other, kApart, better ? other : wanted);
  return better ? std::move(second) : std::move(first);
}

Result<std::unique_ptr<TcpProbe>> TcpProbe::open_tracing(const TcpProbeConfig& config,
                                                         const LoadSettings& settings) {
  std::unique_ptr<TcpProbe> probe(new TcpProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->tracing_.reset(tcp_bpf__open_opts(options));
    tcp_bpf* skeleton = probe->tracing_.get();
    if (skeleton == nullptr) return nullptr;
    bpf_map__set_max_entries(skeleton->maps.tcp_ring, static_cast<uint32_t>(config.ring_bytes));
    bpf_map__set_max_entries(skeleton->maps.connections, config.connections_max);
    skeleton->rodata->keep_listeners = config.log_events || config.legacy_subsys >= 0;
    skeleton->rodata->keep_comm = config.log_events;
    skeleton->rodata->preemptible = prefers_cgroup();
    skeleton->rodata->legacy_subsys = config.legacy_subsys;
    return skeleton->skeleton;
  };
  probe->loaded_ = load_signals(open_skeleton, tracing_signals(), "auto", settings);
  if (!probe->loaded_.any()) return probe;
  Status status = probe->take_over(probe->tracing_.get(), config.ring_bytes);
  if (!status.ok()) return status;
  // The iterators are the last signal, so where they are attached their links are the last ones.
  const std::string& walk = probe->loaded_.outcome.back().flavour;
  const std::vector<Link>& links = probe->loaded_.links;
  if (!walk.empty()) probe->walk_ = links.back().get();
  if (walk == "iter") {
    probe->walk_remembered_ = links[links.size() - 2].get();
    probe->tracing_->bss->connections_walked = 1;
  }
  return probe;
}

Result<std::unique_ptr<TcpProbe>> TcpProbe::open_cgroup(const TcpProbeConfig& config,
                                                        const LoadSettings& settings) {
  std::unique_ptr<TcpProbe> probe(new TcpProbe);
  auto open_skeleton = [&](const bpf_object_open_opts* options) -> bpf_object_skeleton* {
    probe->cgroup_.reset(tcp_cgroup_bpf__open_opts(options));
    tcp_cgroup_bpf* skeleton = probe->cgroup_.get();
    if (skeleton == nullptr) return nullptr;
    bpf_map__set_max_entries(skeleton->maps.tcp_ring, static_cast<uint32_t>(config.ring_bytes));
    bpf_map__set_max_entries(skeleton->maps.connections, config.connections_max);
    skeleton->rodata->keep_comm = config.log_events;
    return skeleton->skeleton;
  };
  std::vector<Signal> programs = cgroup_signals();
  programs.pop_back();  // tcp_open is none
  probe->loaded_ = load_signals(open_skeleton, programs, "auto", settings);
  Attached open{cgroup_signals().back().name, "", {}};
  bool broken = std::count(settings.broken.begin(), settings.broken.end(), open.signal) != 0;
  if (probe->has_state()) {
    auto diag = std::make_unique<SockDiag>("/proc");
    Status status = diag->probe(broken);
    if (status.ok()) {
      open.flavour = "sock_diag";
      probe->diag_ = std::move(diag);
      probe->old_ = FlatMap<Old>(config.connections_max);
    } else {
      open.refused.push_back({"sock_diag", status.message()});
    }
  }
  probe->loaded_.outcome.push_back(std::move(open));
  if (!probe->loaded_.any()) return probe;
  Status status = probe->take_over(probe->cgroup_.get(), config.ring_bytes);
  if (!status.ok()) return status;
  return probe;
}

// tcp_state is worth more than the others together.
int TcpProbe::worth() const {
  int signals = 0;
  for (const Attached& attached : loaded_.outcome)
    signals += attached.flavour.empty() ? 0 : 1;
  return has_state() ? signals + 3 : signals;
}

// What both objects have.
template <typename Skeleton>
Status TcpProbe::take_over(Skeleton* skeleton, size_t ring_bytes) {
  resets_map_ = bpf_map__fd(skeleton->maps.resets);
  dropped_ = &skeleton->bss->tcp_dropped;
  connections_overflow_ = &skeleton->bss->connections_overflow;
  resets_overflow_ = &skeleton->bss->resets_overflow;
  Result<Ring> ring = Ring::open(bpf_map__fd(skeleton->maps.tcp_ring), ring_bytes);
  if (!ring.ok()) return std::move(ring.status());
  ring_ = std::make_unique<Ring>(std::move(ring.value()));
  return {};
}

Status TcpProbe::each_open(const std::function<void(const tcp_record&)>& take) {
  if (walk_ != nullptr) {
    // What is remembered in between is not met: it is younger than the walk.
    Status status = walk_remembered_ != nullptr ? iterate(walk_remembered_, take) : Status();
    return status.ok() ? iterate(walk_, take) : status;
  }
  if (diag_ != nullptr) return walk_diag(take);
  return Status::error("nothing is attached that could");
}

Status TcpProbe::iterate(const bpf_link* link, const std::function<void(const tcp_record&)>& take) {
  Fd walk(bpf_iter_create(bpf_link__fd(link)));
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

Status TcpProbe::walk_diag(const std::function<void(const tcp_record&)>& take) {
  diag_walk_++;
  uint64_t now_ns = monotonic_ns();
  Status status = diag_->each(now_ns, [&](const tcp_record& record) { walked(record, take); });
  if (status.ok()) tell_gone(now_ns, take);
  return status;
}

// A socket without an entry is older than our programs, or has ended since the kernel wrote of it:
// then the next walk does not meet it, and it is no business of ours.
void TcpProbe::walked(tcp_record record, const std::function<void(const tcp_record&)>& take) {
  if (record.kind != TCP_KIND_OPEN) return take(record);
  tcp_connection connection;
  int map = bpf_map__fd(cgroup_->maps.connections);
  if (bpf_map_lookup_elem(map, &record.socket, &connection) == 0) {
    record.start_ns = connection.start_ns;
    record.pid = connection.pid;
    record.direction = static_cast<uint8_t>(connection.direction);
    if (connection.cgroup != 0) record.cgroup = connection.cgroup;
    // The SYN that we sent has a sequence number.
    if (record.direction == TCP_DIRECTION_OUT && record.sent_bytes > 0) record.sent_bytes--;
    return take(record);
  }
  Old* old = old_.insert(record.socket);
  if (old == nullptr) return;
  old->told = old->told || (old->walk != 0 && old->walk + 1 == diag_walk_);
  old->walk = diag_walk_;
  old->last = record;
  if (old->told) take(record);
}

// A connection that the last walk met and this one did not is over where its last segments were
// seen; else the next walk decides, as a dump may miss a socket while others come and go.
void TcpProbe::tell_gone(uint64_t now_ns, const std::function<void(const tcp_record&)>& take) {
  int map = bpf_map__fd(cgroup_->maps.endings);
  std::vector<uint64_t> gone;
  old_.each([&](uint64_t cookie, Old& old) {
    // A namespace that was not read says nothing of what is gone.
    if (old.walk == diag_walk_ || !diag_->covered(old.last.netns)) return;
    tcp_ending ending;
    bool ended = bpf_map_lookup_elem(map, &cookie, &ending) == 0;
    if (old.told && !ended && old.walk + 1 == diag_walk_) return;
    gone.push_back(cookie);
    if (!old.told) return;
    tcp_record record = old.last;
    record.kind = TCP_KIND_CLOSED;
    record.time_ns = now_ns;
    if (ended) {
      record.sent_bytes = std::max<uint64_t>(record.sent_bytes, ending.sent_bytes);
      record.received_bytes = std::max<uint64_t>(record.received_bytes, ending.received_bytes);
      record.retransmits = std::max(record.retransmits, ending.retransmits);
      record.rtt_us = ending.rtt_us;
    }
    take(record);
  });
  for (uint64_t cookie : gone) {
    old_.erase(cookie);
    bpf_map_delete_elem(map, &cookie);
  }
}

void TcpProbe::each_reset(const std::function<void(uint64_t, const reset_counts&)>& take) {
  int map = resets_map_;
  uint64_t key = 0, next = 0;
  reset_counts counts{};
  for (void* from = nullptr; bpf_map_get_next_key(map, from, &next) == 0; from = &key) {
    key = next;
    if (bpf_map_lookup_elem(map, &key, &counts) == 0) take(key, counts);
  }
}

void TcpProbe::forget_resets(uint64_t cgroup) {
  bpf_map_delete_elem(resets_map_, &cgroup);
}

void TcpProbe::each_map(const VisitMap& visit) const {
  auto common = [&visit](const auto& skeleton) {
    visit(skeleton->maps.tcp_ring, &skeleton->bss->tcp_dropped);
    visit(skeleton->maps.connections, &skeleton->bss->connections_errors);
    visit(skeleton->maps.resets, &skeleton->bss->resets_errors);
  };
  if (tracing_ != nullptr) {
    common(tracing_);
    visit(tracing_->maps.listeners, &tracing_->bss->listeners_errors);
  } else {
    common(cgroup_);
    visit(cgroup_->maps.sides, &cgroup_->bss->sides_errors);
    visit(cgroup_->maps.endings, &cgroup_->bss->endings_errors);
  }
}
void TcpProbe::each_program(const VisitProgram& visit) const {
  each_loaded(tracing_ != nullptr ? tracing_->obj : cgroup_->obj, visit);
}

uint64_t TcpProbe::dropped() const {
  return __atomic_load_n(dropped_, __ATOMIC_RELAXED);
}
uint64_t TcpProbe::skipped() const {
  if (tracing_ == nullptr) return 0;
  return skipped_runs(tracing_->progs.tcp_state_again_typed) +
         skipped_runs(tracing_->progs.tcp_state_again_raw);
}
uint64_t TcpProbe::ends_lost() const {
  if (tracing_ == nullptr) return 0;
  return __atomic_load_n(&tracing_->bss->ends_lost, __ATOMIC_RELAXED);
}
uint64_t TcpProbe::connections_overflow() const {
  return __atomic_load_n(connections_overflow_, __ATOMIC_RELAXED);
}
uint64_t TcpProbe::resets_overflow() const {
  return __atomic_load_n(resets_overflow_, __ATOMIC_RELAXED);
}

}  // namespace kubepulse
