// One v1 Node, as far as its conditions go, while it arrives. Pure; any bytes are safe, and memory
// is bounded.
#ifndef KUBEPULSE_IDENTITY_NODE_READER_H
#define KUBEPULSE_IDENTITY_NODE_READER_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/short_text.h"
#include "identity/api_field_reader.h"
#include "identity/pod.h"

namespace kubepulse {

struct NodeCondition {
  enum class Kind : uint8_t {
    ready,
    memory_pressure,
    disk_pressure,
    pid_pressure,
    network_unavailable,
  };
  enum class Status : uint8_t { untold, yes, no, unknown };  // unknown: so says Kubernetes

  Status status = Status::untold;
  ShortText<64> reason;    // "KubeletHasSufficientMemory"
  ShortText<256> message;  // cut
};
constexpr size_t kNodeConditions = 5;
// "MemoryPressure", as Kubernetes has it.
const char* node_condition_name(NodeCondition::Kind kind);

struct Node {
  ShortText<kDnsNameBytesMax> name;
  std::array<NodeCondition, kNodeConditions> conditions;  // by their kind
};

class NodeReader : public ApiFieldReader {
 public:
  static constexpr const char* kListKind = "NodeList";

  NodeReader();
  void begin() override;
  // After its end, until the next begin().
  const Node& node() const { return node_; }

 private:
  void enter(uint8_t spot) override;
  void leave(uint8_t spot) override;
  void text(uint8_t spot, std::string_view text, bool whole) override;

  Node node_;
  ShortText<32> kind_;  // of the condition that is being read
  NodeCondition condition_;
};

}  // namespace kubepulse

#endif
