#include "collect/dns_flight.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace kubepulse {

namespace {

// What an empty table may hold on to, 96 KiB, so that a small one does not ask the kernel again.
constexpr uint32_t kSlotsKept = 1024;

uint64_t rotated(uint64_t value, int bits) {
  return value << bits | value >> (64 - bits);
}

// SipHash-1-3 (Aumasson and Bernstein 2012, with fewer rounds), about 15 ns for a key.
class SipHash {
 public:
  explicit SipHash(uint64_t seed)
      : a_(seed ^ 0x736f6d6570736575),
        b_(rotated(seed, 32) ^ 0x646f72616e646f6d),
        c_(seed ^ 0x6c7967656e657261),
        d_(rotated(seed, 32) ^ 0x7465646279746573) {}

  void add(uint64_t word) {
    d_ ^= word;
    round();
    a_ ^= word;
  }

  uint64_t finish() {
    c_ ^= 0xFF;
    for (int count = 0; count < 3; count++)
      round();
    return a_ ^ b_ ^ c_ ^ d_;
  }

 private:
  // Called, as -Os would have it, it takes twice as long.
  __attribute__((always_inline)) void round() {
    a_ += b_;
    b_ = rotated(b_, 13) ^ a_;
    a_ = rotated(a_, 32);
    c_ += d_;
    d_ = rotated(d_, 16) ^ c_;
    a_ += d_;
    d_ = rotated(d_, 21) ^ a_;
    c_ += b_;
    b_ = rotated(b_, 17) ^ c_;
    c_ = rotated(c_, 32);
  }

  uint64_t a_, b_, c_, d_;
};

bool is_by_socket(const DnsFlightKey& key) {
  return key.netns == 0;
}

// Of a key by socket: whatever the server.
bool same_socket(const DnsFlightKey& one, const DnsFlightKey& other) {
  return is_by_socket(one) && one.txid == other.txid && other.netns == 0 &&
         memcmp(one.client, other.client, sizeof one.client) == 0;
}

uint64_t hash(DnsFlightKey key, uint64_t seed) {
  if (is_by_socket(key)) {
    memset(key.server, 0, sizeof key.server);
    key.server_port = key.family = 0;
  }
  SipHash state(seed);
  // Whole words, as a copy of a length that the compiler does not know takes longer than the hash.
  static_assert(sizeof key == 5 * sizeof(uint64_t) + sizeof(uint32_t));
  const char* bytes = reinterpret_cast<const char*>(&key);
  for (size_t at = 0; at + sizeof(uint64_t) <= sizeof key; at += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, bytes + at, sizeof word);
    state.add(word);
  }
  uint32_t rest;
  memcpy(&rest, bytes + sizeof key - sizeof rest, sizeof rest);
  state.add(rest);
  return state.finish();
}

uint32_t power_of_two_from(uint32_t least) {
  uint32_t power = 1;
  while (power < least)
    power *= 2;
  return power;
}

}  // namespace

// Whole pages of zeros, which cost nothing until they are written to. Not calloc(): it may clear
// memory that it has had before, and the kernel may back a large block with huge pages.
template <typename T>
DnsFlightTable::Array<T> DnsFlightTable::zeroed(size_t count) {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  size_t bytes = count * sizeof(T);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) abort();        // as operator new does without exceptions
  madvise(memory, bytes, MADV_NOHUGEPAGE);  // EINVAL where the kernel has none
  return Array<T>(static_cast<T*>(memory), Unmap{bytes});
}

void DnsFlightTable::Unmap::operator()(void* memory) const {
  munmap(memory, bytes);
}

DnsFlightTable::DnsFlightTable(uint64_t seed, bool keep_names, uint32_t capacity,
                               uint64_t timeout_ns)
    : seed_(seed),
      timeout_ns_(timeout_ns),
      capacity_(capacity),
      bucket_mask_(power_of_two_from(capacity) - 1),
      slots_(zeroed<Slot>(size_t{capacity} + 1)),
      names_(keep_names ? zeroed<Name>(size_t{capacity} + 1) : Array<Name>()),
      buckets_(zeroed<Index>(size_t{bucket_mask_} + 1)) {}

DnsFlightTable::Index& DnsFlightTable::bucket(const DnsFlightKey& key) {
  return buckets_[hash(key, seed_) & bucket_mask_];
}

DnsFlightTable::Index DnsFlightTable::find(const DnsFlightKey& key) {
  Index at = bucket(key);
  while (at != 0 && memcmp(&slots_[at - 1].key, &key, sizeof key) != 0)
    at = slots_[at - 1].in_bucket;
  return at;
}

