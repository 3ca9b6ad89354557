#include "publish/frame_metrics.h"

namespace kubepulse {

namespace {

template <std::array<uint64_t, kPacketProtocols> InterfaceFrames::*member>
void write_frames(const DaemonFacts& facts, std::string_view node_label, Page& page) {
  for (const InterfaceFrames& each : facts.frames) {
    std::string labels(node_label);
    labels += ',';
    append_label(labels, "interface", each.interface);
    for (size_t i = 0; i < kPacketProtocols; i++)
      page.sample(labels, "protocol", kPacketProtocolNames[i], (each.*member)[i]);
  }
}

}  // namespace

void add_frames(std::vector<MetricFamily>& all) {
  auto add = [&all](const char* name, const char* help, auto* write) {
    all.push_back({name, MetricKind::counter, help, nullptr, nullptr, nullptr, nullptr, write});
  };
  add("kubepulse_interface_packets_total", "Frames that came in by an interface, as XDP sees them.",
      write_frames<&InterfaceFrames::packets>);
  add("kubepulse_interface_bytes_total",
      "Bytes of these frames, those of the link's header included.",
      write_frames<&InterfaceFrames::bytes>);
}

}  // namespace kubepulse
