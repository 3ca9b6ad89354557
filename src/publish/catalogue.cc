#include "publish/catalogue.h"

#include <algorithm>

namespace kubepulse {

namespace {

using Labels = std::string_view;

constexpr const char* kDirections[] = {"out", "in"};
constexpr const char* kResetDirections[] = {"sent", "received"};

MetricFamily tcp(const char* name, MetricKind kind, const char* help,
                 void (*write)(const TcpCounts&, const Store&, Labels, Page&)) {
  return {name, kind, help, write, nullptr, nullptr};
}

MetricFamily dns(const char* name, MetricKind kind, const char* help,
                 void (*write)(const DnsCounts&, const Store&, Labels, Page&)) {
  return {name, kind, help, nullptr, write, nullptr};
}

MetricFamily daemon(const char* name, MetricKind kind, const char* help,
                    void (*write)(const DaemonFacts&, Labels, Page&)) {
  return {name, kind, help, nullptr, nullptr, write};
}

void write_named(const std::vector<NamedCount>& counts, Labels node, const char* key, Page& page) {
  for (const NamedCount& named : counts)
    page.sample(node, key, named.name, named.count);
}

void add_tcp(std::vector<MetricFamily>& all) {
  all.push_back(tcp("kubepulse_tcp_latency_seconds", MetricKind::histogram,
                    "Lifetime of connections that the workload opened: connect to its close.",
                    [](const TcpCounts& c, const Store& s, Labels l, Page& p) {
                      p.histogram(l, s.bounds(), c.latency);
                    }));
  all.push_back(tcp("kubepulse_tcp_connect_latency_seconds", MetricKind::histogram,
                    "TCP handshake of connections that the workload opened: SYN to established.",
                    [](const TcpCounts& c, const Store& s, Labels l, Page& p) {
                      p.histogram(l, s.bounds(), c.connect_latency);
                    }));
  all.push_back(tcp("kubepulse_tcp_connections_total", MetricKind::counter,
                    "Connections established.",
                    [](const TcpCounts& c, const Store&, Labels l, Page& p) {
                      for (size_t i = 0; i < 2; i++)
                        p.sample(l, "direction", kDirections[i], c.connections[i]);
                    }));
  all.push_back(tcp("kubepulse_tcp_connections_active", MetricKind::gauge,
                    "Connections established now, those from before the start included.",
                    [](const TcpCounts& c, const Store&, Labels l, Page& p) {
                      for (size_t i = 0; i < 2; i++)
                        p.sample(l, "direction", kDirections[i], std::max(c.active[i], int64_t{0}));
                    }));
  all.push_back(tcp("kubepulse_tcp_connect_failures_total", MetricKind::counter,
                    "Connects that never became established.",
                    [](const TcpCounts& c, const Store&, Labels l, Page& p) {
                      for (unsigned i = 0; i < kFailureReasons; i++)
                        p.sample(l, "reason", failure_reason_name(i), c.failures[i]);
                    }));
  all.push_back(
      tcp("kubepulse_tcp_sent_bytes_total", MetricKind::counter,
          "Payload that peers have acknowledged.",
          [](const TcpCounts& c, const Store&, Labels l, Page& p) { p.sample(l, c.sent_bytes); }));
  all.push_back(tcp(
      "kubepulse_tcp_received_bytes_total", MetricKind::counter, "Payload received.",
      [](const TcpCounts& c, const Store&, Labels l, Page& p) { p.sample(l, c.received_bytes); }));
  all.push_back(
      tcp("kubepulse_tcp_retransmits_total", MetricKind::counter, "Segments sent again.",
          [](const TcpCounts& c, const Store&, Labels l, Page& p) { p.sample(l, c.retransmits); }));
  all.push_back(tcp("kubepulse_tcp_resets_total", MetricKind::counter, "RST segments.",
                    [](const TcpCounts& c, const Store&, Labels l, Page& p) {
                      for (size_t i = 0; i < 2; i++)
                        p.sample(l, "direction", kResetDirections[i], c.resets[i]);
                    }));
  all.push_back(tcp("kubepulse_tcp_rtt_seconds", MetricKind::histogram,
                    "Smoothed round-trip time, sampled while a connection is open and at its end.",
                    [](const TcpCounts& c, const Store& s, Labels l, Page& p) {
                      p.histogram(l, s.bounds(), c.rtt);
                    }));
}

void write_domains(const DnsCounts& counts, const Store& store, Labels labels, Page& page) {
  for (const DomainCount& held : counts.domains)
    page.sample(labels, "domain", store.domains().name(held.domain), held.queries);
  if (counts.other_domains > 0) page.sample(labels, "domain", "other", counts.other_domains);
}

void add_dns(std::vector<MetricFamily>& all) {
  all.push_back(dns("kubepulse_dns_queries_total", MetricKind::counter,
                    "DNS queries sent, by registrable domain.", write_domains));
  all.push_back(dns("kubepulse_dns_responses_total", MetricKind::counter,
                    "DNS answers received, by response code.",
                    [](const DnsCounts& c, const Store&, Labels l, Page& p) {
                      for (unsigned i = 0; i < kRcodeKinds; i++)
                        p.sample(l, "rcode", rcode_name(i), c.responses[i]);
                    }));
  all.push_back(
      dns("kubepulse_dns_timeouts_total", MetricKind::counter,
          "DNS queries that no answer followed in 5 s.",
          [](const DnsCounts& c, const Store&, Labels l, Page& p) { p.sample(l, c.timeouts); }));
  all.push_back(dns("kubepulse_dns_latency_seconds", MetricKind::histogram,
                    "DNS query sent to answer arrived.",
                    [](const DnsCounts& c, const Store& s, Labels l, Page& p) {
                      p.histogram(l, s.bounds(), c.latency);
                    }));
}

void write_build_info(const DaemonFacts& facts, Labels node, Page& page) {
  std::string labels(node);
  for (auto [key, value] : {std::pair<const char*, const std::string*>{"version", &facts.version},
                            {"revision", &facts.revision},
                            {"libbpf", &facts.libbpf}}) {
    labels += ',';
    append_label(labels, key, *value);
  }
  page.sample(labels, "tls", facts.tls ? "1" : "0", uint64_t{1});
}

void write_programs(const DaemonFacts& facts, Labels node, Page& page) {
  for (const ProgramState& state : facts.programs) {
    std::string labels(node);
    labels += ',';
    append_label(labels, "program", state.program);
    page.sample(labels, "flavour", state.flavour, uint64_t{state.attached});
  }
}

void add_daemon(std::vector<MetricFamily>& all) {
  all.push_back(daemon("kubepulse_events_total", MetricKind::counter,
                       "Records taken from the kernel.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         for (const EventCount& e : f.events)
                           p.sample(node, "type", e.type, e.taken);
                       }));
  all.push_back(daemon("kubepulse_events_dropped_total", MetricKind::counter,
                       "Records that the kernel could not hand over, exactly.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         for (const EventCount& e : f.events)
                           p.sample(node, "type", e.type, e.dropped);
                       }));
  all.push_back(daemon("kubepulse_events_filtered_total", MetricKind::counter,
                       "Records of workloads that the filters leave out.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.filtered, node, "type", p);
                       }));
  all.push_back(daemon(
      "kubepulse_events_late_total", MetricKind::counter,
      "Records of workloads whose series had ended.",
      [](const DaemonFacts& f, Labels node, Page& p) { write_named(f.late, node, "type", p); }));
  all.push_back(daemon("kubepulse_build_info", MetricKind::gauge, "What is running; always 1.",
                       write_build_info));
  all.push_back(daemon("kubepulse_bpf_program_attached", MetricKind::gauge,
                       "1 where the program is attached in this flavour, 0 where none works.",
                       write_programs));
  all.push_back(daemon("kubepulse_attribution_total", MetricKind::counter,
                       "Events by how they found their workload.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.attribution, node, "result", p);
                       }));
  all.push_back(daemon("kubepulse_kubelet_polls_total", MetricKind::counter,
                       "Times that the kubelet was asked for its pods.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.kubelet_polls, node, "result", p);
                       }));
  all.push_back(daemon("kubepulse_kubelet_pods_age_seconds", MetricKind::gauge,
                       "Since the kubelet's last good answer; since the start where none came.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         if (f.kubelet_pods_age_ns) p.sample_seconds(node, *f.kubelet_pods_age_ns);
                       }));
  all.push_back(
      daemon("kubepulse_workloads", MetricKind::gauge, "Workloads held now.",
             [](const DaemonFacts& f, Labels node, Page& p) { p.sample(node, f.workloads); }));
  all.push_back(
      daemon("kubepulse_series", MetricKind::gauge, "Workload series held now.",
             [](const DaemonFacts& f, Labels node, Page& p) { p.sample(node, f.series); }));
  all.push_back(daemon("kubepulse_overflow_total", MetricKind::counter,
                       "What exceeded the bound of a table.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.overflow, node, "table", p);
                       }));
  all.push_back(
      daemon("kubepulse_scrapes_total", MetricKind::counter, "Scrapes begun.",
             [](const DaemonFacts& f, Labels node, Page& p) { p.sample(node, f.scrapes); }));
  all.push_back(daemon("kubepulse_scrape_duration_seconds", MetricKind::gauge,
                       "Time to write the last whole page.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         p.sample_seconds(node, f.scrape_duration_ns);
                       }));
}

