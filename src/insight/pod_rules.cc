#include "insight/pod_rules.h"

#include <algorithm>

namespace kubepulse {

namespace {

// Of pkg/kubelet/images/types.go.
constexpr std::string_view kImageReasons[] = {
    "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
    "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};

bool waits_for_image(const PodFacts& facts) {
  return std::find(std::begin(kImageReasons), std::end(kImageReasons), facts.waiting_reason) !=
         std::end(kImageReasons);
}

Finding finding(InsightType type, const PodFacts& facts) {
  Finding found{type};
  found.subject = facts.subject;
  found.reason = facts.message.empty() ? facts.waiting_reason : facts.message;
  return found;
}

}  // namespace

std::optional<Finding> pod_pending(const PodFacts& facts, bool) {
  if (facts.deleting || facts.phase != PodFacts::Phase::pending || waits_for_image(facts))
    return std::nullopt;
  return finding(InsightType::pod_pending, facts);
}

std::optional<Finding> pod_not_ready(const PodFacts& facts, bool) {
  if (facts.deleting || facts.phase != PodFacts::Phase::running || facts.ready >= facts.containers)
    return std::nullopt;
  Finding found = finding(InsightType::pod_not_ready, facts);
  if (facts.ready == 0) found.severity = Severity::critical;
  found.evidence.add("ready", facts.ready, Unit::count);
  found.evidence.add("containers", facts.containers, Unit::count);
  return found;
}

std::optional<Finding> image_pull(const PodFacts& facts, bool) {
  // Who is over goes on to say why he waited last.
  bool may_run = facts.phase == PodFacts::Phase::pending || facts.phase == PodFacts::Phase::running;
  if (facts.deleting || !may_run || !waits_for_image(facts)) return std::nullopt;
  Finding found = finding(InsightType::image_pull, facts);
  found.object = facts.waiting_container;
  return found;
}

}  // namespace kubepulse
