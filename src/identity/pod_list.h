// The pods in a v1 PodList, such as a kubelet answers to GET /pods, one by one while it arrives.
// Pure; any bytes are safe, and memory does not grow with the answer (below 64 KiB).
#ifndef KUBEPULSE_IDENTITY_POD_LIST_H
#define KUBEPULSE_IDENTITY_POD_LIST_H

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "identity/api_list.h"
#include "identity/pod.h"
#include "identity/pod_reader.h"

namespace kubepulse {

class PodListReader {
 public:
  static constexpr ApiListReader::Kind kKind = {"PodList", "v1", "the list of pods"};

  // `pod` is called for each pod as soon as it is read whole; what it is given is valid meanwhile.
  // All or nothing: where feed() or finish() then fails, the pods told before count for nothing.
  explicit PodListReader(std::function<void(const Pod&)> pod)
      : list_(kKind, pod_, [this] { take(); }), callback_(std::move(pod)) {}
  PodListReader(const PodListReader&) = delete;
  PodListReader& operator=(const PodListReader&) = delete;

  // As ApiListReader has them.
  Status feed(std::string_view piece) { return list_.feed(piece); }
  Status finish() { return list_.finish(); }

  // Without a name or a uid, and so passed over.
  uint64_t nameless() const { return nameless_; }

 private:
  void take() {
    if (pod_.is_named())
      callback_(pod_.pod());
    else
      nameless_++;
  }

  PodReader pod_;
  ApiListReader list_;
  std::function<void(const Pod&)> callback_;
  uint64_t nameless_ = 0;
};

}  // namespace kubepulse

#endif
