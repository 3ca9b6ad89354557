// The stream of a watch: one object after the other, each with what has become of it. Pure; any
// bytes are safe. The stream has no bound, each object in it has.
#ifndef KUBEPULSE_IDENTITY_API_WATCH_H
#define KUBEPULSE_IDENTITY_API_WATCH_H

#include <functional>
#include <string_view>
#include <utility>

#include "base/json_reader.h"
#include "base/short_text.h"
#include "base/status.h"
#include "identity/api_object.h"

namespace kubepulse {

class ApiWatchReader {
 public:
  // etcd takes 1.5 MiB, in a denser form; what is larger is no object.
  static constexpr uint64_t kObjectBytesMax = uint64_t{8} << 20;

  struct Event {
    enum class Type : uint8_t {
      changed,   // added or modified
      deleted,   // as it was
      bookmark,  // of the object nothing but the resource version counts
      error,
      other,  // of a later Kubernetes
    };
    Type type;
    std::string_view resource_version;  // "": not told
    // Of an error: the code as of HTTP, 410 where the resource version is too old; and its words.
    int code;
    std::string_view message;
  };
  // When `object`, which outlives this, has read one whole; false: enough of it.
  ApiWatchReader(ApiObjectReader& object, std::function<bool(const Event&)> event)
      : object_(object), event_(std::move(event)) {}

  // The next piece, cut anywhere; false: enough (see the callback), or an error, see status().
  // What comes after either is not read.
  bool feed(std::string_view piece);
  const Status& status() const { return status_; }
  uint64_t events() const { return events_; }  // told so far

 private:
  enum class Place : uint8_t { outside, event, object };
  enum class Field : uint8_t { none, type, object, revision, code, message };

  bool take(JsonToken token);
  bool take_in_object(JsonToken token);
  bool take_value(JsonToken token);
  bool end_event();
  bool fail(const char* what);

  ApiObjectReader& object_;
  std::function<bool(const Event&)> event_;
  JsonReader reader_;
  Place place_ = Place::outside;
  Field field_ = Field::none;
  bool in_metadata_ = false;
  bool has_object_ = false;
  bool over_ = false;
  ShortText<16> type_;
  ShortText<64> resource_version_;
  ShortText<256> message_;
  int code_ = 0;
  uint64_t begun_at_ = 0;  // byte of the stream
  uint64_t events_ = 0;
  Status status_;
};

}  // namespace kubepulse

#endif
