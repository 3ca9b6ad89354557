#include "insight/finding.h"

namespace kubepulse {

const char* insight_type_name(InsightType type) {
  static constexpr const char* kNames[kInsightTypes] = {
      "oom_predicted",
      "oom_killed",
      "memory_leak",
      "crash_loop",
      "pod_pending",
      "pod_not_ready",
      "image_pull",
      "cpu_throttled",
      "dns_failing",
      "dns_search_amplification",
      "connect_failing",
      "retransmitting",
      "accept_queue_overflow",
      "node_pressure",
      "filesystem_filling",
      "systemic",
  };
  return kNames[static_cast<size_t>(type)];
}

const char* severity_name(Severity severity) {
  return severity == Severity::critical ? "critical" : "warning";
}

Origin origin_of(InsightType type) {
  switch (type) {
    case InsightType::crash_loop:
    case InsightType::pod_pending:
    case InsightType::pod_not_ready:
    case InsightType::image_pull:
      return Origin::kubernetes;
    default:
      return Origin::kernel;
  }
}

const char* unit_name(Unit unit) {
  static constexpr const char* kNames[] = {"count",   "bytes", "bytes_per_second",
                                           "seconds", "share", "per_second"};
  return kNames[static_cast<size_t>(unit)];
}

const Evidence* EvidenceList::find(std::string_view name) const {
  for (const Evidence& each : *this)
    if (each.name == name) return &each;
  return nullptr;
}

}  // namespace kubepulse
