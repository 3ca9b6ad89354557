#include "collect/open_connections.h"

#include <map>
#include <random>
#include <vector>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

tcp_record record_of(uint64_t socket, uint64_t start_ns, uint8_t direction, uint64_t sent,
                     uint64_t received = 0, uint32_t retransmits = 0) {
  tcp_record record{};
  record.socket = socket;
  record.start_ns = start_ns;
  record.direction = direction;
  record.sent_bytes = sent;
  record.received_bytes = received;
  record.retransmits = retransmits;
  return record;
}

void check_growth(const TcpGrowth& growth, uint64_t sent, uint64_t received, uint32_t retransmits) {
  ck_assert_uint_eq(growth.sent_bytes, sent);
  ck_assert_uint_eq(growth.received_bytes, received);
  ck_assert_uint_eq(growth.retransmits, retransmits);
}

OpenConnections::Sample sample_of(OpenConnections& open, const tcp_record& record,
                                  uint64_t direction) {
  return open.sampled(record, {0, static_cast<uint8_t>(direction)});
}

OpenConnections::End end_of(OpenConnections& open, const tcp_record& record) {
  return open.closed(record, {0, record.direction});
}

START_TEST(never_sampled) {
  OpenConnections open(10);
  OpenConnections::End end = end_of(open, record_of(7, 1, TCP_DIRECTION_IN, 10, 20, 3));
  ck_assert(end.known);
  ck_assert_uint_eq(end.side.direction, TCP_DIRECTION_IN);
  check_growth(end.growth, 10, 20, 3);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

START_TEST(samples_and_end_add_up) {
  OpenConnections open(10);
  open.begin_walk();
  auto sample = sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 10, 20, 3), TCP_DIRECTION_OUT);
  ck_assert(!sample.repeated && !sample.enters);
  check_growth(sample.growth, 10, 20, 3);
  // Through a second descriptor, having grown meanwhile: the rest comes with the next walk.
  sample = sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 11, 20, 3), TCP_DIRECTION_OUT);
  ck_assert(sample.repeated && !sample.enters);
  check_growth(sample.growth, 0, 0, 0);
  open.begin_walk();
  sample = sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 15, 25, 3), TCP_DIRECTION_OUT);
  ck_assert(!sample.repeated && !sample.enters);
  check_growth(sample.growth, 5, 5, 0);
  OpenConnections::End end = end_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 16, 25, 4));
  ck_assert(end.known);
  check_growth(end.growth, 1, 0, 1);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

START_TEST(from_before_the_start) {
  OpenConnections open(10);
  open.begin_walk();
  auto sample = sample_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 1000, 2000, 30), 1);
  ck_assert(sample.enters && !sample.repeated);
  check_growth(sample.growth, 0, 0, 0);
  sample = sample_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 1000, 2000, 30), 1);
  ck_assert(!sample.enters && sample.repeated);
  open.begin_walk();
  sample = sample_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 1001, 2002, 33), 0);
  ck_assert(!sample.enters && !sample.repeated);
  check_growth(sample.growth, 1, 2, 3);
  OpenConnections::End end = end_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 1001, 2003, 33));
  ck_assert(end.known);
  ck_assert_uint_eq(end.side.direction, 1);  // as first told, whatever later guesses said
  check_growth(end.growth, 0, 1, 0);
}
END_TEST

