#include "identity/node_reader.h"

#include <iterator>

namespace kubepulse {

namespace {

enum Spot : uint8_t {
  kNode,
  kMetadata,
  kName,
  kStatus,
  kConditions,
  kCondition,
  kType,
  kConditionStatus,
  kReason,
  kMessage,
};

constexpr const char* kNames[kNodeConditions] = {"Ready", "MemoryPressure", "DiskPressure",
                                                 "PIDPressure", "NetworkUnavailable"};

NodeCondition::Status status_of(std::string_view text) {
  using Status = NodeCondition::Status;
  return text == "True" ? Status::yes : text == "False" ? Status::no : Status::unknown;
}

}  // namespace

const char* node_condition_name(NodeCondition::Kind kind) {
  return kNames[static_cast<size_t>(kind)];
}

NodeReader::NodeReader()
    : ApiFieldReader([] {
        using Shape = Field::Shape;
        static constexpr Field kFields[] = {
            {"metadata", kNode, kMetadata, Shape::object},
            {"name", kMetadata, kName, Shape::text},
            {"status", kNode, kStatus, Shape::object},
            {"conditions", kStatus, kConditions, Shape::array},
            {"", kConditions, kCondition, Shape::object},
            {"type", kCondition, kType, Shape::text},
            {"status", kCondition, kConditionStatus, Shape::text},
            {"reason", kCondition, kReason, Shape::text},
            {"message", kCondition, kMessage, Shape::text},
        };
        return Fields{std::begin(kFields), std::end(kFields)};
      }()) {}

void NodeReader::begin() {
  ApiFieldReader::begin();
  node_ = Node();
}

void NodeReader::enter(uint8_t spot) {
  if (spot == kConditions) node_.conditions = {};
  if (spot != kCondition) return;
  kind_.clear();
  condition_ = NodeCondition();
}

void NodeReader::leave(uint8_t spot) {
  if (spot != kCondition) return;
  for (size_t i = 0; i < kNodeConditions; i++)
    if (kind_.view() == kNames[i]) node_.conditions[i] = condition_;
}

void NodeReader::text(uint8_t spot, std::string_view text, bool) {
  if (spot == kName) node_.name.assign(text);
  if (spot == kType) kind_.assign(text);
  if (spot == kConditionStatus) condition_.status = status_of(text);
  if (spot == kReason) condition_.reason.assign(text);
  if (spot == kMessage) condition_.message.assign(text);
}

}  // namespace kubepulse
