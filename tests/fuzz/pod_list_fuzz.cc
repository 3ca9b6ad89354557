// Any bytes as the kubelet's answer: the pods are the same however it is cut into pieces, and none
// exceeds a bound.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "identity/pod_list.h"

using namespace kubepulse;  // NOLINT

namespace {

void require(bool holds) {
  if (!holds) abort();
}

void check_pod(const Pod& pod, std::string& out) {
  require(!pod.ns.empty() && !pod.name.empty() && !pod.uid.empty());
  require(pod.container_count <= Pod::kContainersMax && pod.address_count <= Pod::kAddressesMax);
  require(pod.labels.size() <= PodLabels::kLabelsMax && pod.only_container.empty());
  auto put = [&out](std::string_view text) { out.append(text).append(1, '|'); };
  for (std::string_view text :
       {pod.ns.view(), pod.name.view(), pod.uid.view(), pod.static_uid.view(),
        pod.owner_kind.view(), pod.owner_name.view(), pod.unscheduled.view(), pod.message.view()})
    put(text);
  if (pod.waiting != Pod::kNobody) {
    require(pod.waiting < pod.container_count);
    const PodContainer& waiting = pod.containers[pod.waiting];
    require(waiting.state == PodContainer::State::waiting);
    put(waiting.name.view());
  }
  size_t bytes = 0;
  for (const Label& label : pod.labels) {
    put(label.key);
    put(label.value);
    bytes += label.key.size() + label.value.size();
  }
  require(bytes <= PodLabels::kBytesMax);
  for (size_t i = 0; i < pod.container_count; i++) {
    const PodContainer& container = pod.containers[i];
    require(!container.name.empty());
    require(container.last_id.empty() || container.last_id.view() != container.id.view());
    for (std::string_view text :
         {container.name.view(), container.id.view(), container.last_id.view(),
          container.reason.view(), container.last_reason.view()})
      put(text);
    require(container.has_last || container.last_reason.empty());
    out += std::to_string(static_cast<int>(container.kind) * 8 + static_cast<int>(container.state));
  }
}

std::string read(std::string_view document, size_t piece_bytes) {
  std::string out;
  PodListReader reader([&out](const Pod& pod) { check_pod(pod, out); });
  std::vector<char> held;
  Status status;
  while (!document.empty() && status.ok()) {
    std::string_view piece = document.substr(0, piece_bytes);
    held = std::vector<char>(piece.begin(), piece.end());
    document.remove_prefix(piece.size());
    status = reader.feed({held.data(), held.size()});
  }
  if (status.ok()) status = reader.finish();
  return out + "!" + status.message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view document(reinterpret_cast<const char*>(data), size);
  std::string whole = read(document, std::max(size, size_t{1}));
  require(read(document, 3) == whole);
  return 0;
}