START_TEST(ends_unknown) {
  OpenConnections open(10);
  OpenConnections::End end = end_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 10, 20, 3));
  ck_assert(!end.known);
  check_growth(end.growth, 0, 0, 0);
  // Another connection has that address.
  open.begin_walk();
  (void)sample_of(open, record_of(7, 5, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  end = end_of(open, record_of(7, 0, TCP_DIRECTION_UNKNOWN, 10, 20, 3));
  ck_assert(!end.known);
  check_growth(end.growth, 0, 0, 0);
  check_growth(end_of(open, record_of(7, 5, TCP_DIRECTION_OUT, 12)).growth, 2, 0, 0);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

START_TEST(address_used_again) {
  OpenConnections open(10);
  open.begin_walk();
  (void)sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 100, 100, 9), TCP_DIRECTION_OUT);
  // In the same walk, too: another start is another connection.
  auto sample = sample_of(open, record_of(7, 2, TCP_DIRECTION_IN, 3, 4, 1), TCP_DIRECTION_IN);
  ck_assert(!sample.repeated && !sample.enters);
  check_growth(sample.growth, 3, 4, 1);
  OpenConnections::End end = end_of(open, record_of(7, 2, TCP_DIRECTION_IN, 5, 5, 1));
  check_growth(end.growth, 2, 1, 0);
  // Opened and ended between two walks at an address whose former end was lost.
  (void)sample_of(open, record_of(8, 1, TCP_DIRECTION_OUT, 100), TCP_DIRECTION_OUT);
  end = end_of(open, record_of(8, 3, TCP_DIRECTION_IN, 6, 7, 0));
  ck_assert(end.known);
  ck_assert_uint_eq(end.side.direction, TCP_DIRECTION_IN);
  check_growth(end.growth, 6, 7, 0);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

// A walk comes before the ring is drained: it meets the next one before the end of the last is
// read.
START_TEST(met_before_the_former_end_is_read) {
  OpenConnections open(10);
  open.begin_walk();
  auto sample = sample_of(open, record_of(7, 2, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  check_growth(sample.growth, 10, 0, 0);
  check_growth(end_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 10, 20)).growth, 10, 20, 0);
  check_growth(end_of(open, record_of(7, 2, TCP_DIRECTION_OUT, 10, 20)).growth, 0, 20, 0);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

// A recount did not meet it, and its beginning is told after it: what was counted stays counted.
START_TEST(sampled_before_its_beginning_is_told) {
  OpenConnections open(10);
  open.begin_walk();
  tcp_record record = record_of(7, 1, TCP_DIRECTION_OUT, 10, 20, 3);
  check_growth(sample_of(open, record, TCP_DIRECTION_OUT).growth, 10, 20, 3);
  open.begin_walk(true, 100);
  record = record_of(7, 1, TCP_DIRECTION_OUT, 12, 20, 3);
  record.time_ns = 150;
  ck_assert(open.opened(record, {4, TCP_DIRECTION_OUT}));
  ck_assert(!open.opened(record, {4, TCP_DIRECTION_OUT}));
  OpenConnections::End end = end_of(open, record);
  ck_assert(end.leaves);
  ck_assert_uint_eq(end.side.owner, 4);
  check_growth(end.growth, 2, 0, 0);
  ck_assert_uint_eq(open.size(), 0);
}
END_TEST

START_TEST(totals_never_count_backwards) {
  OpenConnections open(10);
  open.begin_walk();
  (void)sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 100, 100, 9), TCP_DIRECTION_OUT);
  open.begin_walk();
  auto sample = sample_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 90, 101, 8), TCP_DIRECTION_OUT);
  check_growth(sample.growth, 0, 1, 0);
  OpenConnections::End end = end_of(open, record_of(7, 1, TCP_DIRECTION_OUT, 103, 101, 9));
  check_growth(end.growth, 3, 0, 0);
}
END_TEST

