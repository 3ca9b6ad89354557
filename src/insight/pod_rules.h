// What Kubernetes says of a pod that is not well. Pure. How long it has to be so before it is
// reported, InsightTable knows.
#ifndef KUBEPULSE_INSIGHT_POD_RULES_H
#define KUBEPULSE_INSIGHT_POD_RULES_H

#include <optional>

#include "insight/facts.h"
#include "insight/finding.h"

namespace kubepulse {

// It does not get to run, for another reason than an image.
std::optional<Finding> pod_pending(const PodFacts& facts, bool held);
// It runs, but not all of its containers are ready. Evidence: ready, containers.
std::optional<Finding> pod_not_ready(const PodFacts& facts, bool held);
// An image is not to be had. The object is the container that waits for it.
std::optional<Finding> image_pull(const PodFacts& facts, bool held);

}  // namespace kubepulse

#endif
