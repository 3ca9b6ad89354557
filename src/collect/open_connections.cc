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

OpenConnections::Sample OpenConnections::sampled(const tcp_record& record, uint8_t direction) {
  Sample sample;
  Open* open = table_.find(record.socket);
  // Memory of sockets is used again: another start is another connection, whose end was lost.
  bool fresh = open == nullptr || open->start_ns != record.start_ns;
  if (open == nullptr) open = table_.insert(record.socket);
  if (open == nullptr) return sample;
  if (fresh) {
    *open = Open{};
    open->start_ns = record.start_ns;
    open->direction = direction;
    if (record.direction == TCP_DIRECTION_UNKNOWN) {
      sample.found = true;
      open->told = totals_of(record);  // what it did before we looked is not ours to count
    }
  } else if (open->walk == walk_) {
    sample.repeated = true;
    return sample;
  }
  open->walk = walk_;
  sample.growth = growth_since(open->told, totals_of(record));
  add(open->told, sample.growth);
  return sample;
}

OpenConnections::End OpenConnections::closed(const tcp_record& record) {
  End end;
  end.direction = record.direction;
  const Open* open = table_.find(record.socket);
  if (open != nullptr && open->start_ns == record.start_ns) {
    if (record.direction == TCP_DIRECTION_UNKNOWN) end.direction = open->direction;
    end.growth = growth_since(open->told, totals_of(record));
  } else if (record.direction == TCP_DIRECTION_UNKNOWN) {
    end.known = false;
  } else {
    end.growth = totals_of(record);
  }
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
