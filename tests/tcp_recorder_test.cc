#include "publish/tcp_recorder.h"

#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kT = 1000 * kNsPerSecond;
constexpr uint64_t kCgroup = 11, kOtherCgroup = 12, kPodsCgroup = 13;
constexpr uint32_t kNetns = 4026531840;

// One connection, as its records tell it.
tcp_record record_of(uint32_t kind, tcp_direction direction, uint64_t start_ns, uint64_t time_ns) {
  tcp_record record{};
  record.kind = kind;
  record.direction = direction;
  record.start_ns = start_ns;
  record.time_ns = time_ns;
  record.cgroup = kCgroup;
  record.socket = 0xffff888000001000;
  record.netns = kNetns;
  record.local_port = 8080;
  record.family = 2;
  return record;
}

tcp_record with_totals(tcp_record record, uint64_t sent, uint64_t received, uint32_t retransmits) {
  record.sent_bytes = sent;
  record.received_bytes = received;
  record.retransmits = retransmits;
  return record;
}

struct Bench {
  Bench() {
    paths.born(kCgroup, "/system.slice/a.service");
    paths.born(kOtherCgroup, "/system.slice/b.service");
  }
  const TcpCounts& of(uint64_t cgroup) {
    return store.tcp(workloads.index(workloads.of(cgroup, 0, kT)));
  }
  const TcpCounts& counts() { return of(kCgroup); }

  void walk(std::initializer_list<tcp_record> records, uint64_t lost, uint64_t now_ns,
            bool first = false) {
    recorder.begin_walk(first, lost, now_ns);
    for (const tcp_record& record : records)
      recorder.walked(record);
    recorder.end_walk(true);
  }

  // What was counted, in short: established out/in, active out/in, failures, bytes, ...
  std::string told() { return told(counts()); }
  static std::string told(const TcpCounts& c) {
    uint64_t failures = 0;
    for (uint64_t count : c.failures)
      failures += count;
    std::string text;
    for (auto [name, value] : {std::pair<const char*, int64_t>{"out", c.connections[0]},
                               {"in", c.connections[1]},
                               {"active_out", c.active[0]},
                               {"active_in", c.active[1]},
                               {"failed", failures},
                               {"sent", c.sent_bytes},
                               {"received", c.received_bytes},
                               {"again", c.retransmits},
                               {"latency", count(c.latency)},
                               {"connect", count(c.connect_latency)},
                               {"rtt", count(c.rtt)},
                               {"resets", c.resets[0] + c.resets[1]}})
      if (value != 0) text += std::string(name) + "=" + std::to_string(value) + " ";
    return text;
  }
  static int64_t count(const Histogram& histogram) {
    uint64_t sum = 0;
    for (uint64_t one : histogram.buckets)
      sum += one;
    return static_cast<int64_t>(sum);
  }

  // "established=2 listen=1 drops=7 "
  std::string sockets(uint64_t cgroup = kCgroup) {
    const TcpCounts& counts = of(cgroup);
    std::string text;
    for (unsigned i = 0; i < kTcpStates; i++)
      if (counts.states[i] != 0)
        text += std::string(tcp_state_name(i)) + "=" + std::to_string(counts.states[i]) + " ";
    if (counts.accept_queue_drops != 0)
      text += "drops=" + std::to_string(counts.accept_queue_drops) + " ";
    return text;
  }

  PodTable pods;
  CgroupPaths paths;
  Workloads workloads{paths};
  Store store{{kNsPerMs, kNsPerSecond}};
  TcpRecorder recorder{workloads, store, nullptr, 100};
};

