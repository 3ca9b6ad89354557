#include "top/view.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

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

// By which number each order of SortBy is; the last one is by name.
constexpr uint8_t kSortedBy[] = {kReceivedAndSent, kConnections, kConnectFailures,
                                 kConnectP50,      kConnectP95,  kDnsQueries,
                                 kNxdomainShare,   kReceived,    kSent,
                                 kDroppedPackets,  kRetransmits, kRoundTripP50};

struct Ranked {
  double value;
  const RowGrowth* row;
};

int compare_ranked(const void* one, const void* other) {
  const auto& a = *static_cast<const Ranked*>(one);
  const auto& b = *static_cast<const Ranked*>(other);
  if (a.value != b.value) return a.value > b.value ? -1 : 1;
  return a.row->key.compare(b.row->key);
}

// The greatest first, and of equals those whose name comes first, or the other way around.
std::vector<const RowGrowth*> sorted(const View& view, const std::vector<RowGrowth>& all, size_t by,
                                     size_t rows_max) {
  bool by_name = view.controls.sort == SortBy::name;
  std::vector<Ranked> ranked(all.size());
  for (size_t i = 0; i < all.size(); i++)
    ranked[i] = {by_name ? 0 : all[i].grown[by], &all[i]};
  // Not std::sort(), which would be as long as all of the rest here.
  if (!ranked.empty()) qsort(ranked.data(), ranked.size(), sizeof(Ranked), compare_ranked);
  std::vector<const RowGrowth*> rows(rows_max == 0 ? ranked.size()
                                                   : std::min(ranked.size(), rows_max));
  for (size_t i = 0; i < rows.size(); i++)
    rows[i] = ranked[view.controls.reverse ? ranked.size() - 1 - i : i].row;
  return rows;
}

