// The DNS queries in flight: sent, and neither answered nor given up. All operations are O(1).
//
// The table is bounded and its memory is touched only as it is used: 96 bytes for each query of the
// most that were in flight at once, 256 more where names are kept, and at most 4 bytes for each of
// the bound. Slots are used again last in, first out; what a burst took is given back once the
// table has been empty.
#ifndef KUBEPULSE_COLLECT_DNS_FLIGHT_H
#define KUBEPULSE_COLLECT_DNS_FLIGHT_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>

#include "base/clock.h"

namespace kubepulse {

// What an answer has in common with its query. Whoever fills it in swaps the two sides for an
// answer, and leaves the rest of an IPv4 address zero. Where NAT may change addresses between the
// two, a socket is the key instead: its cookie stands in `client`, netns and client_port are 0.
struct DnsFlightKey {
  uint32_t netns = 0;  // 0: by socket
  uint16_t family = 0;
  uint16_t txid = 0;
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  uint8_t client[16] = {};
  uint8_t server[16] = {};
};
// Compared and hashed as bytes.
static_assert(sizeof(DnsFlightKey) == 44);
static_assert(std::has_unique_object_representations_v<DnsFlightKey>);

// What the table carries for its caller and, but for `sent_ns`, never looks at.
struct DnsQuery {
  uint64_t sent_ns = 0;
  uint32_t owner = 0;
  uint32_t question = 0;  // a hash of what is asked: another question is no repetition
  bool plain = false;     // its name, as DomainRules wants it
  // Bytes of the domain, where that is the name's end; 0: it is not, or not known.
  uint8_t domain_bytes = 0;
  uint32_t pid = 0;
  char comm[16] = {};
};

// A query that has left the table. The name is empty where names are not kept, and otherwise valid
// until the next sent().
struct DnsFlight {
  DnsFlightKey key;
  DnsQuery query;
  std::string_view name;
};

class DnsFlightTable {
 public:
  static constexpr uint32_t kCapacity = 16384;
  static constexpr uint64_t kTimeoutNs = 5 * kNsPerSecond;
  // Queries of one socket stand in one bucket if they have one number: it stays short.
  static constexpr uint32_t kServersMax = 8;

  // `seed` is random and secret: who sends queries chooses the keys, and shall not choose the
  // buckets. `capacity` is at least 1.
  explicit DnsFlightTable(uint64_t seed, bool keep_names = false, uint32_t capacity = kCapacity,
                          uint64_t timeout_ns = kTimeoutNs);

  struct Sent {
    // Not: the same key is in flight. It is sent again and remains one query, with its first time.
    bool inserted = false;
    // The table was full, or a socket asks kServersMax servers under one number, and `lost` is the
    // oldest of them, given up early.
    bool evicted = false;
    // A query that thereby timed out: the evicted one, or one of the same key that was due or asked
    // something else, and to which an answer could no longer be told. (glibc
    // repeats a query with the same key after exactly 5 s; that is a timeout and a new query.)
    std::optional<DnsFlight> lost;
  };
  Sent sent(const DnsFlightKey& key, const DnsQuery& query, std::string_view name = {});

  // The query that this answers, removed. By socket it is the one to that server, else, as NAT may
  // have changed that, the last one of its number. None where it is unknown or was due at `now_ns`,
  // the time that the answer arrived. So what counts as a timeout does not hang on when expire() is
  // called.
  std::optional<DnsFlight> answered(const DnsFlightKey& key, uint64_t now_ns);

  // Removes the queries that are due, oldest first, and calls `timed_out(const DnsFlight&)` for
  // each. Records wait in the ring: pass a time up to which it has been drained.
  template <typename TimedOut>
  void expire(uint64_t now_ns, TimedOut&& timed_out) {
    while (std::optional<DnsFlight> flight = take_due(now_ns))
      timed_out(*flight);
  }

  // When the oldest is due. Oldest is who came first: records may be slightly out of time's order.
  std::optional<uint64_t> next_due_ns() const;

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }

 private:
  using Index = uint32_t;  // of a slot, from 1; 0 is none, so that zeroed memory is an empty table

  struct Slot {
    DnsFlightKey key;
    Index in_bucket;  // the next one there; in a free slot, the next free one
    Index older;
    Index newer;
    DnsQuery query;
  };
  static_assert(sizeof(Slot) == 96);

  struct Name {
    uint8_t length;
    char bytes[255];
  };

  struct Unmap {
    size_t bytes;
    void operator()(void* memory) const;
  };
  template <typename T>
  using Array = std::unique_ptr<T[], Unmap>;
  template <typename T>
  static Array<T> zeroed(size_t count);

  Index& bucket(const DnsFlightKey& key);
  Index find(const DnsFlightKey& key);
  Index find_to_any(const DnsFlightKey& key);
  Index crowded(const DnsFlightKey& key);
  Index take_slot();
  bool is_due(Index at, uint64_t now_ns) const;
  void insert(Index at, const DnsFlightKey& key, const DnsQuery& query, std::string_view name);
  DnsFlight remove(Index at);
  std::optional<DnsFlight> take_due(uint64_t now_ns);

  uint64_t seed_;
  uint64_t timeout_ns_;
  uint32_t capacity_;
  uint32_t bucket_mask_;
  // One slot more than the capacity: what sent() gives back keeps its name while another moves in.
  Array<Slot> slots_;
  Array<Name> names_;
  Array<Index> buckets_;
  uint32_t size_ = 0;
  Index touched_ = 0;  // slots up to here have been used
  Index free_ = 0;
  Index oldest_ = 0;
  Index newest_ = 0;
};

}  // namespace kubepulse

#endif
