#include "top/view.h"

#include <algorithm>
#include <cstdio>

#include "top/figure_text.h"
#include "top/text_table.h"

namespace kubepulse {

namespace {

// Of a screen: what a person looks at first gets most of it.
constexpr size_t kFlowsShare = 3;  // one third at most
constexpr size_t kTablesInHeader = 3;

constexpr const char* kFooter =
    "q quit  r reverse  space pause  h help  sort: b c f 5 9 d n i o p t l a";

constexpr const char* kHelp[] = {
    "b  bytes in and out        i  bytes in             c  connections",
    "f  connects that failed    o  bytes out            5  median of the handshakes (P50)",
    "d  DNS queries             p  packets dropped      9  95 % of them are below (P95)",
    "n  share of NXDOMAIN       t  segments sent again  l  median round-trip time (RTT)",
    "a  name",
    "",
    "r  turns the order around  space  holds the screen  h  ends this help  q  ends",
};

double sort_value(const Growth& growth, const WorkloadGrowth& of, SortBy by) {
  switch (by) {
    case SortBy::bytes:
      return growth.received(of) + growth.sent(of);
    case SortBy::connections:
      return of.connections();
    case SortBy::failures:
      return of.grown[kConnectFailures];
    case SortBy::p50:
      return of.connect_p50.value_or(-1);
    case SortBy::p95:
      return of.connect_p95.value_or(-1);
    case SortBy::dns:
      return of.grown[kDnsQueries];
    case SortBy::nxdomain:
      return of.nxdomain_share().value_or(-1);
    case SortBy::received:
      return growth.received(of);
    case SortBy::sent:
      return growth.sent(of);
    case SortBy::drops:
      return of.grown[kDroppedPackets];
    case SortBy::retransmits:
      return of.grown[kRetransmits];
    case SortBy::rtt:
      return of.round_trip_p50.value_or(-1);
    case SortBy::name:
      break;
  }
  return 0;
}

int compare_names(const WorkloadGrowth& a, const WorkloadGrowth& b) {
  int order = a.ns.compare(b.ns);
  return order != 0 ? order : a.pod.compare(b.pod);
}

int compare_names(const FlowGrowth& a, const FlowGrowth& b) {
  for (std::string FlowGrowth::*label :
       {&FlowGrowth::ns, &FlowGrowth::pod, &FlowGrowth::peer_ns, &FlowGrowth::peer,
        &FlowGrowth::direction, &FlowGrowth::protocol})
    if (int order = (a.*label).compare(b.*label); order != 0) return order;
  return 0;
}

template <typename Item>
struct Ranked {
  double value;
  const Item* item;
};

// The greatest first, and of equals those whose name comes first; `reverse` turns all of it around.
template <typename Item>
std::vector<const Item*> sorted(std::vector<Ranked<Item>> ranked, bool reverse, size_t rows_max) {
  auto before = [](const Ranked<Item>& a, const Ranked<Item>& b) {
    if (a.value != b.value) return a.value > b.value;
    return compare_names(*a.item, *b.item) < 0;
  };
  std::sort(ranked.begin(), ranked.end(), [&](const Ranked<Item>& a, const Ranked<Item>& b) {
    return reverse ? before(b, a) : before(a, b);
  });
  std::vector<const Item*> items;
  for (const Ranked<Item>& each : ranked)
    if (rows_max == 0 || items.size() < rows_max) items.push_back(each.item);
  return items;
}

TextTable workload_table(const View& view, size_t rows_max) {
  const Growth& growth = *view.growth;
  TextTable table;
  table.columns = {{"NAMESPACE", 9, false},
                   {"POD", 14, false},
                   {"CONN/S", 6},
                   {"FAIL/S", 6},
                   {"P50", 6},
                   {"P95", 6},
                   {"DNS/S", 6},
                   {"NX%", 6},
                   {"IN/S", 6},
                   {"OUT/S", 6},
                   {"DROP/S", 6},
                   {"RETR/S", 6},
                   {"RTT", 6}};
  auto rate = [&growth](double grown) { return rate_text(grown / growth.seconds); };
  for (const WorkloadGrowth* of : sorted_workloads(growth, view.controls, rows_max))
    table.rows.push_back(
        {plain_name(of->ns), plain_name(of->pod), rate(of->connections()),
         rate(of->grown[kConnectFailures]), latency_text(of->connect_p50),
         latency_text(of->connect_p95), rate(of->grown[kDnsQueries]),
         percent_text(of->nxdomain_share()), bytes_text(growth.received(*of) / growth.seconds),
         bytes_text(growth.sent(*of) / growth.seconds), rate(of->grown[kDroppedPackets]),
         rate(of->grown[kRetransmits]), latency_text(of->round_trip_p50)});
  return table;
}

std::string workload_name(const std::string& ns, const std::string& pod) {
  return plain_name(ns.empty() || ns == pod ? pod : ns + '/' + pod);
}

TextTable flow_table(const View& view, size_t rows_max) {
  const Growth& growth = *view.growth;
  TextTable table;
  table.columns = {{"WORKLOAD", 20, false}, {"PEER", 20, false}, {"BYTES/S", 7},
                   {"PKTS/S", 6},           {"DIR", 3},          {"PROTO", 5}};
  for (const FlowGrowth* flow : sorted_flows(growth, view.controls, rows_max))
    table.rows.push_back(
        {workload_name(flow->ns, flow->pod), workload_name(flow->peer_ns, flow->peer),
         bytes_text(flow->bytes / growth.seconds), rate_text(flow->packets / growth.seconds),
         plain_name(flow->direction), plain_name(flow->protocol)});
  return table;
}

// What was lost stands beside what was seen.
std::string losses_text(const Growth& growth) {
  std::string text = "events " + rate_text(growth.events / growth.seconds) + "/s, lost " +
                     rate_text(growth.events_lost / growth.seconds) + "/s (" +
                     rate_text(growth.events_lost_in_all) + " in all); beyond bounds: ";
  if (growth.overflow.empty()) text += "nothing";
  for (size_t i = 0; i < growth.overflow.size() && i < kTablesInHeader; i++)
    text += (i == 0 ? "" : ", ") + plain_name(growth.overflow[i].table) + ' ' +
            rate_text(growth.overflow[i].count / growth.seconds) + "/s";
  if (growth.overflow.size() > kTablesInHeader) text += ", ...";
  return text;
}

std::string state_text(const View& view) {
  std::string text;
  if (!view.trouble.empty()) return "! " + plain_name(view.trouble);
  if (view.growth == nullptr) return "waiting for two pages ...";
  text = std::string("IN/S, OUT/S: ") +
         (view.growth->has_packets ? "packets with their IP headers" : "TCP payload alone") +
         "; sorted by " + sort_name(view.controls.sort) +
         (view.controls.reverse ? ", reversed" : "") + (view.controls.paused ? "; PAUSED" : "");
  if (view.growth->left_out > 0)
    text += "; not shown: " + rate_text(static_cast<double>(view.growth->left_out)) + " samples";
  return text;
}

std::vector<std::string> header(const View& view) {
  std::string first = "kubepulse";
  if (view.growth != nullptr)
    first += ' ' + plain_name(view.growth->version) + " on " + plain_name(view.growth->node);
  first += ", " + plain_name(view.from);
  if (view.growth == nullptr) return {first, "", state_text(view)};
  const Growth& growth = *view.growth;
  first += ": " + rate_text(growth.workloads_held) + " workloads, " +
           rate_text(growth.series_held) + " series, CPU " +
           percent_text(growth.cpu_seconds / growth.seconds) + " %, RSS " +
           bytes_text(growth.resident_bytes);
  return {first, losses_text(growth), state_text(view)};
}

constexpr const char* kNoFlows = "no flows on the page of this daemon";

// `flows_room`: lines for the flows, their heading included.
void add_tables(const View& view, size_t width, size_t room, std::vector<ScreenLine>& lines) {
  size_t flows = view.growth->flows.size();
  if (view.rows_max > 0) flows = std::min(flows, view.rows_max);
  size_t flows_room = view.growth->has_flows ? std::min(flows + 2, room / kFlowsShare) : 2;
  if (flows_room < 2 || room < flows_room + 2) flows_room = 0;
  size_t workloads_max = room - flows_room - 1;
  if (view.rows_max > 0) workloads_max = std::min(workloads_max, view.rows_max);
  bool heading = true;
  auto add = [&](const std::string& text) {
    lines.push_back({text, heading});
    heading = false;
  };
  // 0 would be all of them.
  for (const std::string& text :
       workload_table(view, std::max<size_t>(workloads_max, 1)).lines(width))
    add(text);
  if (flows_room == 0) return;
  lines.push_back({});
  if (!view.growth->has_flows) return lines.push_back({kNoFlows, false});
  heading = true;
  for (const std::string& text : flow_table(view, std::max<size_t>(flows_room - 2, 1)).lines(width))
    add(text);
}

}  // namespace

std::vector<const WorkloadGrowth*> sorted_workloads(const Growth& growth, const Controls& controls,
                                                    size_t rows_max) {
  std::vector<Ranked<WorkloadGrowth>> ranked;
  ranked.reserve(growth.workloads.size());
  for (const WorkloadGrowth& each : growth.workloads)
    ranked.push_back({sort_value(growth, each, controls.sort), &each});
  return sorted(std::move(ranked), controls.reverse, rows_max);
}

std::vector<const FlowGrowth*> sorted_flows(const Growth& growth, const Controls& controls,
                                            size_t rows_max) {
  std::vector<Ranked<FlowGrowth>> ranked;
  ranked.reserve(growth.flows.size());
  for (const FlowGrowth& each : growth.flows)
    ranked.push_back({controls.sort == SortBy::name ? 0 : each.bytes, &each});
  return sorted(std::move(ranked), controls.reverse, rows_max);
}

std::vector<ScreenLine> screen_lines(const View& view, size_t width, size_t height) {
  std::vector<ScreenLine> lines;
  for (std::string& text : header(view))
    lines.push_back({std::move(text), false});
  size_t above = lines.size() + 1;  // and the footer below
  if (view.controls.help) {
    lines.push_back({});
    for (const char* text : kHelp)
      lines.push_back({text, false});
  } else if (view.growth != nullptr && height > above + 1) {
    add_tables(view, width, height - above, lines);
  }
  if (height > 0) lines.resize(height - 1);
  lines.push_back({kFooter, false});
  if (lines.size() > height) lines.resize(height);
  for (ScreenLine& line : lines)
    if (line.text.size() > width) line.text.resize(width);
  return lines;
}

std::string table_text(const View& view) {
  std::string text;
  for (const std::string& line : header(view))
    text += line + '\n';
  auto add = [&](const TextTable& table, size_t all) {
    text += '\n';
    for (const std::string& line : table.lines(0))
      text += line + '\n';
    if (all > table.rows.size()) text += std::to_string(all - table.rows.size()) + " more\n";
  };
  add(workload_table(view, view.rows_max), view.growth->workloads.size());
  if (view.growth->has_flows)
    add(flow_table(view, view.rows_max), view.growth->flows.size());
  else
    text += std::string("\n") + kNoFlows + '\n';
  return text;
}

}  // namespace kubepulse