START_TEST(outgoing) {
  Bench bench;
  tcp_record opened = record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 400000);
  opened.rtt_us = 0;
  bench.recorder.take(opened);
  CHECK_TEXT(bench.told(), "out=1 active_out=1 connect=1 ");
  ck_assert_uint_eq(bench.counts().connect_latency.sum_ns, 400000);
  tcp_record closed = with_totals(
      record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 9 * kNsPerSecond), 10, 20, 3);
  closed.close_ns = kT + 2 * kNsPerMs;
  closed.rtt_us = 250;
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "out=1 sent=10 received=20 again=3 latency=1 connect=1 rtt=1 ");
  ck_assert_uint_eq(bench.counts().latency.sum_ns, 2 * kNsPerMs);  // to its own close
  ck_assert_uint_eq(bench.counts().latency.buckets[1], 1);
  ck_assert_uint_eq(bench.counts().rtt.sum_ns, 250000);
  ck_assert_uint_eq(bench.recorder.unknown_ends(), 0);
}
END_TEST

START_TEST(incoming) {
  Bench bench;
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_IN, kT, kT + 10));
  CHECK_TEXT(bench.told(), "in=1 active_in=1 ");  // no handshake of its own
  tcp_record closed =
      with_totals(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_IN, kT, kT + kNsPerSecond), 1, 2, 3);
  closed.close_ns = kT + 7;
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "in=1 sent=1 received=2 again=3 ");  // nor a lifetime, nor an RTT of 0
}
END_TEST

START_TEST(ended_by_the_peer) {
  Bench bench;
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 1));
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 5 * kNsPerMs));
  CHECK_TEXT(bench.told(), "out=1 latency=1 connect=1 ");
  ck_assert_uint_eq(bench.counts().latency.sum_ns, 5 * kNsPerMs);
}
END_TEST

START_TEST(start_not_known) {
  Bench bench;  // a connect that had begun before the programs were attached
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, 0, kT));
  CHECK_TEXT(bench.told(), "out=1 active_out=1 ");
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, 0, kT + 1));
  CHECK_TEXT(bench.told(), "out=1 ");
}
END_TEST

START_TEST(established_untold) {
  Bench bench;
  tcp_record closed = record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 5 * kNsPerMs);
  closed.untold = 1;
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "out=1 latency=1 ");  // how long the handshake took nobody knows
}
END_TEST

START_TEST(failures) {
  Bench bench;
  std::pair<int, FailureReason> const cases[] = {{ECONNREFUSED, kFailureRefused},
                                                 {ETIMEDOUT, kFailureTimeout},
                                                 {EHOSTUNREACH, kFailureUnreachable},
                                                 {ECONNRESET, kFailureReset},
                                                 {ECANCELED, kFailureCanceled},
                                                 {EADDRNOTAVAIL, kFailureOther},
                                                 {0, kFailureOther}};
  uint64_t others = 0;
  for (auto [error, reason] : cases) {
    tcp_record failed =
        with_totals(record_of(TCP_KIND_FAILED, TCP_DIRECTION_OUT, kT, kT + kNsPerSecond), 5, 6, 2);
    failed.error = static_cast<uint16_t>(error);
    failed.rtt_us = 7;
    bench.recorder.take(failed);
    if (reason == kFailureOther) others++;
    ck_assert_uint_eq(bench.counts().failures[reason], reason == kFailureOther ? others : 1);
  }
  CHECK_TEXT(bench.told(), "failed=7 again=14 ");  // repeated SYNs, and nothing else
}
END_TEST

START_TEST(not_events) {
  Bench bench;
  bench.recorder.take(with_totals(record_of(TCP_KIND_OPEN, TCP_DIRECTION_OUT, kT, kT), 1, 1, 1));
  bench.recorder.take(record_of(TCP_KIND_LISTEN, TCP_DIRECTION_OUT, kT, kT));
  bench.recorder.take(record_of(77, TCP_DIRECTION_OUT, kT, kT));
  CHECK_TEXT(bench.told(), "");
}
END_TEST

START_TEST(unknown_without_a_walk) {
  Bench bench;
  tcp_record closed =
      with_totals(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_UNKNOWN, 0, kT), 100, 100, 1);
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "");
  ck_assert_uint_eq(bench.recorder.unknown_ends(), 1);
}
END_TEST

