#include "collect/dns_flight.h"

#include <cstring>
#include <list>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

DnsFlightKey key_of(unsigned txid, unsigned port = 40000, uint32_t netns = 1) {
  DnsFlightKey key;
  key.netns = netns;
  key.family = 2;
  key.txid = static_cast<uint16_t>(txid);
  key.client_port = static_cast<uint16_t>(port);
  key.server_port = 53;
  memcpy(key.client, "\x0a\x00\x00\x07", 4);
  memcpy(key.server, "\x0a\x60\x00\x0a", 4);
  return key;
}

DnsQuery query_at(uint64_t sent_ns, uint32_t owner = 7) {
  DnsQuery query;
  query.sent_ns = sent_ns;
  query.owner = owner;
  query.plain = true;
  query.pid = owner + 2;
  memcpy(query.comm, "dig", 4);
  return query;
}

std::vector<unsigned> expired(DnsFlightTable& table, uint64_t now_ns) {
  std::vector<unsigned> txids;
  table.expire(now_ns, [&](const DnsFlight& flight) { txids.push_back(flight.key.txid); });
  return txids;
}

START_TEST(query_and_answer) {
  DnsFlightTable table(1, true);
  ck_assert(!table.next_due_ns());
  DnsFlightTable::Sent sent = table.sent(key_of(1), query_at(100), "www.example.com");
  ck_assert(sent.inserted && !sent.evicted && !sent.lost);
  ck_assert_uint_eq(table.size(), 1);
  ck_assert(table.next_due_ns() == 100 + DnsFlightTable::kTimeoutNs);

  ck_assert(!table.answered(key_of(2), 200));
  std::optional<DnsFlight> flight = table.answered(key_of(1), 200);
  ck_assert(flight.has_value());
  ck_assert_uint_eq(flight->query.sent_ns, 100);
  ck_assert_uint_eq(flight->query.owner, 7);
  ck_assert(flight->query.plain);
  ck_assert_uint_eq(flight->query.pid, 9);
  ck_assert_str_eq(flight->query.comm, "dig");
  ck_assert_uint_eq(flight->key.txid, 1);
  CHECK_TEXT(flight->name, "www.example.com");
  // Once only.
  ck_assert(!table.answered(key_of(1), 200));
  ck_assert_uint_eq(table.size(), 0);
  ck_assert(!table.next_due_ns());

  DnsFlightTable nameless(1);
  ck_assert(nameless.sent(key_of(1), query_at(100), "www.example.com").inserted);
  ck_assert(nameless.answered(key_of(1), 100)->name.empty());
}
END_TEST

START_TEST(every_part_of_the_key_counts) {
  DnsFlightTable table(2);
  std::vector<DnsFlightKey> keys = {key_of(1), key_of(2), key_of(1, 40001), key_of(1, 40000, 2)};
  for (int part = 0; part < 6; part++) {
    DnsFlightKey key = key_of(1);
    if (part == 0) key.family = 10;
    if (part == 1) key.server_port = 5353;
    if (part == 2) key.client[3] = 8;
    if (part == 3) key.client[15] = 1;
    if (part == 4) key.server[0] = 11;
    if (part == 5) key.server[15] = 1;
    keys.push_back(key);
  }
  uint32_t owner = 0;
  for (const DnsFlightKey& key : keys)
    ck_assert(table.sent(key, query_at(1, owner++)).inserted);
  for (size_t at = keys.size(); at-- > 0;) {
    std::optional<DnsFlight> flight = table.answered(keys[at], 2);
    ck_assert(flight.has_value());
    ck_assert_uint_eq(flight->query.owner, at);
  }
}
END_TEST