START_TEST(full_table_loses_no_bytes) {
  OpenConnections open(2);
  open.begin_walk();
  for (uint64_t socket = 1; socket <= 3; socket++)
    (void)sample_of(open, record_of(socket, 9, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  ck_assert_uint_eq(open.size(), 2);
  auto sample = sample_of(open, record_of(3, 9, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  check_growth(sample.growth, 0, 0, 0);
  check_growth(end_of(open, record_of(3, 9, TCP_DIRECTION_OUT, 12)).growth, 12, 0, 0);
  check_growth(end_of(open, record_of(1, 9, TCP_DIRECTION_OUT, 12)).growth, 2, 0, 0);
  ck_assert_uint_eq(open.size(), 1);
}
END_TEST

START_TEST(forgets_what_no_walk_meets) {
  OpenConnections open(10);
  open.begin_walk();
  (void)sample_of(open, record_of(1, 9, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  (void)sample_of(open, record_of(2, 9, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
  open.forget_unseen(3);
  for (int walk = 0; walk < 3; walk++) {
    ck_assert_uint_eq(open.size(), 2);
    open.begin_walk();
    (void)sample_of(open, record_of(2, 9, TCP_DIRECTION_OUT, 10), TCP_DIRECTION_OUT);
    open.forget_unseen(3);
  }
  ck_assert_uint_eq(open.size(), 2);
  open.begin_walk();
  open.forget_unseen(3);
  ck_assert_uint_eq(open.size(), 1);
  check_growth(end_of(open, record_of(2, 9, TCP_DIRECTION_OUT, 10)).growth, 0, 0, 0);
}
END_TEST

// Many connections that grow, are walked over and end, at few addresses.
struct Model {
  struct Live {
    tcp_record record;
    TcpGrowth before;  // what it had done when it was first seen, where that is not to be counted
    bool seen = false;
  };

  explicit Model(unsigned seed) : random(seed) {}
  bool chance(unsigned percent) { return random() % 100 < percent; }

  void open_some() {
    uint64_t socket = 0xffff888000000000 + 64 * (random() % 200);
    if (live.count(socket) != 0) return;
    bool old = chance(20);
    Live fresh{};
    fresh.record = record_of(socket, old ? 0 : ++clock, old ? 2 : random() % 2, 0);
    if (old) fresh.record.sent_bytes = random() % 1000;
    live[socket] = fresh;
  }

  void grow_some() {
    for (auto& [socket, one] : live) {
      if (chance(70)) continue;
      one.record.sent_bytes += random() % 1000;
      one.record.received_bytes += chance(1) ? 1ULL << 40 : random() % 100;
      one.record.retransmits += random() % 2;
    }
  }

  void walk() {
    open.begin_walk();
    for (int descriptor = 0; descriptor < 2; descriptor++)
      for (auto& [socket, one] : live) {
        if (chance(20)) continue;  // a descriptor on its way between processes
        bool old = one.record.direction == TCP_DIRECTION_UNKNOWN;
        auto sample = sample_of(open, one.record, old ? socket / 64 % 2 : one.record.direction);
        ck_assert_int_eq(sample.enters, old && !one.seen);
        if (sample.enters)
          one.before = {one.record.sent_bytes, one.record.received_bytes, one.record.retransmits};
        one.seen = true;
        add(counted, sample.growth);
      }
    open.forget_unseen(1000);
  }

  void end_some() {
    for (auto at = live.begin(); at != live.end();) {
      if (!chance(10)) {
        ++at;
        continue;
      }
      end(at->second);
      at = live.erase(at);
    }
  }

  void end(const Live& one) {
    bool old = one.record.direction == TCP_DIRECTION_UNKNOWN;
    OpenConnections::End ended = end_of(open, one.record);
    ck_assert_int_eq(ended.known, !old || one.seen);
    if (ended.known)
      ck_assert_uint_eq(ended.side.direction,
                        old ? one.record.socket / 64 % 2 : one.record.direction);
    add(counted, ended.growth);
    if (!ended.known) return;
    add(expected, {one.record.sent_bytes - one.before.sent_bytes,
                   one.record.received_bytes - one.before.received_bytes,
                   one.record.retransmits - one.before.retransmits});
  }

  static void add(TcpGrowth& sum, const TcpGrowth& growth) {
    sum.sent_bytes += growth.sent_bytes;
    sum.received_bytes += growth.received_bytes;
    sum.retransmits += growth.retransmits;
  }

  std::mt19937 random;
  OpenConnections open{1000};
  std::map<uint64_t, Live> live;
  uint64_t clock = 0;
  TcpGrowth counted, expected;
};

START_TEST(growths_sum_to_the_totals) {
  for (unsigned seed = 1; seed <= 10; seed++) {
    Model model(seed);
    for (int round = 0; round < 300; round++) {
      for (int i = 0; i < 20; i++)
        model.open_some();
      model.grow_some();
      if (model.chance(50)) model.walk();
      model.grow_some();
      model.end_some();
    }
    for (const auto& [socket, one] : model.live)
      model.end(one);
    check_growth(model.counted, model.expected.sent_bytes, model.expected.received_bytes,
                 model.expected.retransmits);
    ck_assert_uint_gt(model.counted.sent_bytes, 0);
    ck_assert_uint_eq(model.open.size(), 0);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("open_connections", never_sampled, samples_and_end_add_up, from_before_the_start,
           ends_unknown, address_used_again, met_before_the_former_end_is_read,
           sampled_before_its_beginning_is_told, totals_never_count_backwards,
           full_table_loses_no_bytes, forgets_what_no_walk_meets, growths_sum_to_the_totals)
