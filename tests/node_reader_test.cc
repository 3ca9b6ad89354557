// Nodes as API servers write them.
#include "identity/node_reader.h"

#include <string>

#include "tests/check.h"
#include "tests/json_pieces.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string described(const Node& node) {
  static const char* const statuses[] = {"untold", "yes", "no", "unknown"};
  std::string out(node.name.view());
  for (size_t i = 0; i < kNodeConditions; i++) {
    const NodeCondition& condition = node.conditions[i];
    out += std::string(" ") + node_condition_name(static_cast<NodeCondition::Kind>(i)) + "=" +
           statuses[static_cast<int>(condition.status)];
    if (!condition.reason.empty()) out += ":" + std::string(condition.reason.view());
    if (!condition.message.empty()) out += "(" + std::string(condition.message.view()) + ")";
  }
  return out;
}

void check(const std::string& items, const std::string& want) {
  for (size_t piece_bytes : kPieceBytes) {
    std::string all;
    NodeReader reader;
    read_items(reader, items, piece_bytes, [&] { all += described(reader.node()) + "\n"; });
    CHECK_TEXT(all, want + "\n");
  }
}

START_TEST(a_node) {
  check(
      R"({"metadata":{"name":"node-1","uid":"u","resourceVersion":"7","labels":{"name":"no"}},
    "spec":{"podCIDR":"10.244.0.0/24","taints":[{"key":"k","effect":"NoSchedule"}]},
    "status":{"capacity":{"cpu":"8"},"conditions":[
      {"type":"NetworkUnavailable","status":"False","lastHeartbeatTime":"2026-11-20T21:00:00Z",
       "reason":"FlannelIsUp","message":"Flannel is running on this node"},
      {"type":"MemoryPressure","status":"True","reason":"KubeletHasInsufficientMemory",
       "message":"kubelet has insufficient memory available"},
      {"type":"DiskPressure","status":"False","reason":"KubeletHasNoDiskPressure"},
      {"type":"PIDPressure","status":"Unknown"},
      {"type":"FrequentKubeletRestart","status":"True","reason":"no"},
      {"type":"Ready","status":"True","reason":"KubeletReady"}],
      "addresses":[{"type":"InternalIP","address":"10.0.0.10"}],
      "images":[{"names":["example/image:1"],"sizeBytes":123}]}})",
      "node-1 Ready=yes:KubeletReady "
      "MemoryPressure=yes:KubeletHasInsufficientMemory(kubelet has insufficient memory available) "
      "DiskPressure=no:KubeletHasNoDiskPressure PIDPressure=unknown "
      "NetworkUnavailable=no:FlannelIsUp(Flannel is running on this node)");
}
END_TEST

START_TEST(odd_ones) {
  const std::string untold =
      " Ready=untold MemoryPressure=untold DiskPressure=untold PIDPressure=untold "
      "NetworkUnavailable=untold";
  check(R"({"metadata":{"name":"a"}})", "a" + untold);
  check(R"({"metadata":{"name":"a"},"status":{"conditions":null}})", "a" + untold);
  check(R"({"status":{"conditions":[null,"x",7,{"type":["Ready"],"status":"True"},{"status":)"
        R"("True"},{"type":"Ready"}]}})",
        untold);
  // Twice: the later one counts. And what was read before is forgotten.
  check(R"({"status":{"conditions":[{"type":"Ready","status":"True"}],"conditions":[{"status":)"
        R"("False","type":"Ready","reason":"a"},{"type":"Ready","status":"Unknown"}]}},{})",
        " Ready=unknown MemoryPressure=untold DiskPressure=untold PIDPressure=untold "
        "NetworkUnavailable=untold\n" +
            untold);
  check(R"({"status":{"conditions":[{"type":"Ready","status":"False","reason":")" +
            std::string(70, 'r') + R"(","message":")" + std::string(300, 'm') + R"("}]}})",
        " Ready=no:" + std::string(64, 'r') + "(" + std::string(256, 'm') +
            ") MemoryPressure=untold DiskPressure=untold PIDPressure=untold "
            "NetworkUnavailable=untold");
}
END_TEST

}  // namespace

CHECK_MAIN("node_reader", a_node, odd_ones)
