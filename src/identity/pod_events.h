// Asks the API server for the warnings of single pods, on demand only: an agent of every node must
// not follow the cluster's events. One question at a time. Inside the loop.
#ifndef KUBEPULSE_IDENTITY_POD_EVENTS_H
#define KUBEPULSE_IDENTITY_POD_EVENTS_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/status.h"
#include "identity/api_list.h"
#include "identity/api_question.h"
#include "identity/event_reader.h"
#include "identity/http_client.h"
#include "identity/logged_breaker.h"
#include "identity/pod_event_table.h"
#include "identity/pods_settings.h"
#include "identity/server_outcome.h"

namespace kubepulse {

class PodEvents {
 public:
  PodEvents(Loop& loop, ApiServerSettings settings);
  ~PodEvents();
  PodEvents(const PodEvents&) = delete;
  PodEvents& operator=(const PodEvents&) = delete;

  // Where no API server is named, nobody is ever asked. Fails where it could never work, see
  // check_api_server(). All else is told in the log, once for each kind of failure.
  Status start();

  // That pod's newest warning is of interest: it is asked for from the loop, at most once in 30 s,
  // and never sooner than `retry_ns` after the last question. To be called again and again while it
  // is; it is cheap.
  void want(std::string_view ns, std::string_view uid);
  // The newest warning that was told last; null: none, or nobody knows. Valid until the loop turns.
  const PodEvent* find(std::string_view uid) const { return table_.find(uid); }

  // Questions that were left out for want of room.
  uint64_t overflow() const { return table_.overflow(); }

 private:
  void plan(uint64_t now_ns);
  void expire_later();
  void ask(uint64_t now_ns);
  void take_event();
  ServerOutcome judge(const HttpClient::Answer& answer);
  void end(const ServerOutcome& outcome);
  void tell(const ServerOutcome& outcome);

  Loop& loop_;
  ApiServerSettings settings_;
  PodEventTable table_;
  LoggedBreaker breaker_;
  bool started_ = false;
  Loop::TimerId timer_ = 0;
  Loop::TimerId expiry_timer_ = 0;
  uint64_t next_ns_ = 0;  // no question before
  std::optional<ServerOutcome::Kind> told_;

  // Of the question that runs.
  std::string uid_;  // "": none does
  ApiAsker asker_;
  EventReader reader_;
  std::unique_ptr<ApiListReader> list_;
  std::optional<PodEvent> newest_;

  HttpClient client_;  // calls into the above
};

}  // namespace kubepulse

#endif
