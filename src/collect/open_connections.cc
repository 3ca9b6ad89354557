#include "collect/open_connections.h"

#include <vector>

namespace kubepulse {

namespace {

TcpGrowth totals_of(const tcp_record& record) {
  return TcpGrowth{record.sent_bytes, record.received_bytes, record.retransmits};
}

// Totals only grow; an older sample of the same connection tells nothing new.
TcpGrowth growth_since(const TcpGrowth& told, const TcpGrowth& now) {
  TcpGrowth growth;
  if (now.sent_bytes > told.sent_bytes) growth.sent_bytes = now.sent_bytes - told.sent_bytes;
  if (now.received_bytes > told.received_bytes)
    growth.received_bytes = now.received_bytes - told.received_bytes;
  if (now.retransmits > told.retransmits) growth.retransmits = now.retransmits - told.retransmits;
  return growth;
}

void add(TcpGrowth& told, const TcpGrowth& growth) {
  told.sent_bytes += growth.sent_bytes;
  told.received_bytes += growth.received_bytes;
  told.retransmits += growth.retransmits;
}

}  // namespace

// Began before the last recount, or before the daemon.
bool OpenConnections::is_old(const tcp_record& record) const {
  return record.start_ns < recounted_ns_ ||
         (record.start_ns == 0 && record.direction == TCP_DIRECTION_UNKNOWN);
}

// Memory of sockets is used again: another start is another connection, whose end was lost.
OpenConnections::Open* OpenConnections::find(const tcp_record& record) {
  Open* open = table_.find(record.socket);
  return open != nullptr && open->start_ns == record.start_ns ? open : nullptr;
}

bool OpenConnections::opened(const tcp_record& record, ConnectionSide side) {
  if (!is_old(record)) return true;
  Open* open = find(record);
  if (open != nullptr && open->in_gauge) return false;
  if (record.time_ns < recounted_ns_) return false;  // the recount would have met it
  // Its handshake began before the recount and ended after: from now on it is one of the met.
  // What a walk has told of it before stays told.
  if (open == nullptr) {
    open = table_.insert(record.socket);
    if (open == nullptr) return false;
    *open = Open{};
    open->start_ns = record.start_ns;
    open->walk = walk_;
  }
  open->in_gauge = true;
  open->side = side;
  return true;
}

void OpenConnections::begin_walk(bool recount, uint64_t now_ns) {
  walk_++;
  if (!recount) return;
  recounted_ns_ = now_ns;
  table_.each([](uint64_t, Open& open) { open.in_gauge = false; });
}

OpenConnections::Sample OpenConnections::sampled(const tcp_record& record, ConnectionSide side) {
  Sample sample;
  sample.side = side;
  Open* open = find(record);
  if (open == nullptr && record.direction == TCP_DIRECTION_UNKNOWN &&
      table_.find(record.socket) != nullptr) {
    sample.repeated = true;  // one that we know, met while it was ending
    return sample;
  }
  if (open == nullptr) {
    open = table_.insert(record.socket);
    if (open == nullptr) return sample;
    *open = Open{};
    open->start_ns = record.start_ns;
    open->side = side;
    // What it did before we looked is not ours to count.
    if (record.direction == TCP_DIRECTION_UNKNOWN) open->told = totals_of(record);
  } else if (open->walk == walk_) {
    sample.repeated = true;
    return sample;
  }
  open->walk = walk_;
  sample.side = open->side;
  sample.enters = is_old(record) && !open->in_gauge;
  if (sample.enters) open->in_gauge = true;
  sample.growth = growth_since(open->told, totals_of(record));
  add(open->told, sample.growth);
  return sample;
}

OpenConnections::End OpenConnections::closed(const tcp_record& record, ConnectionSide side) {
  End end;
  end.side = side;
  bool old = is_old(record);
  if (const Open* open = find(record)) {
    end.side = open->side;
    end.leaves = !old || open->in_gauge;
    end.growth = growth_since(open->told, totals_of(record));
  } else if (record.direction == TCP_DIRECTION_UNKNOWN) {
    end.known = false;
  } else {
    end.leaves = !old;
    end.growth = totals_of(record);
  }
  // A walk may have met a younger connection in the same memory before this record was read.
  if (const Open* held = table_.find(record.socket); held && held->start_ns <= record.start_ns)
    table_.erase(record.socket);
  return end;
}

void OpenConnections::forget_unseen(uint32_t walks) {
  std::vector<uint64_t> unseen;
  table_.each([&](uint64_t socket, const Open& open) {
    if (walk_ - open.walk > walks) unseen.push_back(socket);
  });
  for (uint64_t socket : unseen)
    table_.erase(socket);
}

}  // namespace kubepulse
