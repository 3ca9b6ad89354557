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
#include "identity/http_fetch.h"
#include "identity/http_url.h"
#include "identity/kubelet_credentials.h"
#include "identity/pod.h"
#include "identity/pod_list.h"
#include "identity/pods_settings.h"
#include "identity/resolver.h"
#include "identity/tls.h"

namespace kubepulse {

// Of several who were asked in vain the one that came furthest is told: the last of these.
struct KubeletOutcome {
  enum class Kind : uint8_t {
    good,
    unreachable,  // no address, no connection
    credentials,  // a file cannot be read, or what is in it is not to be used
    tls,          // no handshake, or a certificate that is not to be trusted
    bad_answer,   // broken off, hanging, too long, no list of pods
    http_status,  // any but those below
    unauthorized,
    forbidden,
  };
  Kind kind = Kind::good;
  std::string url;     // who was asked; "": nobody
  std::string reason;  // where not good: what is wrong and, where that is known, what helps
};

const char* kubelet_outcome_text(KubeletOutcome::Kind kind);  // "forbidden"

class KubeletClient {
 public:
  struct Handlers {
    // An answer with a list begins; again where the one before was broken and another is asked.
    std::function<void()> begin;
    // What is told before `done` says that all was good counts for nothing.
    std::function<void(const Pod&)> pod;
    // Once for each poll(), from the loop, never within it. It may not destroy the client.
    std::function<void(const KubeletOutcome&)> done;
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
  Status set_tls();
  void find_addresses();
  void fetch_next();
  bool take(int code, std::string_view piece);
  void fetched(HttpFetch::Reach reach, const Status& status, int code);
  KubeletOutcome judge(HttpFetch::Reach reach, const Status& status, int code);
  std::string refusal_text(int code) const;
  void failed(KubeletOutcome::Kind kind, const std::string& reason);
  void end(const KubeletOutcome& outcome);

  Loop& loop_;
  KubeletSettings settings_;
  Handlers handlers_;
  std::string chosen_;  // a URL; "": nobody has answered yet
  bool polling_ = false;
  Loop::TimerId timer_ = 0;

  // Of the poll that runs.
  KubeletCredentials credentials_;
  std::vector<Target> targets_;
  size_t asked_ = 0;                // index of one of them
  std::vector<Address> addresses_;  // of it, still to be tried; the next is the last
  Resolver resolver_;
  std::unique_ptr<PodListReader> reader_;
  std::string error_body_;
  KubeletOutcome worst_;

  // Made for `tls_settings_`, and kept as long as those stay.
  TlsSettings tls_settings_;
  std::unique_ptr<Tls> tls_;
  std::unique_ptr<HttpFetch> fetch_;  // uses it
};

}  // namespace kubepulse

#endif
