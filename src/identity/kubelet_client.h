// Asks for the pods of this node, once: the kubelet (GET /pods), or the API server where only a
// kubeconfig says whom to ask. Inside the loop; one question at a time.
#ifndef KUBEPULSE_IDENTITY_KUBELET_CLIENT_H
#define KUBEPULSE_IDENTITY_KUBELET_CLIENT_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "base/status.h"
#include "identity/credentials.h"
#include "identity/http_client.h"
#include "identity/http_url.h"
#include "identity/pod.h"
#include "identity/pod_list.h"
#include "identity/pods_settings.h"
#include "identity/server_outcome.h"

namespace kubepulse {

class KubeletClient {
 public:
  struct Handlers {
    // An answer with a list begins; again where the one before was broken and another is asked.
    std::function<void()> begin;
    // What is told before `done` says that all was good counts for nothing.
    std::function<void(const Pod&)> pod;
    // Once for each poll(), from the loop, never within it. It may not destroy the client.
    std::function<void(const ServerOutcome&)> done;
  };

  KubeletClient(Loop& loop, KubeletSettings settings, Handlers handlers);
  ~KubeletClient();
  KubeletClient(const KubeletClient&) = delete;
  KubeletClient& operator=(const KubeletClient&) = delete;

  // Only where !polling().
  void poll();
  bool polling() const { return polling_; }

  // Where nobody is named, the one that has answered is asked alone from then on. This lets the
  // other one be tried again.
  void forget_choice() { chosen_.clear(); }

 private:
  struct Target {
    HttpUrl url;
    std::string path;  // with the query
    bool is_kubelet = true;
    bool may_have_token = true;
  };

  Status set_targets();
  Status add_target(const std::string& url, bool is_kubelet, bool may_have_token);
  const Target& target() const { return targets_[asked_]; }
  void ask_next();
  void ask();
  Result<HttpClient::Question> question() const;
  bool take(std::string_view piece);
  void answered(const HttpClient::Answer& answer);
  ServerOutcome judge(const HttpClient::Answer& answer);
  std::string refusal_text(const HttpClient::Answer& answer) const;
  void failed(ServerOutcome::Kind kind, const std::string& reason);
  void end(const ServerOutcome& outcome);

  Loop& loop_;
  KubeletSettings settings_;
  Handlers handlers_;
  std::string chosen_;  // a URL; "": nobody has answered yet
  bool polling_ = false;
  Loop::TimerId timer_ = 0;

  // Of the poll that runs.
  Credentials credentials_;
  std::vector<Target> targets_;
  size_t asked_ = 0;  // index of one of them
  std::unique_ptr<PodListReader> reader_;
  ServerOutcome worst_;

  HttpClient client_;
};

}  // namespace kubepulse

#endif
