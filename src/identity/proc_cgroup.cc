#include "identity/proc_cgroup.h"

#include "base/text.h"
#include "identity/cgroup_path.h"

namespace kubepulse {
namespace {

int rank_of(const CgroupOwner& owner) {
  switch (owner.kind) {
    case CgroupOwner::pod:
      return owner.container_id.empty() ? 4 : 6;
    case CgroupOwner::container:
      return 5;
    case CgroupOwner::unit:
      return 3;
    case CgroupOwner::other:
      return 2;
    case CgroupOwner::kernel:
      break;
  }
  return 1;
}

// Among equal paths: which hierarchy is the likeliest to be filled.
int rank_of(std::string_view controllers) {
  if (controllers.empty()) return 4;
  int rank = 0;
  while (!controllers.empty()) {
    std::string_view controller = next_piece(controllers, ',');
    int own = controller == "memory" ? 3 : controller == "pids" ? 2 : controller == "name=systemd";
    if (own > rank) rank = own;
  }
  return rank;
}

}  // namespace

std::string best_path(std::string_view text) {
  std::string_view best;
  int best_rank = 0;
  while (!text.empty()) {
    // The path may hold colons of its own: only the first two separate.
    std::string_view path = next_piece(text, '\n');
    next_piece(path, ':');
    std::string_view controllers = next_piece(path, ':');
    if (path.empty() || path[0] != '/') continue;
    int rank = rank_of(owner_of_path(path)) * 8 + rank_of(controllers);
    if (rank > best_rank) {
      best_rank = rank;
      best = path;
    }
  }
  return std::string(best);
}

}  // namespace kubepulse
