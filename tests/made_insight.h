// An insight as the table would hold it, for those who show one.
#ifndef KUBEPULSE_TESTS_MADE_INSIGHT_H
#define KUBEPULSE_TESTS_MADE_INSIGHT_H

#include "base/clock.h"
#include "insight/insight_table.h"

inline kubepulse::Insight made_insight(kubepulse::InsightType type) {
  using namespace kubepulse;  // NOLINT
  Insight insight;
  insight.id = 0x0123456789abcdef;
  insight.type = type;
  insight.ns = "shop";
  insight.pod = "web-5d4f8c7b9-x2x4z";
  insight.container = "app";
  insight.is_pod = true;
  insight.owner_kind = Owner::Kind::deployment;
  insight.owner = "web";
  insight.since_ns = 1000 * kNsPerSecond;
  return insight;
}

inline kubepulse::Insight made_oom(kubepulse::InsightType type) {
  using namespace kubepulse;  // NOLINT
  Insight insight = made_insight(type);
  insight.severity = Severity::critical;
  insight.evidence.add("working_set", 480 << 20, Unit::bytes);
  insight.evidence.add("memory_limit", 512 << 20, Unit::bytes);
  insight.evidence.add("highest", 480 << 20, Unit::bytes);
  insight.evidence.add("growth", 163840, Unit::bytes_per_second);
  return insight;
}

#endif
