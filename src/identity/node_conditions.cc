#include "identity/node_conditions.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "identity/kubernetes_name.h"

namespace kubepulse {

NodeConditions::NodeConditions(Loop& loop, ApiServerSettings settings)
    : loop_(loop), settings_(std::move(settings)) {}

Status NodeConditions::start() {
  if (settings_.url.empty()) return {};
  std::string& node = settings_.node_name;
  std::transform(node.begin(), node.end(), node.begin(), ascii_lower);
  if (!is_dns_subdomain(node))
    return Status::error("\"" + node + "\" is no name of a node: give --node-name");
  if (Status status = check_api_server(settings_); !status.ok()) return status;
  ApiWatcher::Resource resource{{NodeReader::kListKind, "v1", "the list of nodes"},
                                "/api/v1/nodes",
                                "fieldSelector=metadata.name%3D" + node,
                                "the verbs list and watch of nodes"};
  watcher_ = std::make_unique<ApiWatcher>(loop_, settings_, resource, reader_, handlers());
  watcher_->start();
  return {};
}

ApiWatcher::Handlers NodeConditions::handlers() {
  ApiWatcher::Handlers made;
  made.begin = [this] { listed_ = false; };
  made.item = [this] { take(); };
  made.commit = [this] {
    if (!listed_) node_ = Node();
    if (is_known_ == listed_) return;
    is_known_ = listed_;
    if (!listed_)
      log_warn("the API server knows no node of that name, and so no conditions",
               {{"node", settings_.node_name}});
  };
  made.drop = [] {};
  made.changed = [this] { take(); };
  made.deleted = [this] { node_ = Node(); };
  made.told = [this](const ServerOutcome& outcome) { tell(outcome); };
  return made;
}

void NodeConditions::take() {
  listed_ = true;
  node_ = reader_.node();
}

const NodeCondition& NodeConditions::of(NodeCondition::Kind kind, uint64_t now_ns) const {
  static const NodeCondition untold{};
  bool is_stale =
      failed_since_ns_ != 0 && now_ns > failed_since_ns_ && now_ns - failed_since_ns_ >= kStaleNs;
  return is_stale ? untold : node_.conditions[static_cast<size_t>(kind)];
}

void NodeConditions::tell(const ServerOutcome& outcome) {
  bool is_good = outcome.kind == ServerOutcome::Kind::good;
  if (is_good)
    failed_since_ns_ = 0;
  else if (failed_since_ns_ == 0)
    failed_since_ns_ = std::max(monotonic_ns(), uint64_t{1});
  if (told_ == outcome.kind) return;
  told_ = outcome.kind;
  if (is_good)
    log_info("the API server tells this node's conditions", {{"url", outcome.url}});
  else
    log_warn("the API server does not tell this node's conditions",
             {{"kind", server_outcome_text(outcome.kind)}, {"reason", outcome.reason}});
}

}  // namespace kubepulse
