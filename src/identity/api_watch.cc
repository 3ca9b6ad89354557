#include "identity/api_watch.h"

#include "base/text.h"

namespace kubepulse {

bool ApiWatchReader::feed(std::string_view piece) {
  if (over_) return false;
  reader_.feed(piece);
  for (;;) {
    JsonToken token = reader_.next();
    if (token == JsonToken::error) {
      status_ = Status(reader_.status()).in("the watch");
      over_ = true;
      return false;
    }
    if (place_ != Place::outside && reader_.bytes() - begun_at_ > kObjectBytesMax)
      return fail("the watch: an object is longer than any should be");
    if (token == JsonToken::more) return true;
    if (!take(token)) return false;
  }
}

bool ApiWatchReader::fail(const char* what) {
  status_ = Status::error(what);
  over_ = true;
  return false;
}

bool ApiWatchReader::take(JsonToken token) {
  if (place_ == Place::object) return take_in_object(token);
  switch (token) {
    case JsonToken::object:
      if (place_ == Place::outside) {
        place_ = Place::event;
        begun_at_ = reader_.bytes();
        field_ = Field::none;
        has_object_ = in_metadata_ = false;
        type_.clear();
        break;
      }
      if (field_ != Field::object) {
        reader_.skip();
        break;
      }
      place_ = Place::object;
      field_ = Field::none;
      resource_version_.clear();
      message_.clear();
      code_ = 0;
      object_.begin();
      break;
    case JsonToken::array:
      if (place_ == Place::outside) return fail("the watch: not an object, so no event");
      reader_.skip();
      break;
    case JsonToken::key:
      field_ = reader_.text() == "type"     ? Field::type
               : reader_.text() == "object" ? Field::object
                                            : Field::none;
      if (field_ == Field::none) reader_.skip();
      break;
    case JsonToken::object_end:
      return end_event();
    case JsonToken::string:
      if (place_ != Place::outside && field_ == Field::type) type_.assign(reader_.text());
      [[fallthrough]];
    default:
      if (place_ == Place::outside) return fail("the watch: not an object, so no event");
  }
  return true;
}

// What all kinds have in common is taken here, and not shown to `object_`: its members are at depth
// 2, those of its metadata at 3.
bool ApiWatchReader::take_in_object(JsonToken token) {
  if (field_ == Field::revision || field_ == Field::code || field_ == Field::message)
    return take_value(token);
  if (token == JsonToken::key) {
    std::string_view key = reader_.text();
    int depth = reader_.depth();
    if (depth == 2) in_metadata_ = key == "metadata";
    if (depth == 2 && key == "code") field_ = Field::code;
    if (depth == 2 && key == "message") field_ = Field::message;
    if (depth == 3 && in_metadata_ && key == "resourceVersion") field_ = Field::revision;
    if (field_ != Field::none) return true;
  }
  object_.take(reader_, token);
  if (token == JsonToken::object_end && reader_.depth() == 1) {
    place_ = Place::event;
    has_object_ = true;
  }
  return true;
}

bool ApiWatchReader::take_value(JsonToken token) {
  if (token == JsonToken::object || token == JsonToken::array) reader_.skip();
  if (token == JsonToken::string && field_ == Field::revision)
    resource_version_.assign(reader_.text());
  if (token == JsonToken::string && field_ == Field::message) message_.assign(reader_.text());
  if (token == JsonToken::number && field_ == Field::code)
    code_ = static_cast<int>(parse_number(reader_.text(), 999).value_or(0));
  field_ = Field::none;
  return true;
}

bool ApiWatchReader::end_event() {
  using Type = Event::Type;
  place_ = Place::outside;
  reader_.next_document();
  if (!has_object_ || type_.empty()) return fail("the watch: an event without a type or an object");
  std::string_view type = type_.view();
  Event event{Type::other, resource_version_.view(), code_, message_.view()};
  if (type == "ADDED" || type == "MODIFIED") event.type = Type::changed;
  if (type == "DELETED") event.type = Type::deleted;
  if (type == "BOOKMARK") event.type = Type::bookmark;
  if (type == "ERROR") event.type = Type::error;
  events_++;
  over_ = !event_(event);
  return !over_;
}

}  // namespace kubepulse
