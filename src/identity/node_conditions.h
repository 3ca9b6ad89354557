// What the API server says of this node: whether it is ready, and under which pressure. Followed by
// a watch, so that it costs nothing while nothing changes. Inside the loop.
#ifndef KUBEPULSE_IDENTITY_NODE_CONDITIONS_H
#define KUBEPULSE_IDENTITY_NODE_CONDITIONS_H

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/loop.h"
#include "base/status.h"
#include "identity/api_watcher.h"
#include "identity/node_reader.h"
#include "identity/pods_settings.h"

namespace kubepulse {

class NodeConditions {
 public:
  // While the API server does not answer, what it told last stays so long.
  static constexpr uint64_t kStaleNs = 300 * kNsPerSecond;

  NodeConditions(Loop& loop, ApiServerSettings settings);
  NodeConditions(const NodeConditions&) = delete;
  NodeConditions& operator=(const NodeConditions&) = delete;

  // Where no API server is named, nothing happens. Fails where it could never work: see
  // check_api_server(), and the name of the node. All else is told in the log, once for each kind
  // of failure, and tried again.
  Status start();

  // Untold: nobody has told it, or not for long.
  const NodeCondition& of(NodeCondition::Kind kind, uint64_t now_ns) const;

 private:
  ApiWatcher::Handlers handlers();
  void take();
  void tell(const ServerOutcome& outcome);

  Loop& loop_;
  ApiServerSettings settings_;
  NodeReader reader_;
  Node node_;
  bool listed_ = false;           // the list that is read has it
  uint64_t failed_since_ns_ = 0;  // 0: it is well
  std::optional<ServerOutcome::Kind> told_;
  std::optional<bool> is_known_;         // the API server has a node of that name
  std::unique_ptr<ApiWatcher> watcher_;  // uses all of the above
};

}  // namespace kubepulse

#endif