START_TEST(retransmission) {
  DnsFlightTable table(3);
  ck_assert(table.sent(key_of(1), query_at(kNsPerSecond, 1)).inserted);
  ck_assert(table.sent(key_of(2), query_at(2 * kNsPerSecond, 2)).inserted);
  DnsFlightTable::Sent again = table.sent(key_of(1), query_at(4 * kNsPerSecond, 3));
  ck_assert(!again.inserted && !again.evicted && !again.lost);
  ck_assert_uint_eq(table.size(), 2);
  // It keeps its time, its owner and its place.
  ck_assert(table.next_due_ns() == 6 * kNsPerSecond);
  std::optional<DnsFlight> flight = table.answered(key_of(1), 5 * kNsPerSecond);
  ck_assert(flight.has_value());
  ck_assert_uint_eq(flight->query.sent_ns, kNsPerSecond);
  ck_assert_uint_eq(flight->query.owner, 1);
}
END_TEST

START_TEST(repeated_when_due) {
  DnsFlightTable table(4, true);
  ck_assert(table.sent(key_of(1), query_at(kNsPerSecond, 1), "first.example").inserted);
  ck_assert(!table.sent(key_of(1), query_at(6 * kNsPerSecond - 1, 2)).inserted);
  DnsFlightTable::Sent late =
      table.sent(key_of(1), query_at(6 * kNsPerSecond, 3), "second.example");
  ck_assert(late.inserted && !late.evicted && late.lost.has_value());
  ck_assert_uint_eq(late.lost->query.owner, 1);
  CHECK_TEXT(late.lost->name, "first.example");
  ck_assert_uint_eq(table.size(), 1);
  std::optional<DnsFlight> flight = table.answered(key_of(1), 7 * kNsPerSecond);
  ck_assert(flight.has_value());
  ck_assert_uint_eq(flight->query.owner, 3);
  CHECK_TEXT(flight->name, "second.example");
}
END_TEST

START_TEST(late_answer) {
  DnsFlightTable table(5);
  ck_assert(table.sent(key_of(1), query_at(10)).inserted);
  ck_assert(!table.answered(key_of(1), 10 + DnsFlightTable::kTimeoutNs));
  // It is still a timeout.
  ck_assert(expired(table, 10 + DnsFlightTable::kTimeoutNs) == std::vector<unsigned>{1});
  ck_assert(table.sent(key_of(1), query_at(10)).inserted);
  ck_assert(table.answered(key_of(1), 9 + DnsFlightTable::kTimeoutNs).has_value());
  // An answer that is stamped before its query.
  ck_assert(table.sent(key_of(1), query_at(10)).inserted);
  ck_assert(table.answered(key_of(1), 3).has_value());
}
END_TEST

START_TEST(expiry_order) {
  DnsFlightTable table(6, false, 16, 100);
  // The third is stamped before the second and leaves after it all the same.
  ck_assert(table.sent(key_of(1), query_at(10)).inserted);
  ck_assert(table.sent(key_of(2), query_at(30)).inserted);
  ck_assert(table.sent(key_of(3), query_at(20)).inserted);
  ck_assert(table.sent(key_of(4), query_at(40)).inserted);
  ck_assert(expired(table, 109).empty());
  ck_assert(expired(table, 110) == std::vector<unsigned>{1});
  ck_assert(expired(table, 129).empty());
  ck_assert(table.next_due_ns() == 130U);
  ck_assert(table.answered(key_of(4), 125).has_value());
  ck_assert(expired(table, 1000) == (std::vector<unsigned>{2, 3}));
  ck_assert(expired(table, 1000).empty());
  ck_assert_uint_eq(table.size(), 0);
}
END_TEST

START_TEST(full) {
  DnsFlightTable table(7, true, 4);
  for (unsigned txid = 1; txid <= 4; txid++)
    ck_assert(!table.sent(key_of(txid), query_at(txid, txid), "q" + std::to_string(txid)).lost);
  for (unsigned txid = 5; txid <= 100; txid++) {
    DnsFlightTable::Sent sent =
        table.sent(key_of(txid), query_at(txid, txid), "q" + std::to_string(txid));
    ck_assert(sent.inserted && sent.evicted && sent.lost.has_value());
    ck_assert_uint_eq(sent.lost->key.txid, txid - 4);
    ck_assert_uint_eq(sent.lost->query.owner, txid - 4);
    CHECK_TEXT(sent.lost->name, "q" + std::to_string(txid - 4));
    ck_assert_uint_eq(table.size(), 4);
  }
  // A retransmission needs no room.
  ck_assert(!table.sent(key_of(97), query_at(200)).lost);
  ck_assert(expired(table, UINT64_MAX) == (std::vector<unsigned>{97, 98, 99, 100}));

  DnsFlightTable single(7, false, 1);
  ck_assert(!single.sent(key_of(1), query_at(1)).lost);
  ck_assert(single.sent(key_of(2), query_at(2)).evicted);
  ck_assert(single.answered(key_of(2), 3).has_value());
}
END_TEST

