#include "top/report_json.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace kubepulse {

namespace {

// Whole numbers as such: they are exact up to 2^53.
void append_value(std::string& out, double value) {
  char text[40];
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  bool whole = value == std::floor(value) && std::fabs(value) < 9e15;
  snprintf(text, sizeof text, whole ? "%.0f" : "%.9g", value);
  out += text;
}

void append_key(std::string& out, const char* name) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
}

void append_member(std::string& out, const char* name, double value) {
  append_key(out, name);
  append_value(out, value);
}

void append_member(std::string& out, const char* name, std::optional<double> value) {
  append_member(out, name, value.value_or(NAN));
}

void append_member(std::string& out, const char* name, const std::string& text) {
  append_key(out, name);
  append_json_string(out, text);
}

// "NAME":grown,"NAME_per_second":rate
void append_growth(std::string& out, const char* name, double grown, double seconds) {
  append_member(out, name, grown);
  append_member(out, (std::string(name) + "_per_second").c_str(), grown / seconds);
}

void append_daemon(std::string& out, const Growth& growth) {
  append_key(out, "daemon");
  out += '{';
  append_member(out, "workloads", growth.workloads_held);
  append_member(out, "series", growth.series_held);
  append_growth(out, "events", growth.events, growth.seconds);
  append_member(out, "events_lost", growth.events_lost);
  append_member(out, "events_lost_in_all", growth.events_lost_in_all);
  append_key(out, "overflow");
  out += '{';
  for (const Snapshot::Daemon::Overflow& each : growth.overflow)
    append_member(out, each.table.c_str(), each.count);
  out += '}';
  append_member(out, "cpu_seconds", growth.cpu_seconds);
  append_member(out, "resident_bytes", growth.resident_bytes);
  out += '}';
}

void append_workload(std::string& out, const Growth& growth, const WorkloadGrowth& of) {
  out += out.back() == '[' ? "{" : ",{";
  double seconds = growth.seconds;
  append_member(out, "namespace", of.ns);
  append_member(out, "pod", of.pod);
  append_growth(out, "connections", of.connections(), seconds);
  append_member(out, "connections_out", of.grown[kConnectionsOut]);
  append_member(out, "connections_in", of.grown[kConnectionsIn]);
  append_growth(out, "connect_failures", of.grown[kConnectFailures], seconds);
  append_member(out, "connect_latency_p50_seconds", of.connect_p50);
  append_member(out, "connect_latency_p95_seconds", of.connect_p95);
  append_member(out, "rtt_p50_seconds", of.round_trip_p50);
  append_growth(out, "dns_queries", of.grown[kDnsQueries], seconds);
  append_member(out, "dns_responses", of.grown[kDnsResponses]);
  append_member(out, "dns_nxdomain", of.grown[kDnsNxdomain]);
  append_member(out, "dns_nxdomain_share", of.nxdomain_share());
  append_growth(out, "received_bytes", growth.received(of), seconds);
  append_growth(out, "sent_bytes", growth.sent(of), seconds);
  append_member(out, "tcp_received_bytes", of.grown[kTcpReceivedBytes]);
  append_member(out, "tcp_sent_bytes", of.grown[kTcpSentBytes]);
  append_growth(out, "dropped_packets", of.grown[kDroppedPackets], seconds);
  append_growth(out, "retransmits", of.grown[kRetransmits], seconds);
  out += '}';
}

void append_flow(std::string& out, const Growth& growth, const FlowGrowth& flow) {
  out += out.back() == '[' ? "{" : ",{";
  append_member(out, "namespace", flow.ns);
  append_member(out, "pod", flow.pod);
  append_member(out, "peer_namespace", flow.peer_ns);
  append_member(out, "peer", flow.peer);
  append_member(out, "direction", flow.direction);
  append_member(out, "protocol", flow.protocol);
  append_growth(out, "bytes", flow.bytes, growth.seconds);
  append_growth(out, "packets", flow.packets, growth.seconds);
  out += '}';
}

}  // namespace

std::string report_json(const View& view, uint64_t realtime_ns) {
  const Growth& growth = *view.growth;
  std::string out = "{";
  append_member(out, "node", growth.node);
  append_member(out, "version", growth.version);
  append_member(out, "from", view.from);
  append_key(out, "time");
  out += '"';
  append_rfc3339(out, realtime_ns);
  out += '"';
  append_member(out, "interval_seconds", growth.seconds);
  append_member(out, "bytes_of", std::string(growth.has_packets ? "packets" : "tcp_payload"));
  append_member(out, "samples_left_out", static_cast<double>(growth.left_out));
  append_daemon(out, growth);
  append_key(out, "workloads");
  out += '[';
  for (const WorkloadGrowth* of : sorted_workloads(growth, view.controls, view.rows_max))
    append_workload(out, growth, *of);
  out += ']';
  append_key(out, "flows");
  out += '[';
  for (const FlowGrowth* flow : sorted_flows(growth, view.controls, view.rows_max))
    append_flow(out, growth, *flow);
  return out + "]}\n";
}

}  // namespace kubepulse
