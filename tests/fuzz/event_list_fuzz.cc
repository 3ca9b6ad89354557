// Any bytes as a list of events, and of nodes: what is told is the same however it is cut into
// pieces, and none exceeds a bound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "identity/api_list.h"
#include "identity/event_reader.h"
#include "identity/node_reader.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void put(std::string& out, std::string_view text) {
  out.append(text).append(1, '|');
}

void put(std::string& out, const EventReader& reader) {
  const PodEvent& event = reader.event();
  require(event.count >= 1 && event.at_s < uint64_t{8000} * 366 * 86400 * 2);
  put(out, event.reason.view());
  put(out, event.message.view());
  put(out, std::to_string(event.count) + " " + std::to_string(event.at_s));
}

void put(std::string& out, const NodeReader& reader) {
  put(out, reader.node().name.view());
  for (const NodeCondition& condition : reader.node().conditions) {
    bool untold = condition.status == NodeCondition::Status::untold;
    put(out, untold ? "untold" : std::to_string(static_cast<int>(condition.status)));
    put(out, condition.reason.view());
    put(out, condition.message.view());
  }
}

template <typename Reader>
std::string read(std::string_view document, size_t piece_bytes) {
  std::string out;
  Reader object;
  ApiListReader reader({Reader::kListKind, "v1", "the list"}, object, [&] { put(out, object); });
  Status status;
  while (!document.empty() && status.ok()) {
    std::string_view piece = document.substr(0, piece_bytes);
    std::vector<char> held(piece.begin(), piece.end());
    document.remove_prefix(piece.size());
    status = reader.feed({held.data(), held.size()});
  }
  if (status.ok()) status = reader.finish();
  return out + "!" + status.message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view document(reinterpret_cast<const char*>(data), size);
  size_t whole = std::max(size, size_t{1});
  for (auto* each : {read<EventReader>, read<NodeReader>})
    require(each(document, whole) == each(document, 3));
  (void)seconds_of_time(document);
  return 0;
}