START_TEST(full_at_its_bound) {
  DnsFlightTable table(8);
  unsigned lost = 0;
  for (unsigned at = 0; at < 3 * DnsFlightTable::kCapacity; at++)
    if (table.sent(key_of(at & 0xFFFF, 1024 + (at >> 16)), query_at(at)).lost) lost++;
  ck_assert_uint_eq(table.size(), DnsFlightTable::kCapacity);
  ck_assert_uint_eq(lost, 2 * DnsFlightTable::kCapacity);
}
END_TEST

// The memory of a burst goes back to the kernel; the table is the same afterwards.
START_TEST(after_a_burst) {
  DnsFlightTable table(10, true);
  for (unsigned round = 0; round < 3; round++) {
    for (unsigned txid = 0; txid < 5000; txid++)
      if (!table.sent(key_of(txid), query_at(txid, txid), "burst").inserted) ck_abort();
    unsigned next = 0;
    table.expire(UINT64_MAX, [&](const DnsFlight& flight) {
      if (flight.query.owner != next++ || flight.name != "burst") ck_abort();
    });
    ck_assert_uint_eq(next, 5000);
    ck_assert_uint_eq(table.size(), 0);
    ck_assert(!table.answered(key_of(1), 2));
    ck_assert(!table.next_due_ns());
  }
}
END_TEST

START_TEST(long_names) {
  DnsFlightTable table(9, true, 2);
  std::string longest(253, 'x');
  ck_assert(table.sent(key_of(1), query_at(1), longest).inserted);
  ck_assert(table.sent(key_of(2), query_at(1), std::string(1000, 'y')).inserted);
  CHECK_TEXT(table.answered(key_of(1), 2)->name, longest);
  CHECK_TEXT(table.answered(key_of(2), 2)->name, std::string(255, 'y'));
  ck_assert(table.sent(key_of(3), query_at(1)).inserted);
  CHECK_TEXT(table.answered(key_of(3), 2)->name, "");
}
END_TEST

struct ByBytes {
  bool operator()(const DnsFlightKey& left, const DnsFlightKey& right) const {
    return memcmp(&left, &right, sizeof left) < 0;
  }
};

// The same in the plainest way, to be compared with.
class Model {
 public:
  struct Held {
    DnsFlightKey key;
    DnsQuery query;
    std::string name;
  };
  struct Sent {
    bool inserted = false;
    bool evicted = false;
    std::optional<Held> lost;
  };

  Model(size_t capacity, uint64_t timeout_ns) : capacity_(capacity), timeout_ns_(timeout_ns) {}

  Sent sent(const DnsFlightKey& key, const DnsQuery& query, std::string_view name) {
    Sent outcome;
    auto found = places_.find(key);
    if (found != places_.end() && !due(*found->second, query.sent_ns)) return outcome;
    outcome.inserted = true;
    if (found != places_.end()) {
      outcome.lost = take(found->second);
    } else if (arrivals_.size() == capacity_) {
      outcome.evicted = true;
      outcome.lost = take(arrivals_.begin());
    }
    arrivals_.push_back({key, query, std::string(name)});
    places_[key] = std::prev(arrivals_.end());
    return outcome;
  }

  std::optional<Held> answered(const DnsFlightKey& key, uint64_t now_ns) {
    auto found = places_.find(key);
    if (found == places_.end() || due(*found->second, now_ns)) return std::nullopt;
    return take(found->second);
  }

