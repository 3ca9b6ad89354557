// What is short on the node, and which filesystem fills up. Pure; `held` as in container_rules.h.
#ifndef KUBEPULSE_INSIGHT_NODE_RULES_H
#define KUBEPULSE_INSIGHT_NODE_RULES_H

#include <optional>

#include "insight/facts.h"
#include "insight/finding.h"

namespace kubepulse {

// Of what a node can be short of; each is a finding of its own, its name the object.
enum class NodeResource { memory, io, cpu, disk, inodes, pids, kubelet };
constexpr size_t kNodeResources = 7;
const char* node_resource_name(NodeResource resource);

// Also where Kubernetes says so: of the kubelet nothing else tells. Evidence: waiting or stalled,
// the share of five minutes that tasks could not go on; used.
std::optional<Finding> node_pressure(const NodeFacts& facts, NodeResource resource, bool held);

// Full, nearly, or before long. The object is the mount point. Evidence: used, capacity, growth.
std::optional<Finding> filesystem_filling(const FilesystemFacts& facts, bool held);

}  // namespace kubepulse

#endif
