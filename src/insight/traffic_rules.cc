#include "insight/traffic_rules.h"

#include <algorithm>

#include "insight/thresholds.h"

namespace kubepulse {

namespace {

// Of five minutes. Ten are no accident, and a share of few says nothing.
constexpr double kFailuresMin = 10;
// One query in twenty: a resolver tries twice, and then it is one look-up in 400 that fails, or
// takes 5 s longer in one of twenty.
constexpr double kDnsFailingMin = 0.05;
constexpr double kDnsFailingCritical = 0.5;

// With ndots:5 and the three search domains of a cluster three of four queries are in vain; half
// is where it is worth a change. One every three seconds, so that it costs something.
constexpr double kSearchMin = 0.5;
constexpr double kSearchQueriesMin = 100;

constexpr double kConnectFailingMin = 0.1;
constexpr double kConnectFailingCritical = 0.5;

// TCP's throughput falls with the root of the loss: at 3 % it has seven segments in flight (Mathis
// et al., 1997). A hundred in five minutes, so that it is not one bad connection.
constexpr double kRetransmittedMin = 0.03;
constexpr double kRetransmitsMin = 100;

constexpr double kAcceptDropsMin = 5;

struct Reason {
  TrafficCounter counter;
  const char* name;
};
constexpr Reason kReasons[] = {
    {kConnectsRefused, "refused"},
    {kConnectsTimedOut, "timeout"},
    {kConnectsUnreachable, "unreachable"},
    {kConnectsReset, "reset"},
    {kConnectsOther, "other"},
};

Finding finding(InsightType type, const TrafficFacts& facts) {
  Finding found{type};
  found.subject = facts.subject;
  return found;
}

double count(const TrafficFacts& facts, TrafficCounter counter) {
  return facts.counters == nullptr ? 0 : static_cast<double>((*facts.counters)[counter]);
}

}  // namespace

std::optional<Finding> dns_failing(const TrafficFacts& facts, bool held) {
  double timeouts = count(facts, kDnsTimeouts), servfail = count(facts, kDnsServfail);
  double answers = count(facts, kDnsAnswers), failing = timeouts + servfail;
  double share = share_of(failing, answers + timeouts);
  if (failing < threshold(kFailuresMin, held) || share < threshold(kDnsFailingMin, held))
    return std::nullopt;
  Finding found = finding(InsightType::dns_failing, facts);
  if (share >= kDnsFailingCritical) found.severity = Severity::critical;
  found.reason = timeouts >= servfail ? "timeout" : "SERVFAIL";
  found.evidence.add("queries", answers + timeouts, Unit::count);
  found.evidence.add("timeouts", timeouts, Unit::count);
  found.evidence.add("servfail", servfail, Unit::count);
  found.evidence.add("failing", share, Unit::share);
  return found;
}

std::optional<Finding> dns_search_amplification(const TrafficFacts& facts, bool held) {
  double queries = count(facts, kDnsQueries), search = count(facts, kDnsSearchQueries);
  double nxdomain = count(facts, kDnsNxdomain), share = share_of(search, queries);
  // That they are in vain is to be seen: a name of a cluster's zone may exist.
  if (search < threshold(kSearchQueriesMin, held) || share < threshold(kSearchMin, held) ||
      share_of(nxdomain, queries) < threshold(kSearchMin, held))
    return std::nullopt;
  Finding found = finding(InsightType::dns_search_amplification, facts);
  found.evidence.add("queries", queries, Unit::count);
  found.evidence.add("search_queries", search, Unit::count);
  found.evidence.add("nxdomain", nxdomain, Unit::count);
  found.evidence.add("search", share, Unit::share);
  return found;
}

std::optional<Finding> connect_failing(const TrafficFacts& facts, bool held) {
  double failures = 0, most = 0;
  const char* reason = "";
  for (const Reason& each : kReasons) {
    double failed = count(facts, each.counter);
    failures += failed;
    if (failed > most) {
      most = failed;
      reason = each.name;
    }
  }
  double connects = count(facts, kConnects), share = share_of(failures, connects + failures);
  if (failures < threshold(kFailuresMin, held) || share < threshold(kConnectFailingMin, held))
    return std::nullopt;
  Finding found = finding(InsightType::connect_failing, facts);
  if (share >= kConnectFailingCritical) found.severity = Severity::critical;
  found.reason = reason;
  found.peer_ns = facts.failing_peer_ns;
  found.peer = facts.failing_peer;
  found.evidence.add("connects", connects + failures, Unit::count);
  found.evidence.add("failures", failures, Unit::count);
  found.evidence.add("failing", share, Unit::share);
  for (const Reason& each : kReasons)
    if (double failed = count(facts, each.counter); failed > 0)
      found.evidence.add(each.name, failed, Unit::count);
  return found;
}

std::optional<Finding> retransmitting(const TrafficFacts& facts, bool held) {
  // By bytes alone ten thousand small answers are a few hundred segments, and any loss is much.
  double packets = count(facts, kPacketsSent), again = count(facts, kRetransmits);
  if (packets == 0) return std::nullopt;
  double segments = std::max(packets, count(facts, kSegmentsByBytes));
  double share = share_of(again, segments);
  if (again < threshold(kRetransmitsMin, held) || share < threshold(kRetransmittedMin, held))
    return std::nullopt;
  Finding found = finding(InsightType::retransmitting, facts);
  found.evidence.add("segments", segments, Unit::count);
  found.evidence.add("retransmits", again, Unit::count);
  found.evidence.add("retransmitted", share, Unit::share);
  return found;
}

std::optional<Finding> accept_queue_overflow(const TrafficFacts& facts, bool held) {
  double drops = count(facts, kAcceptDrops);
  if (drops < threshold(kAcceptDropsMin, held)) return std::nullopt;
  Finding found = finding(InsightType::accept_queue_overflow, facts);
  found.evidence.add("accept_drops", drops, Unit::count);
  found.evidence.add("accepts", count(facts, kAccepts), Unit::count);
  return found;
}

}  // namespace kubepulse
