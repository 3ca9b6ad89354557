// A list of Kubernetes objects, such as an API server or a kubelet answers, while it arrives. Pure;
// any bytes are safe, and memory does not grow with the answer.
#ifndef KUBEPULSE_IDENTITY_API_LIST_H
#define KUBEPULSE_IDENTITY_API_LIST_H

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_reader.h"
#include "base/short_text.h"
#include "base/status.h"
#include "identity/api_object.h"

namespace kubepulse {

class ApiListReader {
 public:
  struct Kind {
    const char* name;     // "PodList"
    const char* version;  // "v1", "discovery.k8s.io/v1"
    const char* what;     // as messages call it: "the list of pods"
  };

  // `item` is called when `object`, which outlives this, has read one whole. Where feed() or
  // finish() then fails, the list is not whole, or was none: what was told before is for the caller
  // to forget. Members may come in any order, and twice (the later one counts); unknown ones, nulls
  // and values of the wrong type are passed over.
  ApiListReader(const Kind& kind, ApiObjectReader& object, std::function<void()> item)
      : wanted_(kind), object_(object), item_(std::move(item)) {}

  // The next piece, cut anywhere. What has failed stays failed.
  Status feed(std::string_view piece);
  // The answer is complete: was it such a list? An error names the kind of what came instead, and
  // its message: `a "Status", not a PodList: pods is forbidden`.
  Status finish();

  // After finish(). From where to watch; with what to ask for the rest, "": this was the last page.
  std::string_view resource_version() const { return resource_version_.view(); }
  const std::string& rest() const { return continue_; }

 private:
  enum class Place : uint8_t { outside, list, metadata, items, item };
  enum class Field : uint8_t { none, kind, version, message, metadata, items, revision, rest };

  Status run();
  bool take(JsonToken token);
  void take_key();
  bool open(JsonToken token);
  void take_text(std::string_view text);

  Kind wanted_;
  ApiObjectReader& object_;
  std::function<void()> item_;
  JsonReader reader_;
  Place place_ = Place::outside;
  Field field_ = Field::none;  // what the value behind the last key is
  ShortText<64> kind_, version_, resource_version_;
  ShortText<256> message_;
  std::string continue_;
  Status failed_;
};

}  // namespace kubepulse

#endif
