#include "insight/owner.h"

namespace kubepulse {

namespace {

struct Row {
  std::string_view api_name;
  Owner::Kind kind;
  const char* name;
};
constexpr Row kRows[] = {
    {"ReplicaSet", Owner::Kind::replica_set, "replicaset"},
    {"Deployment", Owner::Kind::deployment, "deployment"},
    {"StatefulSet", Owner::Kind::stateful_set, "statefulset"},
    {"DaemonSet", Owner::Kind::daemon_set, "daemonset"},
    {"Job", Owner::Kind::job, "job"},
};

}  // namespace

Owner owner_of(std::string_view kind, std::string_view name, std::string_view template_hash) {
  if (kind.empty() || name.empty()) return {};
  Owner owner{Owner::Kind::other, name};
  for (const Row& row : kRows)
    if (row.api_name == kind) owner.kind = row.kind;
  if (owner.kind != Owner::Kind::replica_set || template_hash.empty()) return owner;
  if (name.size() < template_hash.size() + 2) return owner;
  size_t dash = name.size() - template_hash.size() - 1;
  if (name[dash] != '-' || name.substr(dash + 1) != template_hash) return owner;
  return {Owner::Kind::deployment, name.substr(0, dash)};
}

const char* owner_kind_name(Owner::Kind kind) {
  for (const Row& row : kRows)
    if (row.kind == kind) return row.name;
  return "";
}

}  // namespace kubepulse
