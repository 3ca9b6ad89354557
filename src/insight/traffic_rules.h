// What is wrong with a workload's DNS and connections, by what was counted in the last five
// minutes. Pure; `held` as in container_rules.h.
#ifndef KUBEPULSE_INSIGHT_TRAFFIC_RULES_H
#define KUBEPULSE_INSIGHT_TRAFFIC_RULES_H

#include <optional>

#include "insight/facts.h"
#include "insight/finding.h"

namespace kubepulse {

// Its queries get no answer, or SERVFAIL. Evidence: queries, timeouts, servfail, failing.
std::optional<Finding> dns_failing(const TrafficFacts& facts, bool held);
// Most of its queries are names with the search list tried on them, which nobody has: ndots.
// Evidence: queries, search_queries, nxdomain, search.
std::optional<Finding> dns_search_amplification(const TrafficFacts& facts, bool held);
// Its connects fail; the reason is what most of them fail with, "refused". Evidence: connects,
// failures, failing, and of each reason its number.
std::optional<Finding> connect_failing(const TrafficFacts& facts, bool held);
// Much of what it sends has to be sent again; where packets are counted. Evidence: segments,
// retransmits, retransmitted.
std::optional<Finding> retransmitting(const TrafficFacts& facts, bool held);
// Its listeners drop handshakes, for it does not accept. Evidence: accept_drops, accepts.
std::optional<Finding> accept_queue_overflow(const TrafficFacts& facts, bool held);

}  // namespace kubepulse

#endif
