#include "identity/api_list.h"

namespace kubepulse {

Status ApiListReader::feed(std::string_view piece) {
  if (!failed_.ok()) return failed_;
  reader_.feed(piece);
  return run();
}

Status ApiListReader::finish() {
  if (!failed_.ok()) return failed_;
  reader_.finish();
  Status read = run();
  if (!read.ok()) return read;
  std::string_view kind = kind_.view(), version = version_.view();
  bool is_kind = kind == wanted_.name;
  if (is_kind && (version == wanted_.version || version.empty())) return {};
  std::string what = kind.empty() ? "an object without a kind" : "a \"" + std::string(kind) + "\"";
  if (is_kind) what += " of version \"" + std::string(version) + "\"";
  what += std::string(is_kind ? ", not " : ", not a ") + (is_kind ? wanted_.version : wanted_.name);
  if (!message_.empty()) what += ": " + std::string(message_.view());
  return failed_ = Status::error(std::move(what));
}

Status ApiListReader::run() {
  for (;;) {
    JsonToken token = reader_.next();
    if (token == JsonToken::more || token == JsonToken::end) return {};
    if (token == JsonToken::error) return failed_ = Status(reader_.status()).in(wanted_.what);
    if (!take(token)) return failed_;
  }
}

bool ApiListReader::take(JsonToken token) {
  if (place_ == Place::item) {
    object_.take(reader_, token);
    if (token != JsonToken::object_end || reader_.depth() != 2) return true;
    place_ = Place::items;
    if (kind_.empty() || kind_.view() == wanted_.name) item_();
    return true;
  }
  switch (token) {
    case JsonToken::key:
      take_key();
      return true;
    case JsonToken::object:
    case JsonToken::array:
      return open(token);
    case JsonToken::object_end:
    case JsonToken::array_end:
      place_ = place_ == Place::list ? Place::outside : Place::list;
      return true;
    case JsonToken::string:
      take_text(reader_.text());
      [[fallthrough]];
    default:
      if (place_ != Place::outside) return true;
      failed_ = Status::error(std::string("not an object, so not a ") + wanted_.name);
      return false;
  }
}

void ApiListReader::take_key() {
  static constexpr struct {
    std::string_view key;
    Place place;
    Field field;
  } kFields[] = {
      {"kind", Place::list, Field::kind},
      {"apiVersion", Place::list, Field::version},
      {"message", Place::list, Field::message},
      {"metadata", Place::list, Field::metadata},
      {"items", Place::list, Field::items},
      {"resourceVersion", Place::metadata, Field::revision},
      {"continue", Place::metadata, Field::rest},
  };
  field_ = Field::none;
  for (const auto& each : kFields)
    if (each.place == place_ && each.key == reader_.text()) field_ = each.field;
  if (field_ == Field::none) reader_.skip();
}

// Follows where something in it is wanted, and skips it otherwise.
bool ApiListReader::open(JsonToken token) {
  bool is_object = token == JsonToken::object;
  if (place_ == Place::outside) {
    if (is_object) place_ = Place::list;
    if (!is_object) failed_ = Status::error(std::string("not an object, so not a ") + wanted_.name);
    return is_object;
  }
  if (place_ == Place::list && field_ == Field::items && !is_object) {
    place_ = Place::items;
  } else if (place_ == Place::list && field_ == Field::metadata && is_object) {
    place_ = Place::metadata;
  } else if (place_ == Place::items && is_object) {
    place_ = Place::item;
    object_.begin();
  } else {
    reader_.skip();
  }
  return true;
}

void ApiListReader::take_text(std::string_view text) {
  if (place_ == Place::items) return;
  if (field_ == Field::kind) kind_.assign(text);
  if (field_ == Field::version) version_.assign(text);
  if (field_ == Field::message) message_.assign(text);
  if (field_ == Field::revision) resource_version_.assign(text);
  // Half of it would be refused.
  if (field_ == Field::rest && !reader_.cut()) continue_ = text;
}

}  // namespace kubepulse
