#include "insight/traffic_rules.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Count {
  TrafficCounter counter;
  uint64_t value;
};

class Counted {
 public:
  Counted(std::initializer_list<Count> counts) {
    counters_.add(1000 * kNsPerSecond, {});
    TrafficWindow::Totals totals{};
    for (const Count& each : counts)
      totals[each.counter] = each.value;
    counters_.add(1200 * kNsPerSecond, totals);
    facts.counters = &counters_;
  }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  TrafficFacts facts;

 private:
  TrafficWindow counters_;
};

std::string spoken(const TrafficFacts& facts, bool held = false) {
  std::string out;
  if (dns_failing(facts, held)) out += "d";
  if (dns_search_amplification(facts, held)) out += "n";
  if (connect_failing(facts, held)) out += "c";
  if (retransmitting(facts, held)) out += "r";
  if (accept_queue_overflow(facts, held)) out += "a";
  return out;
}

std::string spoken(std::initializer_list<Count> counts, bool held = false) {
  return spoken(Counted(counts).facts, held);
}

START_TEST(nothing_known) {
  CHECK_TEXT(spoken(TrafficFacts()), "");
  CHECK_TEXT(spoken({}), "");
  CHECK_TEXT(spoken({}, true), "");
}
END_TEST

START_TEST(dns) {
  CHECK_TEXT(spoken({{kDnsAnswers, 1000}}), "");
  CHECK_TEXT(spoken({{kDnsAnswers, 100}, {kDnsTimeouts, 10}}), "d");
  CHECK_TEXT(spoken({{kDnsAnswers, 100}, {kDnsServfail, 10}}), "d");
  // Few; a small part.
  CHECK_TEXT(spoken({{kDnsAnswers, 10}, {kDnsTimeouts, 9}}), "");
  CHECK_TEXT(spoken({{kDnsAnswers, 10}, {kDnsTimeouts, 9}}, true), "d");
  CHECK_TEXT(spoken({{kDnsAnswers, 10000}, {kDnsServfail, 400}}), "");
  CHECK_TEXT(spoken({{kDnsAnswers, 10000}, {kDnsServfail, 400}}, true), "d");
  Counted down({{kDnsAnswers, 10}, {kDnsTimeouts, 50}, {kDnsServfail, 2}});
  ck_assert(dns_failing(down.facts, false)->severity == Severity::critical);
  CHECK_TEXT(dns_failing(down.facts, false)->reason, "timeout");
}
END_TEST

START_TEST(search_lists) {
  CHECK_TEXT(spoken({{kDnsQueries, 400}, {kDnsSearchQueries, 300}, {kDnsNxdomain, 300}}), "n");
  CHECK_TEXT(spoken({{kDnsQueries, 90}, {kDnsSearchQueries, 80}, {kDnsNxdomain, 80}}), "");
  CHECK_TEXT(spoken({{kDnsQueries, 400}, {kDnsSearchQueries, 190}, {kDnsNxdomain, 300}}), "");
  // Names that are looked for in vain are another matter; so are names that are found.
  CHECK_TEXT(spoken({{kDnsQueries, 400}, {kDnsSearchQueries, 0}, {kDnsNxdomain, 300}}), "");
  CHECK_TEXT(spoken({{kDnsQueries, 400}, {kDnsSearchQueries, 300}, {kDnsNxdomain, 0}}), "");
}
END_TEST

START_TEST(connects) {
  CHECK_TEXT(spoken({{kConnects, 80}, {kConnectsRefused, 10}}), "c");
  CHECK_TEXT(spoken({{kConnects, 0}, {kConnectsRefused, 9}}), "");
  CHECK_TEXT(spoken({{kConnects, 1000}, {kConnectsRefused, 99}}), "");
  CHECK_TEXT(spoken({{kConnects, 1000}, {kConnectsRefused, 99}}, true), "c");
  Counted many({{kConnects, 5},
                {kConnectsRefused, 3},
                {kConnectsTimedOut, 40},
                {kConnectsUnreachable, 2},
                {kConnectsReset, 1},
                {kConnectsOther, 4}});
  many.facts.failing_peer_ns = "shop";
  many.facts.failing_peer = "db";
  std::optional<Finding> found = connect_failing(many.facts, false);
  CHECK_TEXT(found->reason, "timeout");
  CHECK_TEXT(found->peer, "db");
  ck_assert_double_eq(found->evidence.find("failures")->value, 50);
  ck_assert_double_eq(found->evidence.find("unreachable")->value, 2);
  ck_assert(found->severity == Severity::critical);
}
END_TEST

START_TEST(segments) {
  CHECK_TEXT(spoken({{kPacketsSent, 10000}, {kRetransmits, 300}}), "r");
  CHECK_TEXT(spoken({{kPacketsSent, 10000}, {kRetransmits, 290}}), "");
  CHECK_TEXT(spoken({{kPacketsSent, 100}, {kRetransmits, 90}}), "");
  // Small ones count one by one, large ones by their bytes.
  CHECK_TEXT(spoken({{kPacketsSent, 10000}, {kSegmentsByBytes, 500}, {kRetransmits, 290}}), "");
  CHECK_TEXT(spoken({{kPacketsSent, 500}, {kSegmentsByBytes, 10000}, {kRetransmits, 290}}), "");
  Counted large({{kPacketsSent, 500}, {kSegmentsByBytes, 10000}, {kRetransmits, 300}});
  std::optional<Finding> found = retransmitting(large.facts, false);
  ck_assert(found);
  ck_assert_double_eq(found->evidence.find("segments")->value, 10000);
  ck_assert_double_eq(found->evidence.find("retransmitted")->value, 0.03);
  // Nobody knows how many.
  CHECK_TEXT(spoken({{kSegmentsByBytes, 1000}, {kRetransmits, 900}}, true), "");
  CHECK_TEXT(spoken({{kRetransmits, 200}}), "");
}
END_TEST

START_TEST(accept_queues) {
  CHECK_TEXT(spoken({{kAccepts, 1000}, {kAcceptDrops, 5}}), "a");
  CHECK_TEXT(spoken({{kAccepts, 1000}, {kAcceptDrops, 4}}), "");
  CHECK_TEXT(spoken({{kAccepts, 1000}, {kAcceptDrops, 4}}, true), "a");
}
END_TEST

}  // namespace

CHECK_MAIN("traffic_rules", nothing_known, dns, search_lists, connects, segments, accept_queues)