  std::vector<Held> expire(uint64_t now_ns) {
    std::vector<Held> gone;
    while (!arrivals_.empty() && due(arrivals_.front(), now_ns))
      gone.push_back(take(arrivals_.begin()));
    return gone;
  }

  std::optional<uint64_t> next_due_ns() const {
    if (arrivals_.empty()) return std::nullopt;
    return arrivals_.front().query.sent_ns + timeout_ns_;
  }

  size_t size() const { return arrivals_.size(); }

 private:
  using Arrivals = std::list<Held>;
  bool due(const Held& held, uint64_t now_ns) const {
    return held.query.sent_ns + timeout_ns_ <= now_ns;
  }
  Held take(Arrivals::iterator at) {
    Held held = *at;
    places_.erase(held.key);
    arrivals_.erase(at);
    return held;
  }

  size_t capacity_;
  uint64_t timeout_ns_;
  Arrivals arrivals_;
  std::map<DnsFlightKey, Arrivals::iterator, ByBytes> places_;
};

bool same(const std::optional<DnsFlight>& got, const std::optional<Model::Held>& want) {
  if (!got || !want) return !got && !want;
  return memcmp(&got->key, &want->key, sizeof got->key) == 0 &&
         got->query.sent_ns == want->query.sent_ns && got->query.owner == want->query.owner &&
         got->query.plain == want->query.plain && got->query.pid == want->query.pid &&
         memcmp(got->query.comm, want->query.comm, sizeof got->query.comm) == 0 &&
         got->name == want->name;
}

// One random operation on both; whether they agree. No assertion here: each is a write to Check's
// pipe.
bool agree_on_one(std::mt19937_64& random, DnsFlightTable& table, Model& model, unsigned keys,
                  uint64_t now) {
  auto pick = static_cast<unsigned>(random() % keys);
  DnsFlightKey key = key_of(pick & 0xFF, 1000 + (pick >> 8 & 0xF), 1 + (pick >> 12));
  auto what = static_cast<unsigned>(random() % 100);
  if (what < 55) {
    DnsQuery query = query_at(now - random() % 20, static_cast<uint32_t>(random()));
    std::string name(random() % 32 == 0 ? 253 : random() % 16, static_cast<char>('a' + now % 26));
    Model::Sent want = model.sent(key, query, name);
    DnsFlightTable::Sent got = table.sent(key, query, name);
    return got.inserted == want.inserted && got.evicted == want.evicted &&
           same(got.lost, want.lost);
  }
  if (what < 98) return same(table.answered(key, now), model.answered(key, now));
  std::vector<Model::Held> want = model.expire(now);
  size_t at = 0;
  bool all_same = true;
  table.expire(now, [&](const DnsFlight& got) {
    all_same = all_same && at < want.size() && same(got, want[at]);
    at++;
  });
  return all_same && at == want.size();
}

// 1,000,000 in all: room for every key, too little room, hardly any, and a single bucket.
constexpr struct {
  uint32_t capacity;
  unsigned keys;
  unsigned operations;
} kRuns[] = {{1024, 600, 250000},
             {3000, 20000, 50000},
             {300, 5000, 400000},
             {3, 12, 200000},
             {1, 5, 100000}};

START_TEST(against_the_model) {
  constexpr uint64_t kTimeout = 5000;
  for (const auto& run : kRuns) {
    std::mt19937_64 random(run.capacity);
    DnsFlightTable table(random(), true, run.capacity, kTimeout);
    Model model(run.capacity, kTimeout);
    uint64_t now = 1000;
    for (unsigned count = 0; count < run.operations; count++) {
      now += random() % 8;
      if (!agree_on_one(random, table, model, run.keys, now) || table.size() != model.size() ||
          table.next_due_ns() != model.next_due_ns())
        ck_abort_msg("capacity %u: they differ after operation %u", run.capacity, count);
    }
  }
}
END_TEST