START_TEST(from_before_the_start) {
  Bench bench;
  tcp_record seen =
      with_totals(record_of(TCP_KIND_OPEN, TCP_DIRECTION_UNKNOWN, 0, kT), 100, 200, 3);
  seen.rtt_us = 9;
  bench.walk({seen}, 0, kT, true);
  CHECK_TEXT(bench.told(), "");  // the first walk only looks for listeners
  bench.walk({seen, seen}, 0, kT + 1);
  CHECK_TEXT(bench.told(), "active_out=1 rtt=1 ");
  bench.walk({with_totals(seen, 101, 202, 3)}, 0, kT + 2);
  CHECK_TEXT(bench.told(), "active_out=1 sent=1 received=2 rtt=2 ");
  bench.recorder.take(
      with_totals(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_UNKNOWN, 0, kT + 3), 111, 202, 4));
  CHECK_TEXT(bench.told(), "sent=11 received=2 again=1 rtt=2 ");  // not a connect: no lifetime
  ck_assert_uint_eq(bench.recorder.unknown_ends(), 0);
}
END_TEST

START_TEST(direction_by_listeners) {
  Bench bench;
  tcp_record listener = record_of(TCP_KIND_LISTEN, TCP_DIRECTION_UNKNOWN, 0, kT);
  listener.socket++;
  tcp_record in = record_of(TCP_KIND_OPEN, TCP_DIRECTION_UNKNOWN, 0, kT);
  tcp_record elsewhere = in, out = in;
  elsewhere.socket += 64;
  elsewhere.netns++;
  out.socket += 128;
  out.local_port++;
  bench.walk({in, elsewhere, listener, out}, 0, kT, true);
  bench.walk({in, elsewhere, listener, out}, 0, kT);
  CHECK_TEXT(bench.told(), "active_out=2 active_in=1 ");
  in.kind = out.kind = elsewhere.kind = TCP_KIND_CLOSED;
  for (const tcp_record& record : {in, out, elsewhere})
    bench.recorder.take(record);
  CHECK_TEXT(bench.told(), "");
  // Two walks without the listener: its port tells nothing any more.
  bench.walk({}, 0, kT);
  bench.walk({}, 0, kT);
  in.kind = TCP_KIND_OPEN;
  bench.walk({in}, 0, kT);
  CHECK_TEXT(bench.told(), "active_out=1 ");
}
END_TEST

START_TEST(samples_then_close) {
  Bench bench;
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_IN, kT, kT));
  tcp_record seen = with_totals(record_of(TCP_KIND_OPEN, TCP_DIRECTION_IN, kT, kT + 5), 10, 20, 3);
  bench.walk({seen, with_totals(seen, 99, 99, 9)}, 0, kT + 5);
  CHECK_TEXT(bench.told(), "in=1 active_in=1 sent=10 received=20 again=3 ");
  bench.walk({with_totals(seen, 15, 20, 3)}, 0, kT + 6);
  bench.recorder.take(
      with_totals(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_IN, kT, kT + 7), 16, 21, 4));
  CHECK_TEXT(bench.told(), "in=1 sent=16 received=21 again=4 ");
}
END_TEST

START_TEST(recount_after_losses) {
  Bench bench;
  tcp_record opened = record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 1);
  for (int i = 0; i < 5; i++, opened.socket += 64)
    bench.recorder.take(opened);  // the ends of four are lost
  tcp_record seen = record_of(TCP_KIND_OPEN, TCP_DIRECTION_OUT, kT, kT + 10);
  tcp_record unseen_before = record_of(TCP_KIND_OPEN, TCP_DIRECTION_IN, kT, kT + 10);
  unseen_before.socket += 6400;
  bench.walk({seen}, 0, kT + 9);
  CHECK_TEXT(bench.told(), "out=5 active_out=5 connect=5 ");
  bench.walk({seen, unseen_before, seen}, 7, kT + 20);
  CHECK_TEXT(bench.told(), "out=5 active_out=1 active_in=1 connect=5 ");
  // A record that is older than the recount: its connection was seen, or was not there any more.
  opened.time_ns = kT + 19;
  bench.recorder.take(opened);
  CHECK_TEXT(bench.told(), "out=6 active_out=1 active_in=1 connect=6 ");
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 30));
  CHECK_TEXT(bench.told(), "out=6 active_in=1 latency=1 connect=6 ");
  bench.walk({}, 7, kT + 40);  // nothing more was lost: no recount
  CHECK_TEXT(bench.told(), "out=6 active_in=1 latency=1 connect=6 ");
  bench.walk({}, 8, kT + 50);
  CHECK_TEXT(bench.told(), "out=6 latency=1 connect=6 ");
}
END_TEST

