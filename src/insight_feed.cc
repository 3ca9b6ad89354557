#include "insight_feed.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/clock.h"
#include "base/cut_middle.h"
#include "base/text.h"
#include "insight/name_hash.h"
#include "insight/owner.h"

namespace kubepulse {

namespace {

constexpr uint64_t kSegmentBytes = 1448;  // Ethernet's 1500, less the headers and timestamps
constexpr unsigned kServfail = 2, kNxdomain = 3;  // RFC 1035 4.1.1
constexpr uint64_t kEventSeconds = 600;
constexpr uint64_t kFilesystemKeptNs = 180 * kNsPerSecond;
constexpr std::string_view kSearchDomain = "search";

uint64_t milliseconds(const std::optional<uint64_t>& ns) {
  return ns.value_or(0) / kNsPerMs;
}

ContainerState state_of(PodContainer::State state) {
  switch (state) {
    case PodContainer::State::waiting:
      return ContainerState::waiting;
    case PodContainer::State::running:
      return ContainerState::running;
    case PodContainer::State::terminated:
      return ContainerState::terminated;
    case PodContainer::State::unknown:
      break;
  }
  return ContainerState::unknown;
}

PodFacts::Phase phase_of(Pod::Phase phase) {
  switch (phase) {
    case Pod::Phase::pending:
      return PodFacts::Phase::pending;
    case Pod::Phase::running:
      return PodFacts::Phase::running;
    case Pod::Phase::succeeded:
      return PodFacts::Phase::succeeded;
    case Pod::Phase::failed:
      return PodFacts::Phase::failed;
    case Pod::Phase::unknown:
      break;
  }
  return PodFacts::Phase::unknown;
}

// The units below it are looked at each for itself.
bool is_user_manager(const WorkloadLabels& labels) {
  return labels.ns == "systemd" && labels.pod.rfind("user@", 0) == 0;
}

void say(const ContainerStatus& status, ContainerFacts& facts) {
  facts.state = state_of(status.state);
  facts.waiting_reason = status.waiting_reason;
  facts.last_reason = status.last_reason;
  facts.last_exit_code = status.last_exit_code;
}

template <typename Counts>
uint64_t sum_of(const Counts& counts) {
  uint64_t sum = 0;
  for (uint64_t count : counts)
    sum += count;
  return sum;
}

void add_dns(const DnsCounts& counts, const Domains& domains, TrafficWindow::Totals& totals) {
  totals[kDnsQueries] += counts.other_domains;
  for (const DomainCount& each : counts.domains) {
    totals[kDnsQueries] += each.queries;
    if (domains.name(each.domain) == kSearchDomain) totals[kDnsSearchQueries] += each.queries;
  }
  totals[kDnsAnswers] = sum_of(counts.responses);
  totals[kDnsNxdomain] = counts.responses[kNxdomain];
  totals[kDnsServfail] = counts.responses[kServfail];
  totals[kDnsTimeouts] = counts.timeouts;
}

void add_tcp(const TcpCounts& counts, TrafficWindow::Totals& totals) {
  totals[kConnects] = counts.connections[0];
  totals[kConnectsRefused] = counts.failures[kFailureRefused];
  totals[kConnectsTimedOut] = counts.failures[kFailureTimeout];
  totals[kConnectsUnreachable] = counts.failures[kFailureUnreachable];
  totals[kConnectsReset] = counts.failures[kFailureReset];
  totals[kConnectsOther] = counts.failures[kFailureOther];
  totals[kSegmentsByBytes] = counts.sent_bytes / kSegmentBytes;
  totals[kRetransmits] = counts.retransmits;
  totals[kAccepts] = counts.connections[1];
  totals[kAcceptDrops] = counts.accept_queue_drops;
}

}  // namespace

void InsightFeed::look(const Moment& moment, const NodeState& node) {
  bool first = looked_ns_ == 0;
  looked_ns_ = moment.now_ns;
  wall_ns_ = moment.wall_ns;
  engine_.begin(moment.now_ns, moment.wall_ns);
  read_pods(moment.pods_are_stale);
  look_at_containers();
  look_at_unmeasured();
  look_at_pods();
  look_at_traffic(first);
  look_at_node(node);
  if (of_kubernetes_)
    engine_.forget_pods(
        [this](std::string_view ns, std::string_view pod) { return is_gone(ns, pod); });
  bool any_pods = !pods_.empty();
  engine_.end({}, any_pods ? running_pods_ : from_.workloads.size(), any_pods);
  pods_before_.clear();
  if (of_kubernetes_)
    for (const Place& place : pod_places_)
      pods_before_.push_back(place.hash);
}

void InsightFeed::read_pods(bool stale) {
  pods_.clear();
  containers_.clear();
  pod_places_.clear();
  container_places_.clear();
  running_pods_ = 0;
  of_kubernetes_ = false;
  // By their names as labels have them.
  from_.pods.each_pod([this, stale](PodStatus pod) {
    pod.pod = cut_text(pod.pod, kLabelBytesMax);
    pod_places_.push_back({hash_names({pod.ns, pod.pod}), static_cast<uint32_t>(pods_.size())});
    pods_.push_back(pod);
    bool is_over = pod.phase == Pod::Phase::succeeded || pod.phase == Pod::Phase::failed;
    if (pod.watched && !is_over) running_pods_++;
    if (stale) pods_.back().phase = Pod::Phase::unknown;
    if (pods_.back().phase != Pod::Phase::unknown) of_kubernetes_ = true;
  });
  if (!stale)
    from_.pods.each_container([this](ContainerStatus each) {
      each.pod = cut_text(each.pod, kLabelBytesMax);
      container_places_.push_back({hash_names({each.ns, each.pod, each.container}),
                                   static_cast<uint32_t>(containers_.size())});
      containers_.push_back({each, false});
    });
  for (std::vector<Place>* places : {&pod_places_, &container_places_})
    std::sort(places->begin(), places->end(),
              [](const Place& one, const Place& other) { return one.hash < other.hash; });
}

// A pod that is in no list any more; its series go on for a while.
bool InsightFeed::is_gone(std::string_view ns, std::string_view pod) const {
  return of_kubernetes_ && ns != "unknown" && pod_named(ns, pod) == nullptr;
}

// One that the list of the look before did not have.
bool InsightFeed::is_new(std::string_view ns, std::string_view pod) const {
  return !pods_before_.empty() &&
         !std::binary_search(pods_before_.begin(), pods_before_.end(), hash_names({ns, pod}));
}

namespace {

template <typename Places>
auto place_of(const Places& places, uint64_t hash) {
  auto found =
      std::lower_bound(places.begin(), places.end(), hash,
                       [](const auto& place, uint64_t wanted) { return place.hash < wanted; });
  return found != places.end() && found->hash == hash ? &*found : nullptr;
}

}  // namespace

const PodStatus* InsightFeed::pod_named(std::string_view ns, std::string_view pod) const {
  const Place* place = place_of(pod_places_, hash_names({ns, pod}));
  return place == nullptr ? nullptr : &pods_[place->at];
}

InsightFeed::Container* InsightFeed::container_named(uint64_t hash) {
  const Place* place = place_of(container_places_, hash);
  return place == nullptr ? nullptr : &containers_[place->at];
}

Subject InsightFeed::subject_of(std::string_view ns, std::string_view pod,
                                const PodStatus* status) const {
  Subject subject;
  subject.ns = ns;
  subject.pod = pod;
  if (status == nullptr) return subject;
  subject.is_pod = true;
  subject.owner = owner_of(status->owner_kind, status->owner_name, status->template_hash);
  return subject;
}

void InsightFeed::look_at_containers() {
  const Workloads& all = from_.containers;
  for (Workloads::Index i = Workloads::kFirst; i < all.end(); i++) {
    const ContainerCounts* counts = all.shown(i) ? from_.container_store.if_any(i) : nullptr;
    if (counts == nullptr) continue;
    const WorkloadLabels& labels = all.labels(i);
    const PodStatus* pod = pod_named(labels.ns, labels.pod);
    if (pod != nullptr && labels.container.empty()) continue;  // its sandbox
    if (all.is_pod(i) ? is_gone(labels.ns, labels.pod) : is_user_manager(labels)) continue;
    ContainerFacts facts;
    facts.subject = subject_of(labels.ns, labels.pod, pod);
    facts.subject.container = labels.container;
    facts.is_new = pod != nullptr && is_new(labels.ns, labels.pod);
    facts.knows_restarts = counts->restarts.has_value();
    uint64_t key = hash_names({labels.ns, labels.pod, labels.container});
    ContainerWindow::Totals totals{};
    totals[kOomKills] = counts->oom_kills.value_or(0);
    totals[kRestarts] = counts->restarts.value_or(0);
    totals[kCpuUsageMs] = milliseconds(counts->cpu_usage_ns);
    totals[kCpuThrottledMs] = milliseconds(counts->cpu_throttled_ns);
    if (Container* named = container_named(key)) {
      named->met = true;
      say(named->status, facts);
    }
    facts.cpu_limit = static_cast<double>(counts->cpu_limit_millicpus.value_or(0)) / 1000;
    std::optional<Insights::Memory> memory;
    if (counts->memory_working_set_bytes)
      memory = {*counts->memory_working_set_bytes, counts->memory_limit_bytes.value_or(UINT64_MAX),
                counts->memory_reclaimable_bytes.value_or(0)};
    engine_.container(key, facts, memory ? &*memory : nullptr, totals);
    note_filesystems(facts.subject, *counts);
  }
  look_at_filesystems();
}

// Of those that have been told lately.
void InsightFeed::note_filesystems(const Subject& subject, const ContainerCounts& counts) {
  bool by_host = subject.ns == "host" && subject.pod == "kernel" && !subject.is_pod;
  for (const FilesystemSizes& each : counts.filesystems) {
    if (looked_ns_ > each.told_ns + kFilesystemKeptNs) continue;
    uint64_t key = hash_names({subject.ns, subject.pod, subject.container, each.mountpoint});
    mounted_.push_back({subject, &each, key, by_host});
  }
}

// Each once, however many have it mounted: as the host's, or as that of the first by its key. What
// has a quota on the same device has a capacity of its own.
void InsightFeed::look_at_filesystems() {
  auto room_of = [](const Mounted& mounted) {
    return std::make_pair(mounted.sizes->device, mounted.sizes->capacity_bytes);
  };
  std::sort(mounted_.begin(), mounted_.end(), [&](const Mounted& one, const Mounted& other) {
    return std::make_tuple(room_of(one), !one.by_host, one.key) <
           std::make_tuple(room_of(other), !other.by_host, other.key);
  });
  const Mounted* before = nullptr;
  for (const Mounted& each : mounted_) {
    const FilesystemSizes& sizes = *each.sizes;
    bool is_known = sizes.device != 0 && before != nullptr && room_of(each) == room_of(*before);
    before = &each;
    if (is_known) continue;
    FilesystemFacts facts;
    facts.subject = each.subject;
    facts.mountpoint = sizes.mountpoint;
    engine_.filesystem(each.key, facts, sizes.told_ns, sizes.usage_bytes,
                       sizes.usage_bytes + sizes.available_bytes);
  }
  mounted_.clear();
}

// Those that do not get to run, or run where their cgroups are not read.
void InsightFeed::look_at_unmeasured() {
  for (const Container& each : containers_) {
    const ContainerStatus& status = each.status;
    if (each.met || !status.watched) continue;
    ContainerFacts facts;
    facts.subject = subject_of(status.ns, status.pod, &pods_[status.pod_index]);
    facts.subject.container = status.container;
    say(status, facts);
    facts.is_new = is_new(status.ns, status.pod);
    facts.knows_restarts = true;
    ContainerWindow::Totals totals{};
    totals[kRestarts] = status.restarts;
    engine_.container(hash_names({status.ns, status.pod, status.container}), facts, nullptr,
                      totals);
  }
}

void InsightFeed::look_at_pods() {
  for (const PodStatus& pod : pods_) {
    if (!pod.watched) continue;
    PodFacts facts;
    facts.subject = subject_of(pod.ns, pod.pod, &pod);
    facts.phase = phase_of(pod.phase);
    facts.deleting = pod.deleting;
    facts.containers = pod.containers;
    facts.ready = pod.ready;
    facts.waiting_reason = pod.waiting_reason;
    facts.waiting_container = pod.waiting_container;
    facts.message = message_of(pod);
    engine_.pod(facts);
  }
}

// Of the newest warning, else of the status; with its reason in front.
std::string_view InsightFeed::message_of(const PodStatus& pod) {
  bool is_well = pod.phase == Pod::Phase::running && pod.ready >= pod.containers;
  bool is_over = pod.phase == Pod::Phase::succeeded || pod.phase == Pod::Phase::failed;
  const PodEvent* event = nullptr;
  if (from_.events != nullptr && !is_well && !is_over && !pod.deleting) {
    from_.events->want(pod.ns, pod.uid);
    event = from_.events->find(pod.uid);
    // What was long ago may have passed.
    if (event != nullptr && event->at_s + kEventSeconds < wall_ns_ / kNsPerSecond) event = nullptr;
  }
  std::string_view reason = event != nullptr ? event->reason.view() : pod.waiting_reason;
  std::string_view words = event != nullptr ? event->message.view() : pod.message;
  message_ = reason;
  if (!reason.empty() && !words.empty()) message_ += ": ";
  message_ += words;
  message_ = cut_middle(message_, InsightTable::kTextBytesMax);
  return message_;
}

void InsightFeed::look_at_traffic(bool first) {
  const Workloads& all = from_.workloads;
  met_.resize(all.end());
  for (Workloads::Index i = Workloads::kFirst; i < all.end(); i++) {
    if (!all.shown(i)) continue;
    TcpCounts* tcp = from_.store.tcp_if_any(i);
    const DnsCounts* dns = from_.store.dns_if_any(i);
    if (tcp == nullptr && dns == nullptr) continue;
    const WorkloadLabels& labels = all.labels(i);
    bool is_new = !first && !met_[i];
    met_[i] = true;
    if (all.is_pod(i) && is_gone(labels.ns, labels.pod)) continue;
    TrafficFacts facts;
    facts.subject = subject_of(labels.ns, labels.pod, pod_named(labels.ns, labels.pod));
    facts.is_new = is_new;
    TrafficWindow::Totals totals{};
    if (dns != nullptr) add_dns(*dns, from_.store.domains(), totals);
    if (tcp != nullptr) {
      add_tcp(*tcp, totals);
      facts.failing_peer = name_failing_peer(*tcp, facts.failing_peer_ns);
    }
    if (const PacketCounts* packets = from_.store.packets_if_any(i))
      totals[kPacketsSent] = (*packets)[0].packets[0];
    engine_.traffic(hash_names({labels.ns, labels.pod}), facts, totals);
  }
}

void InsightFeed::look_at_node(const NodeState& node) {
  NodeFacts facts;
  facts.cpus = node.cpus;
  auto room = [](const NodeRoom& from) { return Room{from.used, from.whole}; };
  facts.memory = room(node.memory);
  facts.pids = room(node.pids);
  facts.disk = room(node.disk);
  facts.inodes = room(node.inodes);
  if (from_.conditions != nullptr) {
    using Kind = NodeCondition::Kind;
    // Unknown, so says Kubernetes of a kubelet that has fallen silent.
    for (NodeCondition::Status bad : {NodeCondition::Status::no, NodeCondition::Status::unknown})
      if (facts.not_ready.empty()) facts.not_ready = condition(Kind::ready, bad);
    if (facts.not_ready.empty()) facts.not_ready = condition(Kind::network_unavailable);
    facts.memory_pressure = condition(Kind::memory_pressure);
    facts.disk_pressure = condition(Kind::disk_pressure);
    facts.pid_pressure = condition(Kind::pid_pressure);
  }
  NodeWindow::Totals totals{};
  totals[kCpuWaitingMs] = milliseconds(node.pressure[kPressureOnCpu].waiting_ns);
  totals[kMemoryStalledMs] = milliseconds(node.pressure[kPressureOnMemory].stalled_ns);
  totals[kIoStalledMs] = milliseconds(node.pressure[kPressureOnIo].stalled_ns);
  engine_.node(facts, totals);
}

// Why a condition is as it should not be, in Kubernetes' words; "" where it is not.
std::string_view InsightFeed::condition(NodeCondition::Kind kind, NodeCondition::Status bad) {
  const NodeCondition& told = from_.conditions->of(kind, looked_ns_);
  if (told.status != bad) return {};
  std::string& words = conditions_[static_cast<size_t>(kind)];
  words = node_condition_name(kind);
  for (std::string_view more : {told.reason.view(), told.message.view()})
    if (!more.empty()) (words += ": ") += more;
  return words;
}

// Its name, or its address where nobody knows one. Valid until the next.
std::string_view InsightFeed::name_failing_peer(TcpCounts& counts, std::string_view& ns) {
  AddressVote& vote = counts.failing_peer;
  if (vote.weight == 0) return {};
  Peers::Name peer = from_.peers.find(vote.address);
  vote.weight -= (vote.weight + 7) / 8;  // so that who fails now comes to the front
  ns = peer.ns;
  if (peer.is_known) return peer.name;
  address_ = ip_text(vote.address);
  return address_;
}

}  // namespace kubepulse
