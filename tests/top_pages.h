// Pages as `kubepulse top` reads them.
#ifndef KUBEPULSE_TESTS_TOP_PAGES_H
#define KUBEPULSE_TESTS_TOP_PAGES_H

#include <string>
#include <string_view>

#include "client/page_reader.h"
#include "top/growth.h"
#include "top/snapshot.h"

namespace kubepulse {

inline Snapshot snapshot_of(std::string_view page) {
  Snapshot snapshot;
  PageReader reader([&snapshot](const PageSample& sample) { snapshot.take(sample); });
  reader.feed(page);
  reader.finish();
  return snapshot;
}

inline std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

// Two workloads, on node n1; what the daemon tells of itself.
constexpr std::string_view kFirstPage =
    R"(# HELP kubepulse_tcp_connect_latency_seconds TCP handshake.
# TYPE kubepulse_tcp_connect_latency_seconds histogram
kubepulse_tcp_connect_latency_seconds_bucket{namespace="shop",pod="web-0",node="n1",le="0.001"} 10
kubepulse_tcp_connect_latency_seconds_bucket{namespace="shop",pod="web-0",node="n1",le="0.01"} 20
kubepulse_tcp_connect_latency_seconds_bucket{namespace="shop",pod="web-0",node="n1",le="+Inf"} 20
kubepulse_tcp_connect_latency_seconds_sum{namespace="shop",pod="web-0",node="n1"} 0.05
kubepulse_tcp_connect_latency_seconds_count{namespace="shop",pod="web-0",node="n1"} 20
kubepulse_tcp_connections_total{namespace="shop",pod="web-0",node="n1",direction="out"} 20
kubepulse_tcp_connections_total{namespace="shop",pod="web-0",node="n1",direction="in"} 5
kubepulse_tcp_connections_total{namespace="systemd",pod="sshd.service",node="n1",direction="out"} 0
kubepulse_tcp_connections_total{namespace="systemd",pod="sshd.service",node="n1",direction="in"} 7
kubepulse_tcp_connect_failures_total{namespace="shop",pod="web-0",node="n1",reason="refused"} 2
kubepulse_tcp_connect_failures_total{namespace="shop",pod="web-0",node="n1",reason="timeout"} 1
kubepulse_tcp_sent_bytes_total{namespace="shop",pod="web-0",node="n1"} 1000
kubepulse_tcp_received_bytes_total{namespace="shop",pod="web-0",node="n1"} 5000
kubepulse_tcp_sent_bytes_total{namespace="systemd",pod="sshd.service",node="n1"} 100
kubepulse_tcp_retransmits_total{namespace="shop",pod="web-0",node="n1"} 3
kubepulse_dns_queries_total{namespace="shop",pod="web-0",node="n1",domain="example.org"} 4
kubepulse_dns_responses_total{namespace="shop",pod="web-0",node="n1",rcode="NOERROR"} 3
kubepulse_dns_responses_total{namespace="shop",pod="web-0",node="n1",rcode="NXDOMAIN"} 1
kubepulse_packet_drops_total{namespace="shop",pod="web-0",node="n1",reason="NO_SOCKET"} 2
kubepulse_memory_usage_bytes{namespace="shop",pod="web-0",container="web",node="n1"} 99
kubepulse_events_total{node="n1",type="tcp"} 100
kubepulse_events_total{node="n1",type="dns"} 8
kubepulse_events_dropped_total{node="n1",type="tcp"} 1
kubepulse_events_dropped_total{node="n1",type="dns"} 0
kubepulse_build_info{node="n1",version="0.4.0",revision="r",libbpf="1.1",tls="no"} 1
kubepulse_workloads{node="n1"} 2
kubepulse_series{node="n1"} 150
kubepulse_overflow_total{node="n1",table="tcp_filtered"} 5
kubepulse_overflow_total{node="n1",table="packets"} 6
process_cpu_seconds_total 1.5
process_resident_memory_bytes 3145728
process_start_time_seconds 1790000000.25
)";

// Two seconds later: web-0 has made 12 connections more, another workload has appeared.
inline std::string second_page() {
  std::string page(kFirstPage);
  page = replaced(page, "le=\"0.001\"} 10", "le=\"0.001\"} 16");
  page = replaced(page, "le=\"0.01\"} 20", "le=\"0.01\"} 32");
  page = replaced(page, "le=\"+Inf\"} 20", "le=\"+Inf\"} 32");
  page = replaced(page, "direction=\"out\"} 20", "direction=\"out\"} 32");
  page = replaced(page, "reason=\"refused\"} 2", "reason=\"refused\"} 4");
  page = replaced(page, "} 1000\n", "} 3048\n");
  page = replaced(page, "} 5000\n", "} 15240\n");
  page = replaced(page, "domain=\"example.org\"} 4", "domain=\"example.org\"} 8");
  page = replaced(page, "NOERROR\"} 3", "NOERROR\"} 6");
  page = replaced(page, "NXDOMAIN\"} 1", "NXDOMAIN\"} 2");
  page = replaced(page, "NO_SOCKET\"} 2", "NO_SOCKET\"} 3");
  page = replaced(page, "type=\"tcp\"} 100", "type=\"tcp\"} 160");
  page = replaced(page, "\"packets\"} 6", "\"packets\"} 16");
  page = replaced(page, "\"tcp_filtered\"} 5", "\"tcp_filtered\"} 50");
  page = replaced(page, "seconds_total 1.5", "seconds_total 1.51");
  page +=
      R"(kubepulse_tcp_connections_total{namespace="docker",pod="f7a1b2c3d4e5",node="n1",direction="in"} 4
)";
  return page;
}

constexpr std::string_view kFlowsPage =
    R"(kubepulse_flow_bytes_total{namespace="shop",pod="web-0",node="n1",peer_namespace="shop",peer="db",direction="out",protocol="tcp"} 4096
kubepulse_flow_bytes_total{namespace="shop",pod="web-0",node="n1",peer_namespace="",peer="external",direction="in",protocol="udp"} 600
kubepulse_flow_packets_total{namespace="shop",pod="web-0",node="n1",peer_namespace="shop",peer="db",direction="out",protocol="tcp"} 8
kubepulse_flow_packets_total{namespace="shop",pod="web-0",node="n1",peer_namespace="",peer="external",direction="in",protocol="udp"} 3
kubepulse_flow_packets_total{namespace="shop",pod="web-0",node="n1",peer_namespace="",peer="still",direction="in",protocol="udp"} 0
)";

inline Growth growth_of_pages(const std::string& first, const std::string& second) {
  return compare(snapshot_of(first), snapshot_of(second), 2);
}

}  // namespace kubepulse

#endif