// Ends that no program was called for: what a walk tells has all totals, the others none.
START_TEST(told_late) {
  Bench bench;
  tcp_record first = record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 1);
  tcp_record second = record_of(TCP_KIND_OPENED, TCP_DIRECTION_IN, kT + 2, kT + 2);
  second.socket += 64;
  bench.recorder.take(first);
  bench.recorder.take(second);
  tcp_record seen = record_of(TCP_KIND_OPEN, TCP_DIRECTION_OUT, kT, kT + 10);
  bench.walk({with_totals(seen, 100, 50, 1)}, 0, kT + 9);
  CHECK_TEXT(bench.told(),
             "out=1 in=1 active_out=1 active_in=1 sent=100 received=50 again=1 connect=1 ");
  first.kind = second.kind = TCP_KIND_CLOSED;
  first.family = 0;
  first.time_ns = second.time_ns = kT + 20;
  bench.recorder.take(first);
  CHECK_TEXT(bench.told(),
             "out=1 in=1 active_in=1 sent=100 received=50 again=1 latency=1 connect=1 ");
  bench.walk({with_totals(second, 7, 8, 0)}, 0, kT + 19);
  CHECK_TEXT(bench.told(), "out=1 in=1 sent=107 received=58 again=1 latency=1 connect=1 ");
}
END_TEST

START_TEST(failed_late) {
  Bench bench;
  tcp_record failed = record_of(TCP_KIND_FAILED, TCP_DIRECTION_OUT, kT, kT + 20);
  failed.error = ETIMEDOUT;
  bench.walk({with_totals(failed, 0, 0, 3)}, 0, kT + 19);
  CHECK_TEXT(bench.told(), "failed=1 again=3 ");
}
END_TEST

// Established while the walk went on: seen, and told by a record that is drained afterwards.
START_TEST(recount_counts_nothing_twice) {
  Bench bench;
  bench.walk({record_of(TCP_KIND_OPEN, TCP_DIRECTION_IN, kT + 12, kT + 15)}, 1, kT + 10);
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_IN, kT + 12, kT + 12));
  CHECK_TEXT(bench.told(), "in=1 active_in=1 ");
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_IN, kT + 12, kT + 20));
  CHECK_TEXT(bench.told(), "in=1 ");
}
END_TEST

// Not yet accepted, or closed by its application and still waiting for the peer: no task holds it,
// the walk does not meet it, and its end takes nothing from the gauge.
START_TEST(recount_does_not_go_below_zero) {
  Bench bench;
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 1));
  bench.walk({}, 1, kT + 10);
  tcp_record closed = record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 20);
  closed.close_ns = kT + 5;
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "out=1 latency=1 connect=1 ");
}
END_TEST

START_TEST(recount_keeps_directions) {
  Bench bench;
  tcp_record listener = record_of(TCP_KIND_LISTEN, TCP_DIRECTION_UNKNOWN, 0, kT);
  tcp_record seen = record_of(TCP_KIND_OPEN, TCP_DIRECTION_UNKNOWN, 0, kT);
  listener.socket++;
  bench.walk({listener}, 0, kT, true);
  bench.walk({listener, seen}, 0, kT);
  CHECK_TEXT(bench.told(), "active_in=1 ");
  for (int i = 0; i < 3; i++)
    bench.walk({seen}, 0, kT);  // the listener is gone, the connection stays
  bench.walk({seen}, 1, kT + 1);
  CHECK_TEXT(bench.told(), "active_in=1 ");
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_UNKNOWN, 0, kT + 2));
  CHECK_TEXT(bench.told(), "");
}
END_TEST