// Another question under the same id from the same port: a query of its own.
START_TEST(another_question_is_another_query) {
  DnsFlightTable table(1);
  DnsFlightKey key;
  key.txid = 7;
  DnsQuery first, second;
  first.sent_ns = 100;
  first.question = 1;
  second.sent_ns = 200;
  second.question = 2;
  ck_assert(table.sent(key, first).inserted);
  ck_assert(!table.sent(key, first).inserted);
  DnsFlightTable::Sent sent = table.sent(key, second);
  ck_assert(sent.inserted && !sent.evicted);
  ck_assert(sent.lost && sent.lost->query.question == 1);
  auto flight = table.answered(key, 300);
  ck_assert(flight && flight->query.sent_ns == 200);
  ck_assert_uint_eq(table.size(), 0);
}
END_TEST

DnsFlightKey key_by_socket(uint64_t cookie, unsigned txid, unsigned server = 1) {
  DnsFlightKey key;
  key.family = 2;
  key.txid = static_cast<uint16_t>(txid);
  key.server_port = 53;
  memcpy(key.client, &cookie, sizeof cookie);
  key.server[0] = static_cast<uint8_t>(server);
  return key;
}

// NAT may have changed the server's address between the query and its answer.
START_TEST(by_socket) {
  DnsFlightTable table(1);
  ck_assert(table.sent(key_by_socket(5, 1), query_at(100)).inserted);
  ck_assert(!table.sent(key_by_socket(5, 1), query_at(150)).inserted);
  ck_assert(!table.answered(key_by_socket(6, 1), 200));
  ck_assert(!table.answered(key_by_socket(5, 2), 200));
  auto flight = table.answered(key_by_socket(5, 1, 99), 200);
  ck_assert(flight && flight->query.sent_ns == 100 && flight->key.server[0] == 1);
  // Another family, as an IPv6 socket that asks an IPv4 server may show.
  table.sent(key_by_socket(5, 3), query_at(100));
  DnsFlightKey other = key_by_socket(5, 3);
  other.family = 10;
  other.server_port = 5353;
  ck_assert(table.answered(other, 200));
  ck_assert_uint_eq(table.size(), 0);
}
END_TEST

// A resolver asks several servers at once under one number.
START_TEST(by_socket_to_several_servers) {
  DnsFlightTable table(2);
  for (unsigned server = 1; server <= 3; server++)
    ck_assert(table.sent(key_by_socket(5, 1, server), query_at(100 * server)).inserted);
  ck_assert_uint_eq(table.answered(key_by_socket(5, 1, 2), 500)->query.sent_ns, 200);
  // The last one of those left, where none is to that server.
  ck_assert_uint_eq(table.answered(key_by_socket(5, 1, 77), 500)->query.sent_ns, 300);
  ck_assert_uint_eq(table.answered(key_by_socket(5, 1, 77), 500)->query.sent_ns, 100);
  ck_assert(!table.answered(key_by_socket(5, 1, 77), 500));
}
END_TEST

START_TEST(by_socket_crowded) {
  DnsFlightTable table(3);
  for (unsigned server = 1; server <= DnsFlightTable::kServersMax; server++)
    ck_assert(!table.sent(key_by_socket(5, 1, server), query_at(100)).evicted);
  ck_assert(!table.sent(key_by_socket(6, 1, 1), query_at(100)).evicted);
  DnsFlightTable::Sent sent = table.sent(key_by_socket(5, 1, 200), query_at(100));
  ck_assert(sent.inserted && sent.evicted && sent.lost && sent.lost->key.server[0] == 1);
  ck_assert_uint_eq(table.size(), DnsFlightTable::kServersMax + 1);
}
END_TEST

}  // namespace

CHECK_MAIN("dns_flight", query_and_answer, every_part_of_the_key_counts, retransmission,
           repeated_when_due, late_answer, expiry_order, full, full_at_its_bound, after_a_burst,
           long_names, against_the_model, another_question_is_another_query, by_socket,
           by_socket_to_several_servers, by_socket_crowded)
