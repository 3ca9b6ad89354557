// Reads of a Kubernetes object what a table names, while it arrives. Pure; any bytes are safe.
#ifndef KUBEPULSE_IDENTITY_API_FIELD_READER_H
#define KUBEPULSE_IDENTITY_API_FIELD_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json_reader.h"
#include "identity/api_object.h"

namespace kubepulse {

// Follows the members that a table names, and skips all others.
class ApiFieldReader : public ApiObjectReader {
 public:
  void begin() override;
  void take(JsonReader& json, JsonToken token) final;

 protected:
  // What is under `key` at `place` is `spot`; the elements of an array are under "". The object
  // itself is spot 0.
  struct Field {
    std::string_view key;
    uint8_t place;
    uint8_t spot;
    enum class Shape : uint8_t { object, array, text, number } shape;
  };
  struct Fields {
    const Field* begin;
    const Field* end;
  };
  explicit ApiFieldReader(Fields fields) : fields_(fields) {}

  virtual void enter(uint8_t spot) = 0;
  virtual void leave(uint8_t spot) = 0;
  // Numbers, too, as they are written. `whole`: it was not too long to be read whole.
  virtual void text(uint8_t spot, std::string_view text, bool whole) = 0;

 private:
  const Field* find(uint8_t place, std::string_view key) const;

  static constexpr size_t kPlacesMax = 8;

  Fields fields_;
  uint8_t places_[kPlacesMax] = {};
  size_t place_count_ = 0;
  const Field* next_ = nullptr;  // what the value behind the last key is
};

}  // namespace kubepulse

#endif
