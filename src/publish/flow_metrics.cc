#include "publish/flow_metrics.h"

#include <string>

namespace kubepulse {

namespace {

using Labels = std::string_view;

template <uint64_t FlowAmount::*member>
void write_flow(std::string_view ns, std::string_view peer, FlowKind kind, const FlowAmount& amount,
                Labels labels, Page& page) {
  std::string all(labels);
  for (auto [key, value] : {std::pair<const char*, std::string_view>{"peer_namespace", ns},
                            {"peer", peer},
                            {"direction", kDirections[kind.direction]}}) {
    all += ',';
    append_label(all, key, value);
  }
  page.sample(all, "protocol", kPacketProtocolNames[kind.protocol], amount.*member);
}

template <uint64_t FlowAmount::*member>
void write_flows(const FlowCounts& counts, const FlowStore& store, Labels labels, Page& page) {
  for (const FlowCounts::Row& row : counts.rows)
    write_flow<member>(store.peer_namespace(row.peer), store.peer_name(row.peer), row.kind,
                       row.amount, labels, page);
  for (uint8_t way = 0; way < 2; way++)
    for (uint8_t protocol = 0; protocol < kPacketProtocols; protocol++)
      if (const FlowAmount& other = counts.other[way][protocol]; other.packets != 0)
        write_flow<member>("", "other", {way, protocol}, other, labels, page);
}

void write_unique_peers(const FlowCounts& counts, const FlowStore&, Labels labels, Page& page) {
  for (size_t way = 0; way < 2; way++)
    page.sample(labels, "direction", kDirections[way], counts.unique_peers[way]);
}

}  // namespace

void add_flow_metrics(std::vector<MetricFamily>& all) {
  auto add = [&all](const char* name, MetricKind kind, const char* help, auto* write) {
    MetricFamily family{name, kind, help, nullptr, nullptr, nullptr, nullptr, nullptr};
    family.flows = write;
    all.push_back(family);
  };
  add("kubepulse_flow_bytes_total", MetricKind::counter,
      "Bytes between the workload and a peer, with the IP header.",
      write_flows<&FlowAmount::bytes>);
  add("kubepulse_flow_packets_total", MetricKind::counter,
      "Packets between the workload and a peer.", write_flows<&FlowAmount::packets>);
  add("kubepulse_unique_peers", MetricKind::gauge,
      "Estimate of distinct remote addresses in the last 5 minutes.", write_unique_peers);
}

}  // namespace kubepulse
