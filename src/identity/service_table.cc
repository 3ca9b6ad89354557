#include "identity/service_table.h"

#include <cstring>
#include <functional>
#include <utility>

namespace kubepulse {

namespace {

std::string full_name(std::string_view ns, std::string_view name) {
  std::string text(ns);
  text += '/';
  return text.append(name);
}

}  // namespace

// Whoever may name services cannot choose what collides: names are compared.
uint64_t ServiceTable::key_of(const IpBytes& address) {
  uint64_t halves[2];
  memcpy(halves, address.data(), sizeof halves);
  uint64_t hash = (halves[0] ^ 0x9E3779B97F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 31) ^ halves[1]) * 0x94D049BB133111EBULL;
  return (hash ^ (hash >> 29)) | 1;  // 0 is no key
}

uint64_t ServiceTable::key_of(Kind kind, std::string_view name) {
  uint64_t hash = std::hash<std::string_view>()(name);
  return (hash ^ (kind == Kind::slice ? 0x9E3779B97F4A7C15ULL : 0)) | 1;
}

void ServiceTable::begin(Kind kind) {
  rounds_[static_cast<size_t>(kind)]++;
}

void ServiceTable::commit(Kind kind) {
  uint32_t round = rounds_[static_cast<size_t>(kind)];
  for (uint32_t index = 0; index < objects_.size(); index++) {
    const Object& each = objects_[index];
    if (each.held && each.kind == kind && each.round != round) remove(index);
  }
}

// That of the name, made where there was none; null for want of room.
ServiceTable::Object* ServiceTable::object(Kind kind, std::string_view ns, std::string_view name) {
  std::string full = full_name(ns, name);
  uint64_t key = key_of(kind, full);
  uint32_t round = rounds_[static_cast<size_t>(kind)];
  if (uint32_t* index = by_name_.find(key)) {
    Object& known = objects_[*index];
    if (known.kind != kind || known.name != full) return nullptr;
    known.round = round;
    return &known;
  }
  size_t& count = counts_[static_cast<size_t>(kind)];
  if (count == (kind == Kind::service ? kServicesMax : kSlicesMax)) return nullptr;
  bool is_new = kind == Kind::service && namespaces_.find(ns) == namespaces_.end();
  if (is_new && namespaces_.size() == kNamespacesMax) return nullptr;
  uint32_t* place = by_name_.insert(key);
  if (place == nullptr) return nullptr;
  if (free_objects_.empty()) {
    *place = static_cast<uint32_t>(objects_.size());
    objects_.emplace_back();
  } else {
    *place = free_objects_.back();
    free_objects_.pop_back();
  }
  Object& made = objects_[*place];
  made.kind = kind;
  made.held = true;
  made.round = round;
  made.name = std::move(full);
  count++;
  if (kind == Kind::service) count_namespace(ns, true);
  return &made;
}

void ServiceTable::count_namespace(std::string_view ns, bool more) {
  auto at = namespaces_.find(ns);
  if (more && at == namespaces_.end())
    namespaces_.emplace(ns, 1);
  else if (more)
    at->second++;
  else if (at != namespaces_.end() && --at->second == 0)
    namespaces_.erase(at);
}

// The new claims come first: what stays is not let go of.
void ServiceTable::put(const Service& service) {
  Object* held = object(Kind::service, service.ns.view(), service.name.view());
  if (held == nullptr) {
    overflow_++;
    return;
  }
  overflow_ += service.cut;
  std::vector<uint32_t> claims;
  claims.reserve(service.addresses.size());
  for (const IpBytes& address : service.addresses)
    claim(claims, address, Peer::Kind::service, service.ns.view(), service.name.view());
  claims.swap(held->claims);
  release(claims);
}

