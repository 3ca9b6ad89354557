#include "publish/flow_store.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

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
  if (store_.packets_if_any(index) == nullptr) index = Workloads::kOther;
  if (index >= all_.size()) all_.resize(index + 1);
  if (all_[index] != nullptr) return all_[index].get();
  if (index >= Workloads::kFirst && !has_room(kSeriesOfAll)) return nullptr;
  store_.budget().take(kSeriesOfAll);
  all_[index] = std::make_unique<FlowCounts>();
  return all_[index].get();
}

bool FlowStore::has_room(size_t series) {
  bool room = store_.budget().allows(series);
  wants_room_ |= !room;
  return room;
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
  // The first flow of a workload may be ahead of its packets, which will find their place made.
  (void)store_.packets(index);
  if (FlowCounts* counts = of(index)) add_to(at(counts->told, kind), more);
}

void FlowStore::name(Index index, std::string_view ns, std::string_view peer, FlowKind kind,
                     FlowAmount more) {
  if (FlowCounts* counts = of(index)) add_to_row(*counts, ns, peer, {0, kind, more, now_ns_});
}

// O(rows), of which most workloads have a few. The peer of `more` is the one that is named.
void FlowStore::add_to_row(FlowCounts& counts, std::string_view ns, std::string_view peer,
                           const FlowCounts::Row& more) {
  // As the labels will read: two peers that are cut to the same text are one.
  text_.assign(cut_text(ns, kLabelBytesMax));
  text_ += '/';
  text_ += cut_text(peer, kLabelBytesMax);
  bool is_new = true;
  if (std::optional<Domains::Id> known = names_.find(text_)) {
    for (FlowCounts::Row& row : counts.rows) {
      if (row.peer != *known) continue;
      is_new = false;
      if (row.kind.direction != more.kind.direction || row.kind.protocol != more.kind.protocol)
        continue;
      add_to(row.amount, more.amount);
      row.grown_ns = std::max(row.grown_ns, more.grown_ns);
      return;
    }
  }
  if (is_new && counts.peers >= kPeersPerWorkload) fold_idle(counts);
  std::optional<Domains::Id> held;
  if ((!is_new || counts.peers < kPeersPerWorkload) && has_room(kSeriesOfRow)) {
    held = names_.hold(text_);
    wants_room_ |= !held;
  }
  if (!held) {
    peer_overflow_ += more.amount.packets;
    add_to_other(counts, more.kind, more.amount);
    return;
  }
  store_.budget().take(kSeriesOfRow);
  counts.rows.push_back({*held, more.kind, more.amount, more.grown_ns});
  counts.peers += is_new ? 1 : 0;
}

// All at once, so that "other" leaps seldom.
void FlowStore::fold_idle(FlowCounts& counts) {
  std::vector<FlowCounts::Row> rows;
  rows.swap(counts.rows);
  counts.peers = 0;
  for (const FlowCounts::Row& row : rows) {
    if (row.grown_ns + kRowIdleNs < now_ns_) {
      names_.release(row.peer);
      store_.budget().give_back(kSeriesOfRow);
      add_to_other(counts, row.kind, row.amount);
      continue;
    }
    auto same = [&row](const FlowCounts::Row& kept) { return kept.peer == row.peer; };
    counts.peers += std::none_of(counts.rows.begin(), counts.rows.end(), same) ? 1 : 0;
    counts.rows.push_back(row);
  }
}

void FlowStore::settle(bool shed) {
  uint64_t& missing = shed ? shed_packets_ : lost_packets_;
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
      missing += lost.packets;
    });
  }
  // Not while flows are added: series that come free before the packets are recorded again would
  // part flows from packets that found no room.
  if (!wants_room_) return;
  wants_room_ = false;
  for (auto& counts : all_)
    if (counts) fold_idle(*counts);
}

void FlowStore::clear_unique_peers() {
  for (auto& counts : all_)
    if (counts) counts->unique_peers = {};
}

void FlowStore::set_unique_peers(Index index, size_t direction, uint64_t peers) {
  if (index < all_.size() && all_[index] != nullptr) all_[index]->unique_peers[direction] = peers;
}

void FlowStore::give_back(const FlowCounts& counts) {
  size_t series = kSeriesOfAll + counts.rows.size() * kSeriesOfRow;
  for (const auto& way : counts.other)
    for (const FlowAmount& amount : way)
      series += is_nothing(amount) ? 0 : kSeriesOfRow;
  store_.budget().give_back(series);
}

void FlowStore::remove(Index index) {
  if (if_any(index) == nullptr) return;
  std::unique_ptr<FlowCounts> counts = std::move(all_[index]);
  give_back(*counts);
  for (const FlowCounts::Row& row : counts->rows)
    names_.release(row.peer);
}

void FlowStore::merge(Index from, Index to) {
  if (if_any(from) == nullptr) return;
  std::unique_ptr<FlowCounts> counts = std::move(all_[from]);
  // First, so that there is room for the sum.
  give_back(*counts);
  if (FlowCounts* sum = of(to)) {
    each_kind([&](FlowKind kind) {
      add_to(at(sum->told, kind), at(counts->told, kind));
      add_to_other(*sum, kind, at(counts->other, kind));
    });
    for (const FlowCounts::Row& row : counts->rows)
      add_to_row(*sum, peer_namespace(row.peer), peer_name(row.peer), row);
    for (size_t way = 0; way < 2; way++)
      sum->unique_peers[way] = std::max(sum->unique_peers[way], counts->unique_peers[way]);
  }
  for (const FlowCounts::Row& row : counts->rows)
    names_.release(row.peer);
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
