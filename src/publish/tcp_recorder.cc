#include "publish/tcp_recorder.h"

#include "base/clock.h"
#include "collect/connect_failure.h"

namespace kubepulse {

namespace {

constexpr size_t kListenersMax = 16384;
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
      listeners_(kListenersMax) {}

void TcpRecorder::take(const tcp_record& record) {
  Workloads::Index index = workloads_.of(record.cgroup, record.pid, record.time_ns);
  TcpCounts& counts = store_.tcp(index);
  switch (record.kind) {
    case TCP_KIND_OPENED:
      opened(counts, record);
      break;
    case TCP_KIND_FAILED:
      failed(counts, record);
      break;
    case TCP_KIND_CLOSED:
      closed(counts, record);
      break;
    default:
      return;
  }
  if (log_ == nullptr) return;
  const WorkloadLabels& labels = workloads_.labels(index);
  line_.clear();
  append_tcp_event(line_, record, wall_ns(record.time_ns), labels.ns, labels.pod);
  log_->append(line_);
}

void TcpRecorder::opened(TcpCounts& counts, const tcp_record& record) {
  uint8_t direction = record.direction == TCP_DIRECTION_IN ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
  counts.connections[direction]++;
  add_active(counts, record, direction, 1);
  if (direction == TCP_DIRECTION_OUT && record.start_ns != 0)
    counts.connect_latency.observe(store_.bounds(), elapsed(record.start_ns, record.time_ns));
}

void TcpRecorder::failed(TcpCounts& counts, const tcp_record& record) {
  counts.failures[failure_reason_of(record.error)]++;
  counts.retransmits += record.retransmits;
}

void TcpRecorder::closed(TcpCounts& counts, const tcp_record& record) {
  OpenConnections::End end = open_.closed(record);
  counts.sent_bytes += end.growth.sent_bytes;
  counts.received_bytes += end.growth.received_bytes;
  counts.retransmits += end.growth.retransmits;
  if (record.rtt_us != 0) counts.rtt.observe(store_.bounds(), uint64_t{record.rtt_us} * 1000);
  if (!end.known) {
    unknown_ends_++;
    return;
  }
  add_active(counts, record, end.direction, -1);
  if (record.direction == TCP_DIRECTION_OUT && record.start_ns != 0) {
    uint64_t end_ns = record.close_ns != 0 ? record.close_ns : record.time_ns;
    counts.latency.observe(store_.bounds(), elapsed(record.start_ns, end_ns));
  }
}

void TcpRecorder::add_active(TcpCounts& counts, const tcp_record& record, uint8_t direction,
                             int64_t change) {
  if (direction > TCP_DIRECTION_IN || record.time_ns < recounted_ns_) return;
  counts.active[direction] += change;
}

// The kernel does not keep who opened a connection: whose port is listened on here did not.
uint8_t TcpRecorder::direction_of(const tcp_record& record) {
  if (record.direction != TCP_DIRECTION_UNKNOWN) return record.direction;
  return listeners_.find(listener_key(record)) != nullptr ? TCP_DIRECTION_IN : TCP_DIRECTION_OUT;
}

void TcpRecorder::begin_walk(bool first, uint64_t lost, uint64_t now_ns) {
  first_walk_ = first;
  walk_++;
  if (first) return;
  open_.begin_walk();
  recounting_ = lost > lost_;
  lost_ = lost;
  if (!recounting_) return;
  recounted_ns_ = now_ns;
  store_.each_tcp([](TcpCounts& counts) { counts.active = {}; });
}

void TcpRecorder::walked(const tcp_record& record) {
  if (record.kind == TCP_KIND_LISTEN) {
    if (uint32_t* walk = listeners_.insert(listener_key(record))) *walk = walk_;
    return;
  }
  if (first_walk_ || record.kind != TCP_KIND_OPEN) return;
  uint8_t direction = direction_of(record);
  OpenConnections::Sample sample = open_.sampled(record, direction);
  if (sample.repeated) return;
  TcpCounts& counts = store_.tcp(workloads_.of(record.cgroup, record.pid, record.time_ns));
  if (recounting_ || sample.found) counts.active[direction]++;
  counts.sent_bytes += sample.growth.sent_bytes;
  counts.received_bytes += sample.growth.received_bytes;
  counts.retransmits += sample.growth.retransmits;
  if (record.rtt_us != 0) counts.rtt.observe(store_.bounds(), uint64_t{record.rtt_us} * 1000);
}

void TcpRecorder::end_walk() {
  open_.forget_unseen(kWalksUnseenMax);
  std::vector<uint64_t> gone;
  listeners_.each([&](uint64_t key, uint32_t walk) {
    if (walk_ - walk > 1) gone.push_back(key);
  });
  for (uint64_t key : gone)
    listeners_.erase(key);
}

}  // namespace kubepulse