void ServiceTable::put(const EndpointSlice& slice) {
  Object* held = object(Kind::slice, slice.ns.view(), slice.name.view());
  if (held == nullptr) {
    overflow_++;
    return;
  }
  overflow_ += slice.cut;
  std::vector<uint32_t> claims;
  claims.reserve(slice.endpoints.size());
  for (const EndpointSlice::Endpoint& each : slice.endpoints)
    claim(claims, each.address, Peer::Kind::pod, slice.ns.view(), each.pod);
  claims.swap(held->claims);
  release(claims);
}

void ServiceTable::remove(Kind kind, std::string_view ns, std::string_view name) {
  std::string full = full_name(ns, name);
  uint32_t* index = by_name_.find(key_of(kind, full));
  if (index == nullptr) return;
  const Object& known = objects_[*index];
  if (known.kind == kind && known.name == full) remove(*index);
}

void ServiceTable::remove(uint32_t index) {
  Object& gone = objects_[index];
  release(gone.claims);
  by_name_.erase(key_of(gone.kind, gone.name));
  counts_[static_cast<size_t>(gone.kind)]--;
  if (gone.kind == Kind::service)
    count_namespace(std::string_view(gone.name).substr(0, gone.name.find('/')), false);
  gone = Object();
  std::string().swap(gone.name);  // a string that is assigned to keeps its memory
  free_objects_.push_back(index);
}

// O(claims to that address), of which there are few: as many as pods share a node's.
void ServiceTable::claim(std::vector<uint32_t>& into, const IpBytes& address, Peer::Kind kind,
                         std::string_view ns, std::string_view name) {
  uint64_t key = key_of(address);
  std::string full = full_name(ns, name);
  uint32_t* first = by_address_.find(key);
  for (uint32_t at = first == nullptr ? kNone : *first; at != kNone; at = claims_[at].next) {
    Claim& known = claims_[at];
    if (known.address != address || known.kind != kind || known.name != full) continue;
    known.holders++;
    into.push_back(at);
    return;
  }
  bool is_full = addresses() == kAddressesMax;
  if (first == nullptr && !is_full) {
    first = by_address_.insert(key);
    if (first != nullptr) *first = kNone;
  }
  if (is_full || first == nullptr) {
    overflow_++;
    return;
  }
  uint32_t made = static_cast<uint32_t>(claims_.size());
  if (free_claims_.empty()) {
    claims_.emplace_back();
  } else {
    made = free_claims_.back();
    free_claims_.pop_back();
  }
  claims_[made] = Claim{address, std::move(full), *first, 1, kind};
  *first = made;
  into.push_back(made);
}

void ServiceTable::release(const std::vector<uint32_t>& claims) {
  for (uint32_t each : claims) {
    Claim& claim = claims_[each];
    if (--claim.holders > 0) continue;
    uint64_t key = key_of(claim.address);
    uint32_t* link = by_address_.find(key);
    while (*link != each)
      link = &claims_[*link].next;
    *link = claim.next;
    if (*by_address_.find(key) == kNone) by_address_.erase(key);
    std::string().swap(claim.name);
    free_claims_.push_back(each);
  }
}

std::optional<Peer> ServiceTable::find(const Address& address) const {
  IpBytes bytes = ip_bytes(address);
  const uint32_t* first = by_address_.find(key_of(bytes));
  const Claim* only[2] = {};
  bool many[2] = {};
  for (uint32_t at = first == nullptr ? kNone : *first; at != kNone; at = claims_[at].next) {
    const Claim& claim = claims_[at];
    if (claim.address != bytes) continue;
    auto kind = static_cast<size_t>(claim.kind);
    many[kind] = only[kind] != nullptr;
    only[kind] = &claim;
  }
  size_t kind = only[0] != nullptr ? 0 : 1;
  if (only[kind] == nullptr || many[kind]) return std::nullopt;
  std::string_view name = only[kind]->name;
  size_t slash = name.find('/');
  return Peer{only[kind]->kind, name.substr(0, slash), name.substr(slash + 1)};
}

}  // namespace kubepulse
