#include "daemon.h"

#include <bpf/libbpf.h>
#include <malloc.h>
#include <unistd.h>

#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "collect/process.h"
#include "identity/tls.h"
#include "insight/insight_json.h"
#include "insight/insight_series.h"
#include "version.h"

namespace kubepulse {

namespace {

static_assert(kLegacyBit == CGROUP_LEGACY_BIT,
              "what the kernel programs set is what identity reads");

constexpr uint64_t kSweepNs = 60 * kNsPerSecond;
// At least so far apart, so that a slow trickle of queries does not wake us for each.
constexpr uint64_t kExpiryPauseNs = kNsPerSecond;
// How often a pod that waits for its name is asked for.
constexpr uint64_t kUnknownPauseNs = 2 * kNsPerSecond;

// The list of pods that is older says nothing of how they fare.
constexpr uint64_t kStalePolls = 3;
constexpr uint64_t kStaleNs = 30 * kNsPerSecond;

void log_outcome(const std::vector<Attached>& outcome) {
  for (const Attached& attached : outcome) {
    if (attached.flavour.empty())
      log_warn("a program is not attached",
               {{"program", attached.signal}, {"reason", attached.refused_text()}});
    else if (!attached.refused.empty())
      log_info("a program is attached in a second choice", {{"program", attached.signal},
                                                            {"flavour", attached.flavour},
                                                            {"refused", attached.refused_text()}});
  }
}

}  // namespace

Daemon::Daemon(Loop& loop, const Options& options)
    : loop_(loop),
      options_(options),
      paths_([this] { read_births(); }),
      store_(options.buckets_ns),
      changes_{[this](Workloads::Index from, Workloads::Index to) {
                 store_.merge(from, to);
                 flows_.merge(from, to);
               },
               [this](Workloads::Index index) {
                 store_.remove(index);
                 flows_.remove(index);
               }},
      rules_(options.cluster_domain),
      containers_(options.groups, paths_, workloads_, store_),
      exposition_({workloads_, store_, containers_.workloads(), containers_.store(), &flows_},
                  options.node_name),
      shedding_(loop, traffic_, options.max_events, [this] { return events(); }) {}

Daemon::~Daemon() {
  notifier_.stopping();
}

Result<std::unique_ptr<Daemon>> Daemon::start(Loop& loop, const Options& options,
                                              Listener listener) {
  std::unique_ptr<Daemon> daemon(new Daemon(loop, options));
  if (Status status = daemon->attach(); !status.ok()) return status;
  Daemon* self = daemon.get();
  auto server = HttpServer::start(loop, std::move(listener), [self](const HttpRequest& request) {
    return self->serve(request);
  });
  if (!server.ok()) return std::move(server.status());
  daemon->server_ = std::move(server.value());
  daemon->ready_ = true;
  daemon->notifier_.ready();
  if (uint64_t interval_ns = daemon->notifier_.watchdog_interval_ns(); interval_ns != 0)
    daemon->every(interval_ns, [self] { self->notifier_.watchdog(); });
  log_info("ready", {{"address", daemon->server_->address()}, {"node", options.node_name}});
  return daemon;
}

Status Daemon::attach() {
  if (Status status = name_pods(); !status.ok()) return status;
  CgroupMounts mounts;
  if (auto tree = CgroupTree::open("/proc"); tree.ok()) {
    tree_.emplace(std::move(tree.value()));
    mounts = tree_->mounts();
    paths_.set_tree(&*tree_);
  } else {
    log_warn("owners are told by pid only", {{"reason", tree.status().message()}});
  }
  if (options_.log_events) log_ = std::make_unique<EventLog>(loop_, STDOUT_FILENO);
  shedding_.set_log(log_.get());
  Host host = Host::look("", options_.btf);
  probes_ = Probes::open(options_, host, mounts);
  traffic_.set_probes(probes_.traffic.get(), probes_.drops.get());
  traffic_.look_at_addresses();
  containers_.set_sched(probes_.sched.get());
  containers_.set_syscalls(probes_.syscalls.get(), options_.syscalls);
  if (probes_.syscalls && !options_.syscalls_elsewhere.empty())
    log_info("this architecture has not all system calls",
             {{"missing", options_.syscalls_elsewhere}});
  if (tree_)
    if (Status status = containers_.open(loop_, *tree_); !status.ok())
      log_warn("files of cgroups cannot be read", {{"reason", status.message()}});
  log_outcome(probes_.outcome);
  if (std::string problem = probes_.problem(options_, host); !problem.empty())
    return Status::error(problem);
  interfaces_.open(options_.interfaces, {host, mounts.unified, options_.test_break});
  interfaces_.watch(loop_);
  interfaces_.each_program([this](const bpf_program* program) { programs_.push_back(program); });
  probes_.each_map([this](const bpf_map* map, const __u64* errors) { maps_.add(map, errors); });
  probes_.each_program([this](const bpf_program* program) { programs_.push_back(program); });
  tcp_ = std::make_unique<TcpRecorder>(workloads_, store_, log_.get(), options_.tcp_connections);
  dns_ = std::make_unique<DnsRecorder>(workloads_, store_, log_.get(), rules_, random_seed());
  // Loading leaves behind some megabytes that libbpf has freed: the kernel's own BTF above all.
  malloc_trim(0);
  if (probes_.tcp && probes_.tcp->can_walk_open()) {
    walk_open(true);
    walk_open(false);
    every(options_.sample_interval_ns, [this] { walk_open(false); });
  } else {
    store_.leave_out_sockets();
  }
  every(kSweepNs, [this] { sweep(); });
  if (options_.insight_interval_ns != 0) {
    insights_.emplace(InsightFeed::Sources{workloads_, store_, containers_.workloads(),
                                           containers_.store(), pods_->table(), traffic_.peers(),
                                           conditions_.get(), events_.get()});
    look_for_insights();  // what counters have now has been before
    every(options_.insight_interval_ns, [this] { look_for_insights(); });
  }
  return watch_rings();
}

void Daemon::sweep() {
  // Also where nobody scrapes: whose it is is learnt while it can be, and what is forgotten has
  // been read.
  traffic_.look_at_addresses();
  traffic_.gather(monotonic_ns());
  workloads_.sweep(monotonic_ns(), changes_, [this](uint64_t cgroup) {
    resets_told_.erase(cgroup);
    if (probes_.tcp) probes_.tcp->forget_resets(cgroup);
    traffic_.forget(cgroup);
  });
  containers_.sweep(monotonic_ns());
  uint64_t lost = probes_.cgroup ? probes_.cgroup->dropped() : births_lost_ + 1;
  if (tree_ && lost != births_lost_) containers_.scan(*tree_);
  births_lost_ = lost;
}

void Daemon::look_for_insights() {
  traffic_.gather(monotonic_ns());
  containers_.gather_for_insights(monotonic_ns(), [this] { drain_rings(); });
  settle();
  uint64_t now_ns = monotonic_ns();
  std::optional<uint64_t> age_ns = pods_->facts(now_ns).age_ns;
  bool stale = age_ns && *age_ns > kStalePolls * options_.pods.poll_ns + kStaleNs;
  insights_->look({now_ns, realtime_ns(), stale}, node_stats_.read(now_ns));
  if (log_) log_insights();
}

void Daemon::log_insights() {
  std::string line;
  insights_->table().each_change([&](const Insight& insight, bool raised) {
    line.clear();
    append_insight_event(line, insight, raised, insights_->looked_ns(), wall_ns(0));
    log_->append(line);
  });
  log_->flush();
}

Status Daemon::name_pods() {
  pods_ = std::make_unique<Pods>(loop_, pods_settings(options_), [this] { settle(); });
  Workloads& containers = containers_.workloads();
  if (options_.pods.source != PodsSettings::Source::none) {
    workloads_.set_pods(&pods_->table());
    traffic_.peers().set_pods(&pods_->table());
    workloads_.set_pod_unknown([this] { pod_unknown(); });
    containers_.set_pods(&pods_->table());
    containers.set_pod_unknown([this] { pods_->pod_unknown(); });
  }
  if (pods_->has_filter())
    for (Workloads* each : {&workloads_, &containers})
      each->set_filter([this](std::string_view ns) { return pods_->watched_without_pod(ns); });
  if (Status status = pods_->start(); !status.ok() || !options_.services) return status;
  services_ = std::make_unique<Services>(loop_, pods_settings(options_).apiserver);
  traffic_.peers().set_services(&services_->table());
  if (Status status = services_->start(); !status.ok() || options_.insight_interval_ns == 0)
    return status;
  conditions_ = std::make_unique<NodeConditions>(loop_, pods_settings(options_).apiserver);
  events_ = std::make_unique<PodEvents>(loop_, pods_settings(options_).apiserver);
  // A host's name may be none of a node's; all else goes on.
  if (Status status = conditions_->start(); !status.ok()) {
    log_warn("this node's conditions are not asked for", {{"reason", status.message()}});
    conditions_.reset();
  }
  return events_->start();
}

void Daemon::pod_unknown() {
  pods_->pod_unknown();
  if (unknown_timer_ != 0) return;
  unknown_timer_ = loop_.after(kUnknownPauseNs, [this] {
    unknown_timer_ = 0;
    settle();
    if (workloads_.waiting()) pod_unknown();
  });
}

void Daemon::settle() {
  workloads_.settle(monotonic_ns(), changes_);
  containers_.settle(monotonic_ns());
}

Status Daemon::watch_rings() {
  auto add = [this](int fd, Drain::Take take) {
    drains_.push_back(std::make_unique<Drain>(loop_, fd, std::move(take)));
    return drains_.back()->start();
  };
  Status status;
  if (probes_.cgroup)
    status = add(probes_.cgroup->ring().fd(), [this](size_t) {
      read_births();
      return size_t{0};  // all of them, at once
    });
  if (status.ok() && probes_.tcp)
    status = add(probes_.tcp->ring().fd(), [this](size_t max) { return drain_tcp(max); });
  if (status.ok() && probes_.dns)
    status = add(probes_.dns->ring().fd(), [this](size_t max) { return drain_dns(max); });
  return status;
}

void Daemon::read_births() {
  if (!probes_.cgroup) return;
  probes_.cgroup->ring().drain(SIZE_MAX, [this](const void* data, size_t size) {
    if (size < sizeof(cgroup_record)) return;
    const auto* record = static_cast<const cgroup_record*>(data);
    std::string_view path(record->path, strnlen(record->path, CGROUP_PATH_MAX));
    // Cut by the kernel's side: half a name is none, its parent's is true.
    if (path.size() == CGROUP_PATH_MAX - 1) path = path.substr(0, path.rfind('/'));
    paths_.born(record->cgroup, path);
    workloads_.born(path);
    containers_.born(record->cgroup, path);
  });
}

size_t Daemon::drain_tcp(size_t records_max) {
  size_t count = probes_.tcp->ring().drain(records_max, [this](const void* data, size_t size) {
    if (size >= sizeof(tcp_record)) tcp_->take(*static_cast<const tcp_record*>(data));
  });
  tcp_events_ += count;
  shedding_.look();
  if (log_) log_->flush();
  return count;
}

size_t Daemon::drain_dns(size_t records_max) {
  uint64_t begun_ns = monotonic_ns();
  size_t count = probes_.dns->ring().drain(records_max, [this](const void* data, size_t size) {
    const auto* record = static_cast<const dns_record*>(data);
    if (size < sizeof *record || size - sizeof *record < record->captured) return;
    dns_->take(*record, reinterpret_cast<const uint8_t*>(record + 1));
  });
  dns_events_ += count;
  shedding_.look();
  if (count < records_max) dns_->expire(begun_ns);
  if (log_) log_->flush();
  schedule_expiry();
  return count;
}

uint64_t Daemon::events() const {
  uint64_t events = tcp_events_ + dns_events_;
  if (probes_.tcp) events += probes_.tcp->dropped();
  if (probes_.dns) events += probes_.dns->dropped();
  return events;
}

// One timer while queries are in flight, none otherwise. The ring is drained first: an answer that
// waits in it is no timeout.
void Daemon::schedule_expiry() {
  if (expiry_timer_ != 0) return;
  std::optional<uint64_t> due_ns = dns_->next_due_ns();
  if (!due_ns) return;
  uint64_t at_ns = std::max(*due_ns, monotonic_ns() + kExpiryPauseNs);
  expiry_timer_ = loop_.at(at_ns, [this] {
    expiry_timer_ = 0;
    drain_dns(Drain::kBatchMax);
  });
}

void Daemon::walk_open(bool first) {
  const TcpProbe& tcp = *probes_.tcp;
  uint64_t lost =
      tcp.dropped() + tcp.connections_overflow() + tcp.skipped() + workloads_.partings();
  if (!first)
    while (drain_tcp(Drain::kBatchMax) == Drain::kBatchMax)
      continue;
  tcp_->begin_walk(first, lost, monotonic_ns());
  Status status =
      probes_.tcp->each_open([this](const tcp_record& record) { tcp_->walked(record); });
  if (!status.ok()) log_warn("open connections cannot be read", {{"reason", status.message()}});
  tcp_->end_walk(status.ok());
}

// The kernel counts RST by cgroup from its own start; what is new goes to the owner of today.
void Daemon::read_resets() {
  if (!probes_.tcp) return;
  probes_.tcp->each_reset([this](uint64_t cgroup, const reset_counts& now) {
    reset_counts* told = resets_told_.insert(cgroup_key(cgroup));
    if (told == nullptr || (now.sent == told->sent && now.received == told->received)) return;
    TcpCounts& counts = store_.tcp(workloads_.index(workloads_.of(cgroup, 0, monotonic_ns())));
    counts.resets[0] += now.sent - told->sent;
    counts.resets[1] += now.received - told->received;
    *told = now;
  });
}

void Daemon::drain_rings() {
  if (probes_.tcp) drain_tcp(Drain::kBatchMax);
  if (probes_.dns) drain_dns(Drain::kBatchMax);
}

void Daemon::every(uint64_t interval_ns, std::function<void()> action) {
  loop_.after(interval_ns, [this, interval_ns, action = std::move(action)] {
    action();
    every(interval_ns, action);
  });
}

HttpResponse Daemon::serve(const HttpRequest& request) {
  if (request.path == "/metrics") return metrics(request);
  if (request.path == "/insights" && insights_) return insights();
  if (request.path == "/healthz") return http_text(200);
  if (request.path == "/readyz") return http_text(ready_ ? 200 : 503);
  return http_text(404);
}

HttpResponse Daemon::metrics(const HttpRequest& request) {
  scrapes_++;
  uint64_t begun_ns = monotonic_ns();
  read_resets();
  traffic_.gather(begun_ns);
  containers_.gather(begun_ns, [this] { drain_rings(); });
  settle();
  uint64_t gathering_ns = monotonic_ns() - begun_ns;
  HttpResponse response;
  bool openmetrics = request.accepts_openmetrics;
  response.content_type = openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                      : "text/plain; version=0.0.4; charset=utf-8";
  response.stream = exposition_.page(openmetrics ? PageFormat::openmetrics : PageFormat::text,
                                     facts(), [this, gathering_ns](uint64_t writing_ns) {
                                       scrape_duration_ns_ = gathering_ns + writing_ns;
                                     });
  return response;
}

HttpResponse Daemon::insights() {
  HttpResponse response;
  response.content_type = "application/json";
  append_insights(response.body, insights_->table(), options_.node_name,
                  {insights_->looked_ns(), options_.insight_interval_ns}, wall_ns(0));
  return response;
}

DaemonFacts Daemon::facts() {
  DaemonFacts facts;
  facts.version = KUBEPULSE_VERSION;
  facts.revision = KUBEPULSE_REVISION;
  facts.tls = tls_is_built_in();
  facts.libbpf = std::to_string(LIBBPF_MAJOR_VERSION) + "." + std::to_string(LIBBPF_MINOR_VERSION);
  for (const Attached& attached : probes_.outcome)
    facts.programs.push_back({attached.signal, attached.flavour.empty() ? "none" : attached.flavour,
                              !attached.flavour.empty()});
  for (const Attached& attached : interfaces_.outcome())
    facts.programs.push_back({attached.signal, attached.flavour.empty() ? "none" : attached.flavour,
                              !attached.flavour.empty()});
  facts.frames = interfaces_.frames();
  facts.program_stats = read_program_stats(programs_, "/proc");
  facts.maps = maps_.read(monotonic_ns());
  const TcpProbe* tcp = probes_.tcp.get();
  facts.events = {{"tcp", tcp_events_, tcp ? tcp->dropped() : 0},
                  {"dns", dns_events_, probes_.dns ? probes_.dns->dropped() : 0}};
  auto tcp_records = [this](Workloads::Index index) {
    const TcpCounts* counts = store_.tcp_if_any(index);
    return counts == nullptr ? 0 : counts->records;
  };
  auto dns_records = [this](Workloads::Index index) {
    const DnsCounts* counts = store_.dns_if_any(index);
    return counts == nullptr ? 0 : counts->records;
  };
  pods_->table().each_namespace(
      [&facts](std::string_view ns, size_t count) { facts.pods.emplace_back(ns, count); });
  if (services_)
    services_->table().each_namespace(
        [&facts](std::string_view ns, size_t count) { facts.services.emplace_back(ns, count); });
  Pods::Facts pods = pods_->facts(monotonic_ns());
  if (insights_) facts.insights = insight_series(insights_->table());
  facts.kubelet_polls = {{"ok", pods.polls_ok}, {"error", pods.polls_failed}};
  facts.kubelet_pods_age_ns = pods.age_ns;
  const Workloads::Attribution& found = workloads_.attribution();
  facts.attribution = {
      {"cgroup", found.by_cgroup}, {"pid", found.by_pid}, {"unknown", found.unknown}};
  facts.overflow = {{"workloads", workloads_.overflow()},
                    {"series", store_.series_overflow()},
                    {"domains", store_.domain_overflow()},
                    {"tcp_filtered", tcp_records(Workloads::kFiltered)},
                    {"dns_filtered", dns_records(Workloads::kFiltered)},
                    {"tcp_late", tcp_records(Workloads::kLate)},
                    {"dns_late", dns_records(Workloads::kLate)},
                    {"pods", pods_->table().overflow()},
                    {"kubelet_refused", pods.polls_refused},
                    {"services", services_ ? services_->table().overflow() : 0},
                    {"containers", containers_.overflow()},
                    {"filesystems_unread", containers_.filesystems_unread()},
                    {"syscalls", probes_.syscalls ? probes_.syscalls->dropped() : 0},
                    {"syscalls_skipped", probes_.syscalls ? probes_.syscalls->skipped() : 0},
                    {"packet_drops", probes_.drops ? probes_.drops->missed() : 0},
                    {"packet_drops_skipped", probes_.drops ? probes_.drops->skipped() : 0},
                    {"drop_reasons", store_.drop_overflow()},
                    {"context_switches", probes_.sched ? probes_.sched->dropped() : 0},
                    {"packets", probes_.traffic ? probes_.traffic->dropped() : 0},
                    {"flows", flows_.lost_packets()},
                    {"flows_shed", flows_.shed_packets()},
                    {"flow_peers", flows_.peer_overflow()},
                    {"peers", probes_.traffic ? probes_.traffic->peers_dropped() : 0},
                    {"pod_events", events_ ? events_->overflow() : 0},
                    {"insights", insights_ ? insights_->overflow() : 0},
                    {"connections", tcp ? tcp->connections_overflow() : 0},
                    {"tcp_state_skipped", tcp ? tcp->skipped() : 0},
                    {"tcp_ends_lost", tcp ? tcp->ends_lost() : 0},
                    {"unknown_connections", tcp_->unknown_ends()},
                    {"resets", tcp ? tcp->resets_overflow() : 0},
                    {"dns_skipped", probes_.dns ? probes_.dns->skipped() : 0},
                    {"dns_in_flight", dns_->evicted()},
                    {"dns_unread", dns_->unread()},
                    {"cgroup_births", probes_.cgroup ? probes_.cgroup->dropped() : 0},
                    {"event_log", log_ ? log_->dropped() : 0},
                    {"event_log_shed", log_ ? log_->shed_lines() : 0}};
  facts.workloads = workloads_.size();
  facts.series = store_.series();
  facts.scrapes = scrapes_;
  facts.scrape_duration_ns = scrape_duration_ns_;
  ProcessCost cost = own_cost();
  facts.cpu_ns = cost.cpu_ns;
  facts.resident_bytes = cost.resident_bytes;
  facts.virtual_bytes = cost.virtual_bytes;
  facts.open_fds = cost.open_fds;
  facts.max_fds = cost.max_fds;
  facts.start_time_ns = cost.start_time_ns;
  return facts;
}

}  // namespace kubepulse