TextTable workload_table(const View& view, size_t rows_max) {
  const Growth& growth = *view.growth;
  TextTable table{{"NAMESPACE", "POD"},
                  11,
                  {"CONN/S", "FAIL/S", "P50", "P95", "DNS/S", "NX%", "IN/S", "OUT/S", "DROP/S",
                   "RETR/S", "RTT"},
                  {}};
  auto rate = [&growth](double grown) { return rate_text(grown / growth.seconds); };
  auto bytes = [&growth](double grown) { return bytes_text(grown / growth.seconds); };
  for (const RowGrowth* of : sorted_workloads(view, rows_max)) {
    TextTable::Row row{{plain_name(of->label(kNamespace)), plain_name(of->label(kPod))}, {}};
    FigureText* figure = row.figures.data();
    *figure++ = rate(of->grown[kConnections]);
    *figure++ = rate(of->grown[kConnectFailures]);
    *figure++ = latency_text(of->grown[kConnectP50]);
    *figure++ = latency_text(of->grown[kConnectP95]);
    *figure++ = rate(of->grown[kDnsQueries]);
    *figure++ = percent_text(of->grown[kNxdomainShare]);
    *figure++ = bytes(of->grown[kReceived]);
    *figure++ = bytes(of->grown[kSent]);
    *figure++ = rate(of->grown[kDroppedPackets]);
    *figure++ = rate(of->grown[kRetransmits]);
    *figure++ = latency_text(of->grown[kRoundTripP50]);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// "NAMESPACE/POD", or one of them where the other says nothing.
std::string flow_end(const RowGrowth& flow, size_t ns_part) {
  std::string ns = plain_name(flow.label(ns_part)), name = plain_name(flow.label(ns_part + 1));
  if (ns.empty() || ns == name) return name;
  ns += '/';
  ns += name;
  return ns;
}

TextTable flow_table(const View& view, size_t rows_max) {
  TextTable table{{"WORKLOAD", "PEER"}, 24, {"BYTES/S", "PKTS/S", "DIR", "PROTO", nullptr}, {}};
  double seconds = view.growth->seconds;
  for (const RowGrowth* flow : sorted_flows(view, rows_max)) {
    TextTable::Row row{{flow_end(*flow, kNamespace), flow_end(*flow, kPeerNamespace)}, {}};
    row.figures[0] = bytes_text(flow->grown[kFlowBytes] / seconds);
    row.figures[1] = rate_text(flow->grown[kFlowPackets] / seconds);
    for (size_t i = 0; i < 2; i++)
      snprintf(row.figures[2 + i].text, TextTable::kFigureWidth + 1, "%s",
               plain_name(flow->label(kDirection + i)).c_str());
    table.rows.push_back(std::move(row));
  }
  return table;
}

// What was lost stands beside what was seen.
std::string losses_text(const Growth& growth) {
  char text[128];
  snprintf(text, sizeof text, "events %s/s, lost %s/s (%s in all); beyond bounds: %s",
           rate_text(growth.events / growth.seconds).text,
           rate_text(growth.events_lost / growth.seconds).text,
           rate_text(growth.daemon.events_lost).text,
           growth.daemon.overflow.empty() ? "nothing" : "");
  std::string losses = text;
  size_t told = 0;
  for (const Snapshot::Daemon::Overflow& each : growth.daemon.overflow) {
    if (told++ == kTablesInHeader) return losses += ", ...";
    if (told > 1) losses += ", ";
    losses += plain_name(each.table);
    snprintf(text, sizeof text, " %s/s", rate_text(each.count / growth.seconds).text);
    losses += text;
  }
  return losses;
}

std::string state_text(const View& view) {
  if (!view.trouble.empty()) return "! " + plain_name(view.trouble);
  if (view.growth == nullptr) return "waiting for two pages ...";
  char text[256], left_out[64] = "";
  if (view.growth->left_out > 0)
    snprintf(left_out, sizeof left_out, "; not shown: %s samples",
             rate_text(static_cast<double>(view.growth->left_out)).text);
  snprintf(text, sizeof text, "IN/S, OUT/S: %s; sorted by %s%s%s%s",
           view.growth->has_packets ? "packets with their IP headers" : "TCP payload alone",
           sort_name(view.controls.sort), view.controls.reverse ? ", reversed" : "",
           view.controls.paused ? "; PAUSED" : "", left_out);
  return text;
}

void add_header(const View& view, std::vector<ScreenLine>& lines) {
  std::string from = plain_name(view.from);
  if (view.growth == nullptr) {
    lines.push_back({"kubepulse, " + from});
    lines.push_back({});
    return lines.push_back({state_text(view)});
  }
  const Growth& growth = *view.growth;
  const Snapshot::Daemon& daemon = growth.daemon;
  char text[1024];
  snprintf(text, sizeof text,
           "kubepulse %.40s on %.260s, %.400s: %s workloads, %s series, CPU %s %%, RSS %s",
           plain_name(daemon.version).c_str(), plain_name(daemon.node).c_str(), from.c_str(),
           rate_text(daemon.workloads).text, rate_text(daemon.series).text,
           percent_text(growth.cpu_seconds / growth.seconds).text,
           bytes_text(daemon.resident_bytes).text);
  lines.push_back({text});
  lines.push_back({losses_text(growth)});
  lines.push_back({state_text(view)});
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

std::vector<const RowGrowth*> sorted_workloads(const View& view, size_t rows_max) {
  size_t order = std::min(static_cast<size_t>(view.controls.sort), std::size(kSortedBy) - 1);
  return sorted(view, view.growth->workloads, kSortedBy[order], rows_max);
}

std::vector<const RowGrowth*> sorted_flows(const View& view, size_t rows_max) {
  return sorted(view, view.growth->flows, kFlowBytes, rows_max);
}

std::vector<ScreenLine> screen_lines(const View& view, size_t width, size_t height) {
  std::vector<ScreenLine> lines;
  add_header(view, lines);
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
  std::vector<ScreenLine> lines;
  add_header(view, lines);
  auto add = [&lines](const TextTable& table, size_t all) {
    lines.push_back({});
    for (std::string& line : table.lines(0))
      lines.push_back({std::move(line)});
    if (all > table.rows.size())
      lines.push_back({std::to_string(all - table.rows.size()) + " more"});
  };
  add(workload_table(view, view.rows_max), view.growth->workloads.size());
  if (view.growth->has_flows) {
    add(flow_table(view, view.rows_max), view.growth->flows.size());
  } else {
    lines.push_back({});
    lines.push_back({kNoFlows});
  }
  std::string text;
  for (const ScreenLine& line : lines) {
    text += line.text;
    text += '\n';
  }
  return text;
}

}  // namespace kubepulse
