#include "identity/api_field_reader.h"

namespace kubepulse {

void ApiFieldReader::begin() {
  place_count_ = 0;
  places_[place_count_++] = 0;
  next_ = nullptr;
}

// O(fields): there are some twenty.
const ApiFieldReader::Field* ApiFieldReader::find(uint8_t place, std::string_view key) const {
  for (const Field* field = fields_.begin; field != fields_.end; field++)
    if (field->place == place && field->key == key) return field;
  return nullptr;
}

void ApiFieldReader::take(JsonReader& json, JsonToken token) {
  if (place_count_ == 0) return;
  uint8_t place = places_[place_count_ - 1];
  if (token == JsonToken::key) {
    next_ = find(place, json.text());
    if (next_ == nullptr) json.skip();
    return;
  }
  if (token == JsonToken::object_end || token == JsonToken::array_end) {
    place_count_--;
    return leave(place);
  }
  const Field* element = find(place, "");
  const Field* field = element != nullptr ? element : next_;
  bool is_object = token == JsonToken::object, is_array = token == JsonToken::array;
  if (!is_object && !is_array) {
    if (field == nullptr) return;
    bool fits = (token == JsonToken::string && field->shape == Field::Shape::text) ||
                (token == JsonToken::number && field->shape == Field::Shape::number);
    if (fits) text(field->spot, json.text(), !json.cut());
    return;
  }
  Field::Shape shape = is_object ? Field::Shape::object : Field::Shape::array;
  if (field == nullptr || field->shape != shape || place_count_ == kPlacesMax) return json.skip();
  places_[place_count_++] = field->spot;
  next_ = nullptr;
  enter(field->spot);
}

}  // namespace kubepulse
