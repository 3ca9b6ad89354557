// What is wrong with a container, from its own history. Pure; each rule stands alone.
//
// `held`: it is reported already. Then less is asked for, so that what swings about a threshold
// does not come and go.
#ifndef KUBEPULSE_INSIGHT_CONTAINER_RULES_H
#define KUBEPULSE_INSIGHT_CONTAINER_RULES_H

#include <optional>

#include "insight/facts.h"
#include "insight/finding.h"

namespace kubepulse {

// Within kForecastHorizonSeconds its memory is full. Evidence: working_set, memory_limit, growth,
// highest.
std::optional<Finding> oom_predicted(const ContainerFacts& facts, bool held);
// The kernel has killed for want of memory in the last five minutes, by its own count or by what
// the kubelet says of the last life. Evidence: oom_kills (where it counted), restarts (where it was
// begun again since), working_set, memory_limit, highest.
std::optional<Finding> oom_killed(const ContainerFacts& facts, bool held);
// What it never gives back has grown for three hours or more, by 16 MiB or 7.5 % of its limit.
// Evidence: working_set, growth, grown, span, memory_limit.
std::optional<Finding> memory_leak(const ContainerFacts& facts, bool held);
// It ends and is begun again. Evidence: restarts (of the last five minutes), exit_code.
std::optional<Finding> crash_loop(const ContainerFacts& facts, bool held);
// Its CPU limit holds it back. Evidence: throttled, cpus_used, cpu_limit.
std::optional<Finding> cpu_throttled(const ContainerFacts& facts, bool held);

}  // namespace kubepulse

#endif