DnsFlightTable::Index DnsFlightTable::find_to_any(const DnsFlightKey& key) {
  if (!is_by_socket(key)) return 0;
  Index at = bucket(key);
  while (at != 0 && !same_socket(slots_[at - 1].key, key))
    at = slots_[at - 1].in_bucket;
  return at;
}

// The oldest query of this socket and number where there are as many as there may be, else 0.
DnsFlightTable::Index DnsFlightTable::crowded(const DnsFlightKey& key) {
  if (!is_by_socket(key)) return 0;
  uint32_t count = 0;
  Index last = 0;
  for (Index at = bucket(key); at != 0; at = slots_[at - 1].in_bucket) {
    if (!same_socket(slots_[at - 1].key, key)) continue;
    last = at;
    count++;
  }
  return count < kServersMax ? 0 : last;
}

bool DnsFlightTable::is_due(Index at, uint64_t now_ns) const {
  return slots_[at - 1].query.sent_ns + timeout_ns_ <= now_ns;
}

void DnsFlightTable::insert(Index at, const DnsFlightKey& key, const DnsQuery& query,
                            std::string_view name) {
  Slot& slot = slots_[at - 1];
  Index& first = bucket(key);
  slot.key = key;
  slot.query = query;
  slot.in_bucket = first;
  first = at;
  slot.older = newest_;
  slot.newer = 0;
  (newest_ != 0 ? slots_[newest_ - 1].newer : oldest_) = at;
  newest_ = at;
  size_++;
  if (names_) {
    Name& kept = names_[at - 1];
    kept.length = static_cast<uint8_t>(name.copy(kept.bytes, sizeof kept.bytes));
  }
}

DnsFlight DnsFlightTable::remove(Index at) {
  Slot& slot = slots_[at - 1];
  Index* link = &bucket(slot.key);
  while (*link != at)
    link = &slots_[*link - 1].in_bucket;
  *link = slot.in_bucket;
  (slot.older != 0 ? slots_[slot.older - 1].newer : oldest_) = slot.newer;
  (slot.newer != 0 ? slots_[slot.newer - 1].older : newest_) = slot.older;
  slot.in_bucket = free_;
  free_ = at;
  size_--;
  DnsFlight flight{slot.key, slot.query, {}};
  if (names_) flight.name = {names_[at - 1].bytes, names_[at - 1].length};
  return flight;
}

DnsFlightTable::Index DnsFlightTable::take_slot() {
  // Here and not in remove(), where the name of the last query is still to be read.
  if (size_ == 0 && touched_ > kSlotsKept) {
    madvise(slots_.get(), slots_.get_deleter().bytes, MADV_DONTNEED);
    if (names_) madvise(names_.get(), names_.get_deleter().bytes, MADV_DONTNEED);
    free_ = touched_ = 0;
  }
  if (free_ == 0) return ++touched_;
  Index at = free_;
  free_ = slots_[at - 1].in_bucket;
  return at;
}

DnsFlightTable::Sent DnsFlightTable::sent(const DnsFlightKey& key, const DnsQuery& query,
                                          std::string_view name) {
  Sent outcome;
  Index same = find(key);
  if (same != 0 && slots_[same - 1].query.question == query.question &&
      !is_due(same, query.sent_ns))
    return outcome;

  // The slot is taken before another is given up, so that the two differ.
  Index at = take_slot();
  outcome.inserted = true;
  if (same != 0) {
    outcome.lost = remove(same);
  } else if (Index oldest = crowded(key); oldest != 0) {
    outcome.evicted = true;
    outcome.lost = remove(oldest);
  } else if (size_ == capacity_) {
    outcome.evicted = true;
    outcome.lost = remove(oldest_);
  }
  insert(at, key, query, name);
  return outcome;
}

std::optional<DnsFlight> DnsFlightTable::answered(const DnsFlightKey& key, uint64_t now_ns) {
  Index at = find(key);
  if (at == 0) at = find_to_any(key);
  if (at == 0 || is_due(at, now_ns)) return std::nullopt;
  return remove(at);
}

std::optional<DnsFlight> DnsFlightTable::take_due(uint64_t now_ns) {
  if (oldest_ == 0 || !is_due(oldest_, now_ns)) return std::nullopt;
  return remove(oldest_);
}

std::optional<uint64_t> DnsFlightTable::next_due_ns() const {
  if (oldest_ == 0) return std::nullopt;
  return slots_[oldest_ - 1].query.sent_ns + timeout_ns_;
}

}  // namespace kubepulse
