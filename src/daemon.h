// The daemon: the probes, what they feed, and the server that tells it, on one loop.
#ifndef KUBEPULSE_DAEMON_H
#define KUBEPULSE_DAEMON_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/notify.h"
#include "base/status.h"
#include "collect/drain.h"
#include "containers.h"
#include "counted_interfaces.h"
#include "identity/cgroup_tree.h"
#include "identity/domain.h"
#include "identity/pods.h"
#include "identity/services.h"
#include "identity/workloads.h"
#include "insight_feed.h"
#include "options.h"
#include "probes.h"
#include "publish/dns_recorder.h"
#include "publish/event_log.h"
#include "publish/exposition.h"
#include "publish/flow_store.h"
#include "publish/http_server.h"
#include "publish/store.h"
#include "publish/tcp_recorder.h"
#include "shedding.h"
#include "traffic.h"

namespace kubepulse {

class Daemon {
 public:
  // `loop` outlives it. `listener` is served once all is attached.
  static Result<std::unique_ptr<Daemon>> start(Loop& loop, const Options& options,
                                               Listener listener);
  ~Daemon();

 private:
  Daemon(Loop& loop, const Options& options);

  Status attach();
  Status name_pods();
  void pod_unknown();
  void settle();
  Status watch_rings();
  void read_births();
  size_t drain_tcp(size_t records_max);
  size_t drain_dns(size_t records_max);
  void drain_rings();
  void schedule_expiry();
  void walk_open(bool first);
  void read_resets();
  uint64_t events() const;
  void sweep();
  void look_for_insights();
  void log_insights();
  void every(uint64_t interval_ns, std::function<void()> action);
  HttpResponse serve(const HttpRequest& request);
  HttpResponse metrics(const HttpRequest& request);
  HttpResponse insights();
  DaemonFacts facts();

  Loop& loop_;
  const Options& options_;
  std::optional<CgroupTree> tree_;
  Probes probes_;
  std::unique_ptr<Pods> pods_;
  // Null where the API server is not asked.
  std::unique_ptr<Services> services_;
  std::unique_ptr<NodeConditions> conditions_;
  std::unique_ptr<PodEvents> events_;
  CgroupPaths paths_;
  Workloads workloads_{paths_};
  Store store_;
  FlowStore flows_{store_};
  Workloads::Changes changes_;
  DomainRules rules_;
  std::unique_ptr<EventLog> log_;
  Containers containers_;
  Exposition exposition_;
  std::unique_ptr<TcpRecorder> tcp_;
  std::unique_ptr<DnsRecorder> dns_;
  FlatMap<reset_counts> resets_told_{4096};
  Traffic traffic_{workloads_, store_, flows_};
  Shedding shedding_;
  CountedInterfaces interfaces_;
  NodeStats node_stats_{"/proc"};
  std::optional<InsightFeed> insights_;  // none where nobody looks for them
  MapReader maps_{"/proc"};
  std::vector<const bpf_program*> programs_;
  std::vector<std::unique_ptr<Drain>> drains_;
  Notifier notifier_ = Notifier::from_environment();
  Loop::TimerId expiry_timer_ = 0;
  Loop::TimerId unknown_timer_ = 0;
  bool ready_ = false;
  uint64_t births_lost_ = 0;
  uint64_t tcp_events_ = 0;
  uint64_t dns_events_ = 0;
  uint64_t scrapes_ = 0;
  uint64_t scrape_duration_ns_ = 0;
  std::unique_ptr<HttpServer> server_;  // the first to go: its pages read all of the above
};

}  // namespace kubepulse

#endif
