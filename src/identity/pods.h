// Keeps a PodTable filled: asks the kubelet at intervals, and sooner where an unknown pod is seen,
// or follows what the API server tells of this node; reads the folders of logs where they do not
// answer, or are not to be asked. The last good answer stays until there is a better one. Inside
// the loop.
#ifndef KUBEPULSE_IDENTITY_PODS_H
#define KUBEPULSE_IDENTITY_PODS_H

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/status.h"
#include "identity/api_watcher.h"
#include "identity/kubelet_client.h"
#include "identity/logged_breaker.h"
#include "identity/pod_reader.h"
#include "identity/pod_table.h"
#include "identity/pods_settings.h"

namespace kubepulse {

class Pods {
 public:
  // `changed` is called from the loop, whenever the generation of table() is another one.
  Pods(Loop& loop, PodsSettings settings, std::function<void()> changed);
  ~Pods();
  Pods(const Pods&) = delete;
  Pods& operator=(const Pods&) = delete;

  // Fails where it could never work: a wrong URL or name of the node, https without TLS in this
  // build. All else is told
  // in the log and tried again. Where nobody is named (auto, neither URL nor kubeconfig), the
  // kubelet is asked from the first pod_unknown() on, so that a host without one never is.
  Status start();

  const PodTable& table() const { return table_; }

  // A pod was seen that is not in the table: it is looked up from the loop, at most every
  // `pause_ns`. Until it is found this is to be called again and again; it is cheap.
  void pod_unknown();

  // Whether the filters mean what is no pod: it has a namespace, as told, and no labels.
  bool watched_without_pod(std::string_view ns) const;
  bool has_filter() const;

  struct Facts {
    uint64_t polls_ok = 0, polls_failed = 0;  // of the kubelet
    uint64_t polls_refused = 0;               // while its breaker was open
    // Since its last good answer, or since it was first asked; none where it was not.
    std::optional<uint64_t> age_ns;
    size_t pods = 0;
  };
  Facts facts(uint64_t now_ns) const;

 private:
  using Source = PodsSettings::Source;

  bool is_named() const;
  bool watched(const Pod& pod) const;
  void plan(uint64_t now_ns);
  void look(uint64_t now_ns);
  void polled(const ServerOutcome& outcome);
  Status start_api();
  ApiWatcher::Handlers api_handlers();
  void change_pod(bool deleted);
  void api_told(const ServerOutcome& outcome);
  bool may_fall_back() const;
  Status read_logs(uint64_t now_ns);
  Status fall_back(uint64_t now_ns);
  void commit(uint64_t now_ns);
  void tell(const ServerOutcome& outcome, const Status& logs);
  void tell_logs(const Status& logs);
  std::string meanwhile(const Status& logs) const;
  uint64_t interval_ns();

  Loop& loop_;
  PodsSettings settings_;
  std::function<void()> changed_;
  PodTable table_;
  LoggedBreaker breaker_;
  KubeletClient client_;
  std::unique_ptr<PodReader> reader_;  // of the API server's pods; null where it is not asked
  std::unique_ptr<ApiWatcher> api_;    // likewise; uses it
  Loop::TimerId timer_ = 0;
  bool wanted_ = false;            // something is unknown since looked_ns_
  uint64_t looked_ns_ = 0;         // when last anybody was asked
  uint64_t next_ns_ = UINT64_MAX;  // when to look, whether or not something is unknown
  uint64_t first_ns_ = 0;          // of the first poll; 0: there was none
  uint64_t good_ns_ = 0;           // of the last good answer; 0: there was none
  uint64_t polls_ok_ = 0;
  uint64_t polls_failed_ = 0;
  std::optional<ServerOutcome::Kind> told_;  // in the log
  std::optional<bool> told_logs_;            // whether they could be read
  uint64_t random_;
};

}  // namespace kubepulse

#endif
