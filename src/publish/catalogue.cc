#include "publish/catalogue.h"

#include <algorithm>

#include "publish/flow_metrics.h"
#include "publish/frame_metrics.h"
#include "publish/insight_metrics.h"

namespace kubepulse {

namespace {

using Labels = std::string_view;

constexpr const char* kSwitchKinds[] = {"voluntary", "preempted"};
constexpr const char* kResourceNames[] = {"cpu", "memory", "io"};
constexpr const char* kResetDirections[] = {"sent", "received"};

MetricFamily tcp(const char* name, MetricKind kind, const char* help,
                 void (*write)(const TcpCounts&, const Store&, Labels, Page&)) {
  return {name, kind, help, write, nullptr, nullptr, nullptr, nullptr};
}

MetricFamily dns(const char* name, MetricKind kind, const char* help,
                 void (*write)(const DnsCounts&, const Store&, Labels, Page&)) {
  return {name, kind, help, nullptr, write, nullptr, nullptr, nullptr};
}

MetricFamily container(const char* name, MetricKind kind, const char* help,
                       void (*write)(const ContainerCounts&, Labels, Page&)) {
  return {name, kind, help, nullptr, nullptr, nullptr, write, nullptr};
}

MetricFamily daemon(const char* name, MetricKind kind, const char* help,
                    void (*write)(const DaemonFacts&, Labels, Page&)) {
  return {name, kind, help, nullptr, nullptr, nullptr, nullptr, write};
}

std::string labels_and(Labels labels, const char* key, std::string_view value) {
  std::string all(labels);
  all += ',';
  append_label(all, key, value);
  return all;
}

void write_named(const std::vector<NamedCount>& counts, Labels node, const char* key, Page& page) {
  for (const NamedCount& named : counts)
    page.sample(node, key, named.name, named.count);
}

void write_by_namespace(const std::vector<std::pair<std::string, uint64_t>>& counts, Labels node,
                        Page& page) {
  for (const auto& [ns, count] : counts) {
    std::string labels;
    append_label(labels, "namespace", ns);
    labels += ',';
    labels += node;
    page.sample(labels, uint64_t{count});
  }
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
  all.push_back(tcp("kubepulse_tcp_connection_states", MetricKind::gauge,
                    "TCP sockets by state, at the last look at the open sockets.",
                    [](const TcpCounts& c, const Store& s, Labels l, Page& p) {
                      if (!s.tells_sockets()) return;
                      for (unsigned i = 0; i < kTcpStates; i++)
                        p.sample(l, "state", tcp_state_name(i), c.states[i]);
                    }));
  all.push_back(tcp("kubepulse_tcp_accept_queue_drops_total", MetricKind::counter,
                    "Segments of handshakes that listeners dropped, for a full accept queue.",
                    [](const TcpCounts& c, const Store& s, Labels l, Page& p) {
                      if (s.tells_sockets()) p.sample(l, c.accept_queue_drops);
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

template <size_t which>
void write_interfaces(const std::vector<InterfaceCount>& interfaces, Labels labels, Page& page) {
  for (const InterfaceCount& each : interfaces)
    page.sample(labels, "interface", each.name, each.values[which]);
}

void add_interfaces(std::vector<MetricFamily>& all) {
  auto add = [&all](const char* name, const char* help, auto* write) {
    all.push_back({name, MetricKind::counter, help, nullptr, nullptr, write, nullptr, nullptr});
  };
  add("kubepulse_network_interface_receive_bytes_total", "Bytes received.", write_interfaces<0>);
  add("kubepulse_network_interface_receive_packets_total", "Packets received.",
      write_interfaces<1>);
  add("kubepulse_network_interface_receive_errors_total", "Packets received damaged.",
      write_interfaces<2>);
  add("kubepulse_network_interface_receive_drops_total", "Packets received and dropped.",
      write_interfaces<3>);
  add("kubepulse_network_interface_transmit_bytes_total", "Bytes sent.", write_interfaces<4>);
  add("kubepulse_network_interface_transmit_packets_total", "Packets sent.", write_interfaces<5>);
  add("kubepulse_network_interface_transmit_errors_total", "Packets that could not be sent.",
      write_interfaces<6>);
  add("kubepulse_network_interface_transmit_drops_total", "Packets dropped before they were sent.",
      write_interfaces<7>);
}

void write_drops(const DropCounts& drops, Labels labels, Page& page) {
  for (const DropCount& each : drops.reasons)
    page.sample(labels, "reason", each.reason, each.packets);
  if (drops.other != 0) page.sample(labels, "reason", "other", drops.other);
}

void add_drops(std::vector<MetricFamily>& all) {
  all.push_back({"kubepulse_packet_drops_total", MetricKind::counter,
                 "Packets that the kernel dropped, by its own reason.", nullptr, nullptr, nullptr,
                 nullptr, nullptr, write_drops});
}

template <std::array<uint64_t, kPacketProtocols> PacketsOneWay::*member>
void write_packets(const PacketCounts& counts, Labels labels, Page& page) {
  for (size_t way = 0; way < 2; way++) {
    std::string with_direction = labels_and(labels, "direction", kDirections[way]);
    for (size_t i = 0; i < kPacketProtocols; i++)
      page.sample(with_direction, "protocol", kPacketProtocolNames[i], (counts[way].*member)[i]);
  }
}

void write_packet_sizes(const PacketCounts& counts, Labels labels, Page& page) {
  for (size_t way = 0; way < 2; way++)
    page.histogram(labels_and(labels, "direction", kDirections[way]), counts[way].sizes);
}

void add_packets(std::vector<MetricFamily>& all) {
  auto add = [&all](const char* name, MetricKind kind, const char* help, auto* write) {
    all.push_back({name, kind, help, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, write});
  };
  add("kubepulse_packets_total", MetricKind::counter, "Packets of the workload's sockets.",
      write_packets<&PacketsOneWay::packets>);
  add("kubepulse_packet_bytes_total", MetricKind::counter,
      "Bytes of these packets, with the IP header and without that of the link.",
      write_packets<&PacketsOneWay::bytes>);
  add("kubepulse_packet_size_bytes", MetricKind::histogram, "Sizes of these packets.",
      write_packet_sizes);
}

using C = ContainerCounts;

// A writer of a value that may not be known.
template <std::optional<uint64_t> C::*member>
void write_number(const C& counts, Labels labels, Page& page) {
  if (counts.*member) page.sample(labels, *(counts.*member));
}

template <std::optional<uint64_t> C::*member>
void write_seconds(const C& counts, Labels labels, Page& page) {
  if (counts.*member) page.sample_seconds(labels, *(counts.*member));
}

template <std::array<std::optional<uint64_t>, C::kResources> C::*member>
void write_pressure(const C& counts, Labels labels, Page& page) {
  for (size_t i = 0; i < C::kResources; i++)
    if ((counts.*member)[i])
      page.sample_seconds(labels, "resource", kResourceNames[i], *(counts.*member)[i]);
}

template <size_t which>
void write_disks(const C& counts, Labels labels, Page& page) {
  for (const DiskCounts& disk : counts.disks)
    page.sample(labels, "device", disk.device, disk.values[which]);
}

template <uint64_t FilesystemSizes::*member>
void write_filesystems(const C& counts, Labels labels, Page& page) {
  for (const FilesystemSizes& each : counts.filesystems)
    page.sample(labels, "mountpoint", each.mountpoint, each.*member);
}

void add_containers(std::vector<MetricFamily>& all) {
  constexpr MetricKind counter = MetricKind::counter, gauge = MetricKind::gauge;
  all.push_back(container("kubepulse_cpu_runqueue_latency_seconds", MetricKind::histogram,
                          "Time that tasks waited for a CPU, told when they leave it.",
                          [](const C& c, Labels l, Page& p) {
                            if (c.scheduler) p.histogram(l, c.scheduler->run_queue);
                          }));
  all.push_back(container("kubepulse_cpu_context_switches_total", counter,
                          "Times that tasks left a CPU, by their own will or not.",
                          [](const C& c, Labels l, Page& p) {
                            for (size_t i = 0; c.scheduler && i < 2; i++)
                              p.sample(l, "kind", kSwitchKinds[i], c.scheduler->switches[i]);
                          }));
  all.push_back(container("kubepulse_cpu_usage_seconds_total", counter, "CPU time used.",
                          write_seconds<&C::cpu_usage_ns>));
  all.push_back(container("kubepulse_cpu_throttled_seconds_total", counter,
                          "Time that the CPU limit held tasks back.",
                          write_seconds<&C::cpu_throttled_ns>));
  all.push_back(container("kubepulse_pressure_waiting_seconds_total", counter,
                          "Time that some task waited for the resource (PSI some).",
                          write_pressure<&C::waiting_ns>));
  all.push_back(container("kubepulse_pressure_stalled_seconds_total", counter,
                          "Time that all tasks waited for the resource (PSI full).",
                          write_pressure<&C::stalled_ns>));
  all.push_back(container("kubepulse_memory_usage_bytes", gauge, "Memory used, caches included.",
                          write_number<&C::memory_usage_bytes>));
  all.push_back(container("kubepulse_memory_working_set_bytes", gauge,
                          "Memory used without file pages that were not used lately.",
                          write_number<&C::memory_working_set_bytes>));
  all.push_back(container("kubepulse_memory_limit_bytes", gauge,
                          "Limit of memory, where there is one.",
                          write_number<&C::memory_limit_bytes>));
  all.push_back(container("kubepulse_memory_oom_kills_total", counter,
                          "Processes that were killed for want of memory.",
                          write_number<&C::oom_kills>));
  all.push_back(container("kubepulse_memory_major_page_faults_total", counter,
                          "Page faults that had to wait for a disk.",
                          write_number<&C::major_faults>));
  all.push_back(container("kubepulse_disk_read_bytes_total", counter, "Bytes read from the device.",
                          write_disks<0>));
  all.push_back(container("kubepulse_disk_written_bytes_total", counter,
                          "Bytes written to the device.", write_disks<1>));
  all.push_back(
      container("kubepulse_disk_reads_total", counter, "Reads from the device.", write_disks<2>));
  all.push_back(
      container("kubepulse_disk_writes_total", counter, "Writes to the device.", write_disks<3>));
  all.push_back(container("kubepulse_container_restarts_total", counter,
                          "Times that the kubelet restarted the container.",
                          write_number<&C::restarts>));
  all.push_back(container("kubepulse_filesystem_capacity_bytes", gauge, "Size of the filesystem.",
                          write_filesystems<&FilesystemSizes::capacity_bytes>));
  all.push_back(container("kubepulse_filesystem_usage_bytes", gauge, "Used of the filesystem.",
                          write_filesystems<&FilesystemSizes::usage_bytes>));
  all.push_back(container("kubepulse_filesystem_available_bytes", gauge,
                          "Left of the filesystem, for those who are not root.",
                          write_filesystems<&FilesystemSizes::available_bytes>));
  all.push_back(container("kubepulse_syscalls_total", counter, "System calls that were made.",
                          [](const C& c, Labels l, Page& p) {
                            for (const SyscallCounts& each : c.syscalls)
                              p.sample(l, "syscall", each.name, each.calls);
                          }));
  all.push_back(container("kubepulse_syscall_errors_total", counter, "System calls that failed.",
                          [](const C& c, Labels l, Page& p) {
                            for (const SyscallCounts& each : c.syscalls)
                              p.sample(l, "syscall", each.name, each.errors);
                          }));
  all.push_back(container("kubepulse_syscall_latency_seconds", MetricKind::histogram,
                          "Time from entering a system call to its return.",
                          [](const C& c, Labels l, Page& p) {
                            for (const SyscallCounts& each : c.syscalls)
                              p.histogram(labels_and(l, "syscall", each.name), each.latency);
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

// One number of each program or map, where it is known.
void write_runs(const DaemonFacts& facts, Labels node, Page& page) {
  for (const ProgramStats& stats : facts.program_stats)
    page.sample(node, "program", stats.name, stats.runs);
}

void write_run_times(const DaemonFacts& facts, Labels node, Page& page) {
  for (const ProgramStats& stats : facts.program_stats) {
    std::string labels(node);
    labels += ',';
    append_label(labels, "program", stats.name);
    page.sample_seconds(labels, stats.run_time_ns);
  }
}

template <std::optional<uint64_t> MapStats::*Number>
void write_maps(const DaemonFacts& facts, Labels node, Page& page) {
  for (const MapStats& stats : facts.maps)
    if (stats.*Number) page.sample(node, "map", stats.name, *(stats.*Number));
}

void write_update_errors(const DaemonFacts& facts, Labels node, Page& page) {
  for (const MapStats& stats : facts.maps)
    page.sample(node, "map", stats.name, stats.update_errors);
}

void add_bpf(std::vector<MetricFamily>& all) {
  all.push_back(daemon("kubepulse_bpf_program_runs_total", MetricKind::counter,
                       "Runs of a program, where kernel.bpf_stats_enabled is 1.", write_runs));
  all.push_back(daemon("kubepulse_bpf_program_run_seconds_total", MetricKind::counter,
                       "Time that a program ran, where kernel.bpf_stats_enabled is 1.",
                       write_run_times));
  all.push_back(daemon("kubepulse_bpf_map_entries", MetricKind::gauge,
                       "Entries in a map, counted; in a ring the bytes that wait.",
                       write_maps<&MapStats::entries>));
  all.push_back(daemon("kubepulse_bpf_map_capacity", MetricKind::gauge,
                       "Entries that fit in a map; of a ring its bytes.",
                       write_maps<&MapStats::capacity>));
  all.push_back(daemon("kubepulse_bpf_map_bytes", MetricKind::gauge,
                       "Memory of a map by the kernel's count; before Linux 6.4 an estimate.",
                       write_maps<&MapStats::bytes>));
  all.push_back(daemon("kubepulse_bpf_map_update_errors_total", MetricKind::counter,
                       "Updates of a map that failed, records that found no room in a ring.",
                       write_update_errors));
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
  all.push_back(daemon("kubepulse_build_info", MetricKind::gauge, "What is running; always 1.",
                       write_build_info));
  all.push_back(daemon("kubepulse_bpf_program_attached", MetricKind::gauge,
                       "1 where the program is attached in this flavour, 0 where none works.",
                       write_programs));
  add_bpf(all);
  all.push_back(daemon("kubepulse_attribution_total", MetricKind::counter,
                       "Events by how they found their workload.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.attribution, node, "result", p);
                       }));
  all.push_back(daemon(
      "kubepulse_pods", MetricKind::gauge, "Pods known on this node.",
      [](const DaemonFacts& f, Labels node, Page& p) { write_by_namespace(f.pods, node, p); }));
  all.push_back(daemon(
      "kubepulse_services", MetricKind::gauge, "Services of the cluster, by the API server.",
      [](const DaemonFacts& f, Labels node, Page& p) { write_by_namespace(f.services, node, p); }));
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
                       "What is not told: beyond a bound, left out by a filter, or too late.",
                       [](const DaemonFacts& f, Labels node, Page& p) {
                         write_named(f.overflow, node, "table", p);
                       }));
  all.push_back(
      daemon("kubepulse_scrapes_total", MetricKind::counter, "Scrapes begun.",
             [](const DaemonFacts& f, Labels node, Page& p) { p.sample(node, f.scrapes); }));
  all.push_back(daemon("kubepulse_scrape_duration_seconds", MetricKind::gauge,
                       "Time to make the last whole page.",
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
    add_interfaces(families);
    add_drops(families);
    add_packets(families);
    add_frames(families);
    add_flow_metrics(families);
    add_containers(families);
    add_insight_metrics(families);
    add_daemon(families);
    add_process(families);
    return families;
  }();
  return all;
}

}  // namespace kubepulse
