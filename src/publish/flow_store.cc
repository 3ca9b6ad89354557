#include "publish/flow_store.h"

#include <algorithm>

namespace kubepulse {

namespace {

bool is_never_shown(FlowStore::Index index) {
  return index == Workloads::kFiltered || index == Workloads::kLate;
}

FlowAmount& at(FlowAmounts& amounts, FlowKind kind) {
  return amounts[kind.direction][kind.protocol];
}

void add_to(FlowAmount& sum, FlowAmount more) {
  sum.packets += more.packets;
  sum.bytes += more.bytes;
}

bool is_nothing(const FlowAmount& amount) {
  return amount.packets == 0 && amount.bytes == 0;
}

uint64_t growth(uint64_t now, uint64_t told) {
  return now > told ? now - told : 0;
}

template <typename Visit>
void each_kind(Visit&& visit) {
  for (uint8_t direction = 0; direction < 2; direction++)
    for (uint8_t protocol = 0; protocol < kPacketProtocols; protocol++)
      visit(FlowKind{direction, protocol});
}

}  // namespace

// Where its packets are counted. Null: it is not shown, or there is no room for more series.
FlowCounts* FlowStore::of(Index index) {
  if (is_never_shown(index)) return nullptr;
  (void)store_.packets(index);
  if (store_.packets_if_any(index) == nullptr) index = Workloads::kOther;
  if (index >= all_.size()) all_.resize(index + 1);
  if (all_[index] != nullptr) return all_[index].get();
  if (index >= Workloads::kFirst && !store_.budget().allows(kSeriesOfAll)) return nullptr;
  store_.budget().take(kSeriesOfAll);
  all_[index] = std::make_unique<FlowCounts>();
  return all_[index].get();
}

void FlowStore::add_to_other(FlowCounts& counts, FlowKind kind, FlowAmount more) {
  if (is_nothing(more)) return;
  FlowAmount& other = at(counts.other, kind);
  if (is_nothing(other)) store_.budget().take(kSeriesOfRow);
  add_to(other, more);
}

void FlowStore::add(Index index, std::string_view ns, std::string_view peer, FlowKind kind,
                    FlowAmount more) {
  tell(index, kind, more);
  name(index, ns, peer, kind, more);
}

void FlowStore::tell(Index index, FlowKind kind, FlowAmount more) {
  if (FlowCounts* counts = of(index)) add_to(at(counts->told, kind), more);
}

// O(rows), of which most workloads have a few.
void FlowStore::name(Index index, std::string_view ns, std::string_view peer, FlowKind kind,
                     FlowAmount more) {
  FlowCounts* counts = of(index);
  if (counts == nullptr) return;
  text_.assign(ns);
  text_ += '/';
  text_ += peer;
  bool is_new = true;
  if (std::optional<Domains::Id> known = names_.find(text_)) {
    for (FlowCounts::Row& row : counts->rows) {
      if (row.peer != *known) continue;
      is_new = false;
      if (row.kind.direction != kind.direction || row.kind.protocol != kind.protocol) continue;
      add_to(row.amount, more);
      return;
    }
  }
  bool has_room = !is_new || counts->peers < kPeersPerWorkload;
  std::optional<Domains::Id> held;
  if (has_room && store_.budget().allows(kSeriesOfRow)) held = names_.hold(text_);
  if (!held) {
    peer_overflow_ += more.packets;
    add_to_other(*counts, kind, more);
    return;
  }
  store_.budget().take(kSeriesOfRow);
  counts->rows.push_back({*held, kind, more});
  counts->peers += is_new ? 1 : 0;
}

void FlowStore::settle() {
  for (Index index = 0; index < store_.packets_end(); index++) {
    if (is_never_shown(index) || store_.packets_if_any(index) == nullptr) continue;
    FlowCounts* counts = of(index);
    if (counts == nullptr) continue;
    const PacketCounts& packets = *store_.packets_if_any(index);
    each_kind([&](FlowKind kind) {
      FlowAmount& told = at(counts->told, kind);
      const PacketsOneWay& way = packets[kind.direction];
      FlowAmount lost{growth(way.packets[kind.protocol], told.packets),
                      growth(way.bytes[kind.protocol], told.bytes)};
      add_to(told, lost);
      add_to_other(*counts, kind, lost);
      lost_packets_ += lost.packets;
    });
  }
}

void FlowStore::clear_unique_peers() {
  for (auto& counts : all_)
    if (counts) counts->unique_peers = {};
}

void FlowStore::set_unique_peers(Index index, size_t direction, uint64_t peers) {
  if (index < all_.size() && all_[index] != nullptr) all_[index]->unique_peers[direction] = peers;
}

void FlowStore::remove(Index index) {
  if (if_any(index) == nullptr) return;
  const FlowCounts& counts = *all_[index];
  size_t series = kSeriesOfAll + counts.rows.size() * kSeriesOfRow;
  for (const FlowCounts::Row& row : counts.rows)
    names_.release(row.peer);
  for (const auto& way : counts.other)
    for (const FlowAmount& amount : way)
      series += is_nothing(amount) ? 0 : kSeriesOfRow;
  store_.budget().give_back(series);
  all_[index].reset();
}

void FlowStore::merge(Index from, Index to) {
  if (if_any(from) == nullptr) return;
  if (FlowCounts* sum = of(to)) {
    // What is added may move what holds it, but not these.
    const FlowCounts& counts = *all_[from];
    each_kind([&](FlowKind kind) {
      add_to(at(sum->told, kind), counts.told[kind.direction][kind.protocol]);
      add_to_other(*sum, kind, counts.other[kind.direction][kind.protocol]);
    });
    for (const FlowCounts::Row& row : counts.rows)
      name(to, peer_namespace(row.peer), peer_name(row.peer), row.kind, row.amount);
    for (size_t way = 0; way < 2; way++)
      sum->unique_peers[way] = std::max(sum->unique_peers[way], counts.unique_peers[way]);
  }
  remove(from);
}

std::string_view FlowStore::peer_namespace(Domains::Id peer) const {
  std::string_view text = names_.name(peer);
  return text.substr(0, text.find('/'));
}

std::string_view FlowStore::peer_name(Domains::Id peer) const {
  std::string_view text = names_.name(peer);
  return text.substr(text.find('/') + 1);
}

}  // namespace kubepulse