// On cgroup v1 a walk knows the task that holds it, and the end of an old connection does not.
START_TEST(an_end_counts_for_who_was_counted_open) {
  Bench bench;
  tcp_record seen = record_of(TCP_KIND_OPEN, TCP_DIRECTION_UNKNOWN, 0, kT);
  bench.walk({seen}, 0, kT, true);
  bench.walk({seen}, 0, kT);
  tcp_record closed = record_of(TCP_KIND_CLOSED, TCP_DIRECTION_UNKNOWN, 0, kT + 1);
  closed.cgroup = kOtherCgroup;
  bench.recorder.take(closed);
  CHECK_TEXT(bench.told(), "");
  CHECK_TEXT(Bench::told(bench.of(kOtherCgroup)), "");
}
END_TEST

// Of one from before the start only the walk tells the end, where the programs hang on cgroups.
START_TEST(an_end_in_a_walk) {
  Bench bench;
  auto old = [](tcp_kind kind, uint64_t sent) {
    return with_totals(record_of(kind, TCP_DIRECTION_UNKNOWN, 0, kT), sent, 0, 0);
  };
  bench.walk({old(TCP_KIND_OPEN, 100)}, 0, kT, true);
  bench.walk({old(TCP_KIND_OPEN, 100)}, 0, kT);
  CHECK_TEXT(bench.told(), "active_out=1 ");
  bench.walk({old(TCP_KIND_CLOSED, 130)}, 0, kT);
  CHECK_TEXT(bench.told(), "sent=30 ");
  bench.walk({}, 0, kT);
  CHECK_TEXT(bench.told(), "sent=30 ");
  ck_assert_uint_eq(bench.recorder.unknown_ends(), 0);
}
END_TEST

// A socket may outlive its workload, in the hands of another.
START_TEST(an_end_after_the_workloads_own) {
  Bench bench;
  bench.walk({}, 0, kT, true);
  tcp_record opened = record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 10);
  bench.recorder.take(opened);
  bench.walk({record_of(TCP_KIND_OPEN, TCP_DIRECTION_OUT, kT, kT + 20)}, 0, kT + 20);
  Workloads::Changes changes{[](Workloads::Index, Workloads::Index) { ck_abort(); },
                             [&](Workloads::Index index) { bench.store.remove(index); }};
  for (uint64_t at : {kT + kNsPerSecond, kT + 302 * kNsPerSecond})
    bench.workloads.sweep(at, changes, [](uint64_t) {});
  ck_assert_uint_eq(bench.workloads.size(), 0);
  bench.paths.born(kOtherCgroup, "/system.slice/b.service");
  tcp_record closed = with_totals(
      record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 400 * kNsPerSecond), 5, 6, 0);
  closed.cgroup = kOtherCgroup;
  bench.recorder.take(closed);
  CHECK_TEXT(Bench::told(bench.of(kOtherCgroup)), "");
  ck_assert_uint_eq(bench.store.tcp(Workloads::kLate).records, 1);
}
END_TEST

// A socket in a state, as a walk meets it.
tcp_record socket_in(uint8_t state, uint64_t socket, uint64_t cgroup = kCgroup) {
  tcp_kind kind = state == 10 ? TCP_KIND_LISTEN : state == 2 ? TCP_KIND_CONNECTING : TCP_KIND_OPEN;
  tcp_record record = record_of(kind, TCP_DIRECTION_UNKNOWN, 0, kT);
  record.state = state;
  record.socket = socket;
  record.cgroup = cgroup;
  return record;
}