void add_process(std::vector<MetricFamily>& all) {
  all.push_back(daemon(
      "process_cpu_seconds_total", MetricKind::counter, "User and system CPU time of this process.",
      [](const DaemonFacts& f, Labels, Page& p) { p.sample_seconds("", f.cpu_ns); }));
  all.push_back(
      daemon("process_resident_memory_bytes", MetricKind::gauge, "Resident memory.",
             [](const DaemonFacts& f, Labels, Page& p) { p.sample("", f.resident_bytes); }));
  all.push_back(
      daemon("process_virtual_memory_bytes", MetricKind::gauge, "Virtual memory.",
             [](const DaemonFacts& f, Labels, Page& p) { p.sample("", f.virtual_bytes); }));
  all.push_back(daemon("process_open_fds", MetricKind::gauge, "Open file descriptors.",
                       [](const DaemonFacts& f, Labels, Page& p) { p.sample("", f.open_fds); }));
  all.push_back(daemon("process_max_fds", MetricKind::gauge, "Limit of open file descriptors.",
                       [](const DaemonFacts& f, Labels, Page& p) { p.sample("", f.max_fds); }));
  all.push_back(daemon(
      "process_start_time_seconds", MetricKind::gauge, "Start of this process since the epoch.",
      [](const DaemonFacts& f, Labels, Page& p) { p.sample_seconds("", f.start_time_ns); }));
}

}  // namespace

const std::vector<MetricFamily>& catalogue() {
  static const std::vector<MetricFamily> all = [] {
    std::vector<MetricFamily> families;
    add_tcp(families);
    add_dns(families);
    add_daemon(families);
    add_process(families);
    return families;
  }();
  return all;
}

}  // namespace kubepulse
