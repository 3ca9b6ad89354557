// Who makes a pod: to whom a change has to be made. Pure.
#ifndef KUBEPULSE_INSIGHT_OWNER_H
#define KUBEPULSE_INSIGHT_OWNER_H

#include <string_view>

#include "insight/finding.h"

namespace kubepulse {

// By the pod's own metadata: `kind` and `name` of the owner reference that has controller=true, ""
// where there is none, and its label pod-template-hash, "" likewise. A ReplicaSet whose name ends
// in that hash is a Deployment's; nothing else is guessed. The name is a part of `name`.
Owner owner_of(std::string_view kind, std::string_view name, std::string_view template_hash);

// As kubectl calls the kind: "deployment"; "" where there is nothing to be changed.
const char* owner_kind_name(Owner::Kind kind);

}  // namespace kubepulse

#endif