tcp_record listener(uint64_t socket, uint32_t drops, tcp_kind kind = TCP_KIND_LISTEN) {
  tcp_record record = socket_in(10, socket);
  record.kind = kind;
  record.drops = drops;
  return record;
}

// Each socket once, however many descriptors it has; each walk tells all of it anew.
START_TEST(states) {
  Bench bench;
  bench.walk({socket_in(1, 64), socket_in(10, 128)}, 0, kT, true);
  CHECK_TEXT(bench.sockets(), "");
  bench.walk(
      {socket_in(1, 64), socket_in(1, 65), socket_in(1, 64), socket_in(10, 128), socket_in(10, 128),
       socket_in(2, 192), socket_in(2, 192), socket_in(8, 66), socket_in(4, 67), socket_in(5, 68),
       socket_in(9, 69), socket_in(11, 70), socket_in(10, 129, kOtherCgroup), socket_in(7, 71)},
      0, kT);
  CHECK_TEXT(bench.sockets(),
             "established=2 syn_sent=1 fin_wait1=1 fin_wait2=1 close_wait=1 last_ack=1 listen=1 "
             "closing=1 ");
  CHECK_TEXT(bench.sockets(kOtherCgroup), "listen=1 ");
  bench.walk({socket_in(8, 64), socket_in(10, 128)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "close_wait=1 listen=1 ");
  CHECK_TEXT(bench.sockets(kOtherCgroup), "");
  // Of a walk that failed nothing is told.
  bench.recorder.begin_walk(false, 0, kT);
  bench.recorder.walked(socket_in(1, 64));
  bench.recorder.end_walk(false);
  CHECK_TEXT(bench.sockets(), "close_wait=1 listen=1 ");
  bench.walk({}, 0, kT);
  CHECK_TEXT(bench.sockets(), "");
}
END_TEST

START_TEST(drops_of_listeners) {
  Bench bench;
  // What was dropped before the start is not told.
  bench.walk({listener(64, 100)}, 0, kT, true);
  bench.walk({listener(64, 100), listener(64, 100)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=1 ");
  bench.walk({listener(64, 103), listener(64, 104), listener(128, 5)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=2 drops=8 ");
  bench.walk({listener(64, 104), listener(128, 5)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=2 drops=9 ");
  // One walk may not meet it.
  bench.walk({}, 0, kT);
  bench.walk({listener(64, 105), listener(128, 5)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=2 drops=10 ");
  // The rest comes with its end, and who has that memory next begins anew.
  bench.recorder.take(listener(128, 9, TCP_KIND_UNLISTENED));
  CHECK_TEXT(bench.sockets(), "listen=2 drops=14 ");
  bench.walk({listener(64, 105), listener(128, 10)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=2 drops=24 ");
  // One that came and went between two walks.
  bench.recorder.take(listener(192, 3, TCP_KIND_UNLISTENED));
  CHECK_TEXT(bench.sockets(), "listen=2 drops=27 ");
  // The end of the last one was lost.
  bench.walk({listener(64, 2), listener(128, 10)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=2 drops=29 ");
  CHECK_TEXT(bench.told(), "");
}
END_TEST

// shutdown(2) and listen(2) again: the kernel goes on counting.
START_TEST(drops_of_one_that_listens_again) {
  Bench bench;
  bench.walk({}, 0, kT, true);
  bench.walk({listener(64, 5)}, 0, kT);
  bench.recorder.take(listener(64, 6, TCP_KIND_UNLISTENED));
  bench.recorder.take(listener(64, 6));
  bench.walk({listener(64, 7)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=1 drops=7 ");
}
END_TEST

// Nobody knows what was dropped before, where no walk has been whole.
START_TEST(no_drops_without_a_walk) {
  Bench bench;
  bench.recorder.take(listener(64, 6, TCP_KIND_UNLISTENED));
  bench.recorder.begin_walk(true, 0, kT);
  bench.recorder.end_walk(false);
  bench.recorder.begin_walk(false, 0, kT);
  bench.recorder.walked(listener(128, 7));
  bench.recorder.end_walk(true);
  CHECK_TEXT(bench.sockets(), "listen=1 ");
  bench.walk({listener(128, 8)}, 0, kT);
  CHECK_TEXT(bench.sockets(), "listen=1 drops=1 ");
}
END_TEST

START_TEST(filtered) {
  Bench bench;
  bench.workloads.set_filter([](std::string_view ns) { return ns != "systemd"; });
  bench.recorder.take(record_of(TCP_KIND_OPENED, TCP_DIRECTION_OUT, kT, kT + 10));
  bench.recorder.take(record_of(TCP_KIND_CLOSED, TCP_DIRECTION_OUT, kT, kT + 20));
  bench.recorder.take(record_of(TCP_KIND_FAILED, TCP_DIRECTION_OUT, kT, kT + 20));
  ck_assert_uint_eq(bench.store.tcp(Workloads::kFiltered).records, 3);
  ck_assert_uint_eq(bench.store.series(), 0);
  ck_assert_uint_eq(bench.workloads.size(), 0);
}
END_TEST

// A pod that the filters left out for a while has connections from before.
START_TEST(filtered_for_a_while) {
  constexpr const char* kUid = "11111111-2222-3333-4444-555555555555";
  Bench bench;
  bench.workloads.set_pods(&bench.pods);
  bench.paths.born(kPodsCgroup, std::string("/kubepods/pod") + kUid);
  Workloads::Changes changes{
      [&](Workloads::Index from, Workloads::Index to) { bench.store.merge(from, to); },
      [&](Workloads::Index index) { bench.store.remove(index); }};
  auto list = [&](bool watched) {
    static Pod pod;
    pod.clear();
    pod.ns.assign("shop");
    pod.name.assign("web-0");
    pod.uid.assign(kUid);
    bench.pods.begin();
    bench.pods.add(pod, watched);
    bench.pods.commit(kT);
    bench.workloads.settle(kT, changes);
  };
  auto record = [](tcp_kind kind, unsigned number, uint64_t time_ns) {
    tcp_record made = record_of(kind, TCP_DIRECTION_OUT, kT, time_ns);
    made.cgroup = kPodsCgroup;
    made.socket += number * 64;
    return made;
  };
  auto told = [&] { return Bench::told(bench.of(kPodsCgroup)); };
  auto walk = [&](std::initializer_list<tcp_record> records, uint64_t now_ns) {
    bench.walk(records, bench.workloads.partings(), now_ns);
  };
  list(true);
  for (unsigned number : {1, 2, 3})
    bench.recorder.take(record(TCP_KIND_OPENED, number, kT + 1));
  list(false);
  list(true);
  bench.recorder.take(record(TCP_KIND_CLOSED, 1, kT + 2));
  CHECK_TEXT(told(), "active_out=-1 latency=1 ");
  walk({record(TCP_KIND_OPEN, 2, kT + 4), record(TCP_KIND_OPEN, 3, kT + 4)}, kT + 3);
  CHECK_TEXT(told(), "active_out=2 latency=1 ");
  bench.recorder.take(record(TCP_KIND_CLOSED, 2, kT + 5));
  walk({record(TCP_KIND_OPEN, 3, kT + 7)}, kT + 6);
  CHECK_TEXT(told(), "active_out=1 latency=2 ");
}
END_TEST

}  // namespace

CHECK_MAIN("tcp_recorder", outgoing, incoming, ended_by_the_peer, start_not_known,
           established_untold, failures, not_events, unknown_without_a_walk, from_before_the_start,
           direction_by_listeners, samples_then_close, recount_after_losses,
           recount_counts_nothing_twice, told_late, failed_late, recount_does_not_go_below_zero,
           recount_keeps_directions, an_end_counts_for_who_was_counted_open, an_end_in_a_walk,
           an_end_after_the_workloads_own, states, drops_of_listeners,
           drops_of_one_that_listens_again, no_drops_without_a_walk, filtered, filtered_for_a_while)
