#include "top/report_json.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace kubepulse {

namespace {

// Whole numbers as such: they are exact up to 2^53.
void append_value(std::string& out, double value) {
  char text[40];
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

// null where there is none.
void append_derived(std::string& out, const char* name, double value) {
  append_key(out, name);
  if (value < 0)
    out += "null";
  else
    append_value(out, value);
}

void append_member(std::string& out, const char* name, const std::string& text) {
  append_key(out, name);
  append_json_string(out, text);
}

// "NAME":grown,"NAME_per_second":rate
void append_growth(std::string& out, const char* name, double grown, double seconds) {
  char rate[64];
  snprintf(rate, sizeof rate, "%s_per_second", name);
  append_member(out, name, grown);
  append_member(out, rate, grown / seconds);
}

void append_daemon(std::string& out, const Growth& growth) {
  append_key(out, "daemon");
  out += '{';
  append_member(out, "workloads", growth.daemon.workloads);
  append_member(out, "series", growth.daemon.series);
  append_growth(out, "events", growth.events, growth.seconds);
  append_member(out, "events_lost", growth.events_lost);
  append_member(out, "events_lost_in_all", growth.daemon.events_lost);
  append_key(out, "overflow");
  out += '{';
  for (const Snapshot::Daemon::Overflow& each : growth.daemon.overflow)
    append_member(out, each.table.c_str(), each.count);
  out += '}';
  append_member(out, "cpu_seconds", growth.cpu_seconds);
  append_member(out, "resident_bytes", growth.daemon.resident_bytes);
  out += '}';
}

void append_workload(std::string& out, const Growth& growth, const RowGrowth& of) {
  out += out.back() == '[' ? "{" : ",{";
  double seconds = growth.seconds;
  append_member(out, "namespace", of.label(kNamespace));
  append_member(out, "pod", of.label(kPod));
  append_growth(out, "connections", of.grown[kConnections], seconds);
  append_member(out, "connections_out", of.grown[kConnectionsOut]);
  append_member(out, "connections_in", of.grown[kConnectionsIn]);
  append_growth(out, "connect_failures", of.grown[kConnectFailures], seconds);
  append_derived(out, "connect_latency_p50_seconds", of.grown[kConnectP50]);
  append_derived(out, "connect_latency_p95_seconds", of.grown[kConnectP95]);
  append_derived(out, "rtt_p50_seconds", of.grown[kRoundTripP50]);
  append_growth(out, "dns_queries", of.grown[kDnsQueries], seconds);
  append_member(out, "dns_responses", of.grown[kDnsResponses]);
  append_member(out, "dns_nxdomain", of.grown[kDnsNxdomain]);
  append_derived(out, "dns_nxdomain_share", of.grown[kNxdomainShare]);
  append_growth(out, "received_bytes", of.grown[kReceived], seconds);
  append_growth(out, "sent_bytes", of.grown[kSent], seconds);
  append_member(out, "tcp_received_bytes", of.grown[kTcpReceivedBytes]);
  append_member(out, "tcp_sent_bytes", of.grown[kTcpSentBytes]);
  append_growth(out, "dropped_packets", of.grown[kDroppedPackets], seconds);
  append_growth(out, "retransmits", of.grown[kRetransmits], seconds);
  out += '}';
}

void append_flow(std::string& out, const Growth& growth, const RowGrowth& flow) {
  out += out.back() == '[' ? "{" : ",{";
  size_t part = 0;
  for (const char* name : {"namespace", "pod", "peer_namespace", "peer", "direction", "protocol"})
    append_member(out, name, flow.label(part++));
  append_growth(out, "bytes", flow.grown[kFlowBytes], growth.seconds);
  append_growth(out, "packets", flow.grown[kFlowPackets], growth.seconds);
  out += '}';
}

}  // namespace

std::string report_json(const View& view, uint64_t realtime_ns) {
  const Growth& growth = *view.growth;
  std::string out = "{";
  append_member(out, "node", growth.daemon.node);
  append_member(out, "version", growth.daemon.version);
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
  for (const RowGrowth* of : sorted_workloads(view, view.rows_max))
    append_workload(out, growth, *of);
  out += ']';
  append_key(out, "flows");
  out += '[';
  for (const RowGrowth* flow : sorted_flows(view, view.rows_max))
    append_flow(out, growth, *flow);
  return out + "]}\n";
}

}  // namespace kubepulse
