// Every metric, once: name, type, help and how its samples are written. The names are the contract
// with dashboards and alerts: add freely, change nothing.
#ifndef KUBEPULSE_PUBLISH_CATALOGUE_H
#define KUBEPULSE_PUBLISH_CATALOGUE_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collect/map_stats.h"
#include "collect/program_stats.h"
#include "publish/container_store.h"
#include "publish/flow_store.h"
#include "publish/page.h"
#include "publish/store.h"

namespace kubepulse {

struct ProgramState {
  std::string program;
  std::string flavour;  // "none" where no flavour works
  bool attached;
};

struct EventCount {
  const char* type;
  uint64_t taken;
  uint64_t dropped;
};

struct NamedCount {
  const char* name;
  uint64_t count;
};

// What came in by an interface, by protocol.
struct InterfaceFrames {
  std::string interface;
  std::array<uint64_t, kPacketProtocols> packets{};
  std::array<uint64_t, kPacketProtocols> bytes{};
};

// Insights that are reported, as the page shows them.
struct ActiveInsights {
  struct Active {
    std::string pod, kind;  // escaped labels: namespace and pod; type and severity
  };
  struct Prediction {
    std::string pod, kind;  // likewise, without severity
    // In billionths, and in ns; none where it may never be.
    uint64_t probability, confidence;
    std::optional<uint64_t> time_to_event_ns;
  };
  // None is there twice.
  std::vector<Active> active;
  std::vector<Prediction> predictions;
};

// What the daemon says of itself, taken together at the beginning of a scrape.
struct DaemonFacts {
  std::string version, revision, libbpf;
  bool tls = false;
  std::vector<ProgramState> programs;
  std::vector<ProgramStats> program_stats;
  std::vector<MapStats> maps;
  std::vector<EventCount> events;
  std::vector<NamedCount> attribution;
  std::vector<NamedCount> overflow;
  std::vector<std::pair<std::string, uint64_t>> pods;      // by namespace
  std::vector<std::pair<std::string, uint64_t>> services;  // likewise
  std::vector<InterfaceFrames> frames;                     // by interface of --interface
  ActiveInsights insights;
  std::vector<NamedCount> kubelet_polls;
  std::optional<uint64_t> kubelet_pods_age_ns;  // none where it is not asked
  uint64_t workloads = 0;
  uint64_t series = 0;
  uint64_t scrapes = 0;
  uint64_t scrape_duration_ns = 0;  // of the last one that ended
  // Of the process; times in ns.
  uint64_t cpu_ns = 0;
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
  uint64_t start_time_ns = 0;  // since the epoch
};

// One of the writers is set: for each workload that has TCP counts, that has DNS counts, that has
// interfaces, for each container, once, or for each workload that has dropped packets, packets, or
// flows.
struct MetricFamily {
  const char* name;
  MetricKind kind;
  const char* help;
  void (*tcp)(const TcpCounts&, const Store&, std::string_view labels, Page&);
  void (*dns)(const DnsCounts&, const Store&, std::string_view labels, Page&);
  void (*interfaces)(const std::vector<InterfaceCount>&, std::string_view labels, Page&);
  void (*container)(const ContainerCounts&, std::string_view labels, Page&);
  void (*daemon)(const DaemonFacts&, std::string_view node_label, Page&);
  void (*drops)(const DropCounts&, std::string_view labels, Page&) = nullptr;
  void (*packets)(const PacketCounts&, std::string_view labels, Page&) = nullptr;
  void (*flows)(const FlowCounts&, const FlowStore&, std::string_view labels, Page&) = nullptr;
};

const std::vector<MetricFamily>& catalogue();

}  // namespace kubepulse

#endif
