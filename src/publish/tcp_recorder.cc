#include "publish/tcp_recorder.h"

#include "base/clock.h"
#include "collect/connect_failure.h"

namespace kubepulse {

namespace {

constexpr size_t kListenersMax = 16384;
constexpr size_t kOwnersMax = Workloads::kWorkloadsMax + Workloads::kFirst;
// An orphan's FIN may go unanswered for minutes (tcp_orphan_retries) before its end is told.
constexpr uint32_t kWalksUnseenMax = 100;

uint64_t listener_key(const tcp_record& record) {
  return uint64_t{record.netns} << 16 | record.local_port;
}

uint64_t elapsed(uint64_t from_ns, uint64_t to_ns) {
  return to_ns > from_ns ? to_ns - from_ns : 0;
}

}  // namespace

TcpRecorder::TcpRecorder(Workloads& workloads, Store& store, EventLog* log, size_t connections_max)
    : workloads_(workloads),
      store_(store),
      log_(log),
      open_(connections_max),
      listeners_(kListenersMax),
      idle_(connections_max),
      met_(kOwnersMax) {}

void TcpRecorder::take(const tcp_record& record) {
  Workloads::Owner owner = workloads_.of(record.cgroup, record.pid, record.time_ns);
  switch (record.kind) {
    case TCP_KIND_OPENED:
      opened(owner, record);
      break;
    case TCP_KIND_FAILED:
      failed(counts_of(owner), record);
      break;
    case TCP_KIND_CLOSED:
      owner = closed(owner, record);
      break;
    case TCP_KIND_LISTEN:
      if (Idle* idle = idle_.insert(record.socket)) *idle = {walk_, record.drops};
      return;
    case TCP_KIND_UNLISTENED:
      take_drops(owner, record);
      idle_.erase(record.socket);
      return;
    default:
      return;
  }
  Workloads::Index index = workloads_.index(owner);
  store_.tcp(index).records++;
  if (log_ == nullptr || index == Workloads::kFiltered || !log_->wants_line()) return;
  const WorkloadLabels& labels = workloads_.labels(index);
  line_.clear();
  append_tcp_event(line_, record, wall_ns(record.time_ns), labels.ns, labels.pod);
  log_->append(line_);
}

void TcpRecorder::opened(Workloads::Owner owner, const tcp_record& record) {
  TcpCounts& counts = counts_of(owner);
  uint8_t direction = record.direction == TCP_DIRECTION_IN ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
  counts.connections[direction]++;
  if (open_.opened(record, {owner, direction})) counts.active[direction]++;
  if (direction == TCP_DIRECTION_OUT && record.start_ns != 0)
    counts.connect_latency.observe(store_.bounds(), elapsed(record.start_ns, record.time_ns));
}

void TcpRecorder::failed(TcpCounts& counts, const tcp_record& record) {
  FailureReason reason = failure_reason_of(record.error);
  counts.failures[reason]++;
  if (reason != kFailureCanceled && record.family != 0)
    counts.failing_peer.take(ip_bytes(record.family, record.remote));
  counts.retransmits += record.retransmits;
}

// Returns the owner, who may have been told better when the connection was seen open.
Workloads::Owner TcpRecorder::closed(Workloads::Owner owner, const tcp_record& record) {
  if (record.untold) {
    counts_of(owner).connections[record.direction]++;
    if (open_.opened(record, {owner, record.direction}))
      counts_of(owner).active[record.direction]++;
  }
  OpenConnections::End end = open_.closed(record, {owner, record.direction});
  if (!end.known) unknown_ends_++;
  TcpCounts& counts = counts_of(end.side.owner);
  add_growth(counts, end.growth, record.rtt_us);
  if (end.leaves) counts.active[end.side.direction]--;
  if (record.direction == TCP_DIRECTION_OUT && record.start_ns != 0) {
    uint64_t end_ns = record.close_ns != 0 ? record.close_ns : record.time_ns;
    counts.latency.observe(store_.bounds(), elapsed(record.start_ns, end_ns));
  }
  return end.side.owner;
}

void TcpRecorder::add_growth(TcpCounts& counts, const TcpGrowth& growth, uint32_t rtt_us) {
  counts.sent_bytes += growth.sent_bytes;
  counts.received_bytes += growth.received_bytes;
  counts.retransmits += growth.retransmits;
  if (rtt_us != 0) counts.rtt.observe(store_.bounds(), uint64_t{rtt_us} * 1000);
}

// The kernel does not keep who opened a connection: whose port is listened on here did not.
uint8_t TcpRecorder::direction_of(const tcp_record& record) {
  if (record.direction != TCP_DIRECTION_UNKNOWN) return record.direction;
  return listeners_.find(listener_key(record)) != nullptr ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
}

// False: it has come already, through another descriptor.
bool TcpRecorder::meets_first(const tcp_record& record) {
  Idle* idle = idle_.insert(record.socket);
  if (idle == nullptr) return true;
  bool first = idle->walk != walk_;
  idle->walk = walk_;
  return first;
}

// The kernel counts from when the socket was made. Where there are fewer than were told, another
// socket has that memory now, and the end of the last one was lost.
void TcpRecorder::take_drops(Workloads::Owner owner, const tcp_record& record) {
  if (record.drops == 0) return;
  Idle* idle = idle_.insert(record.socket);
  if (idle == nullptr) return;
  uint32_t growth = record.drops >= idle->drops ? record.drops - idle->drops : record.drops;
  idle->drops = record.drops;
  if (growth > 0 && has_walked_) counts_of(owner).accept_queue_drops += growth;
}

void TcpRecorder::count_state(Workloads::Owner owner, uint8_t state) {
  unsigned index = tcp_state_index(state);
  if (index == kTcpStates) return;
  if (States* states = met_.insert(uint64_t{owner} + 1)) (*states)[index]++;
}

void TcpRecorder::begin_walk(bool first, uint64_t lost, uint64_t now_ns) {
  first_walk_ = first;
  walk_++;
  met_ = FlatMap<States>(kOwnersMax);
  if (first) return;
  bool recount = lost > recounted_lost_;
  lost_ = lost;
  open_.begin_walk(recount, now_ns);
  if (recount) store_.each_tcp([](TcpCounts& counts) { counts.active = {}; });
}

void TcpRecorder::walked(const tcp_record& record) {
  if (record.kind == TCP_KIND_LISTEN) {
    if (uint32_t* walk = listeners_.insert(listener_key(record))) *walk = walk_;
  }
  if (record.kind == TCP_KIND_LISTEN || record.kind == TCP_KIND_CONNECTING) {
    if (!meets_first(record)) return;
    Workloads::Owner owner = workloads_.of(record.cgroup, record.pid, record.time_ns);
    take_drops(owner, record);
    if (!first_walk_) count_state(owner, record.state);
    return;
  }
  if (record.kind == TCP_KIND_CLOSED || record.kind == TCP_KIND_FAILED) take(record);
  if (first_walk_ || record.kind != TCP_KIND_OPEN) return;
  Workloads::Owner owner = workloads_.of(record.cgroup, record.pid, record.time_ns);
  OpenConnections::Sample sample = open_.sampled(record, {owner, direction_of(record)});
  if (sample.repeated) return;
  TcpCounts& counts = counts_of(sample.side.owner);
  if (sample.enters) counts.active[sample.side.direction]++;
  add_growth(counts, sample.growth, record.rtt_us);
  count_state(sample.side.owner, record.state);
}

void TcpRecorder::end_walk(bool whole) {
  if (!whole) return;
  has_walked_ = true;
  if (!first_walk_) {
    recounted_lost_ = lost_;
    tell_states();
  }
  open_.forget_unseen(kWalksUnseenMax);
  std::vector<uint64_t> gone;
  listeners_.each([&](uint64_t key, uint32_t walk) {
    if (walk_ - walk > 1) gone.push_back(key);
  });
  for (uint64_t key : gone)
    listeners_.erase(key);
  gone.clear();
  idle_.each([&](uint64_t socket, const Idle& idle) {
    if (walk_ - idle.walk > (idle.drops == 0 ? 0 : kWalksUnseenMax)) gone.push_back(socket);
  });
  for (uint64_t socket : gone)
    idle_.erase(socket);
}

void TcpRecorder::tell_states() {
  store_.each_tcp([](TcpCounts& counts) { counts.states = {}; });
  met_.each([this](uint64_t key, const States& states) {
    TcpCounts* counts = nullptr;
    for (unsigned i = 0; i < kTcpStates; i++) {
      if (states[i] == 0) continue;
      if (counts == nullptr) counts = &counts_of(static_cast<Workloads::Owner>(key - 1));
      counts->states[i] += states[i];
    }
  });
}

}  // namespace kubepulse
