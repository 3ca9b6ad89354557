#include "sniff/insight_page.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/text.h"
#include "client/page_reader.h"

namespace kubepulse {

namespace {

constexpr uint64_t kVersion = 1;
constexpr double kIntervalMinSeconds = 0.1, kIntervalMaxSeconds = 3600;

// JSON as it is, but for a line's ends, which stand between its tokens alone, and for controls that
// it allows within texts and a terminal may obey.
void append_in_a_line(std::string& out, std::string_view json) {
  for (size_t at = 0; at < json.size(); at++) {
    auto byte = static_cast<unsigned char>(json[at]);
    auto next = static_cast<unsigned char>(at + 1 < json.size() ? json[at + 1] : 0);
    bool is_high = byte == 0xC2 && next >= 0x80 && next < 0xA0;
    if (byte < 0x20) {
      out += ' ';
    } else if (byte == 0x7F || is_high) {
      char escape[8];
      int size = snprintf(escape, sizeof escape, "\\u%04x", is_high ? next : byte);
      out.append(escape, static_cast<size_t>(size));
      at += is_high ? 1 : 0;
    } else {
      out += json[at];
    }
  }
}

template <typename Item>
bool add_one(std::vector<Item>& list) {
  if (list.size() >= InsightPageReader::kListMax) return false;
  list.emplace_back();
  return true;
}

}  // namespace

const ToldInsight* InsightPage::find(uint64_t id) const {
  auto found = std::find_if(insights.begin(), insights.end(),
                            [id](const ToldInsight& each) { return each.id == id; });
  return found == insights.end() ? nullptr : &*found;
}

void InsightPageReader::feed(std::string_view piece) {
  if (!status_.ok()) return;
  piece_ = piece;
  piece_at_ = json_.bytes();
  raw_from_ = 0;
  json_.feed(piece);
  read();
}

Status InsightPageReader::finish() {
  json_.finish();
  if (status_.ok()) read();
  if (status_.ok() && version_ != kVersion)
    status_ = Status::error("it has not the version 1, which is the one that is known here");
  return status_;
}

// Up to the end of the piece.
void InsightPageReader::read() {
  while (status_.ok()) {
    JsonToken token = json_.next();
    switch (token) {
      case JsonToken::more:
        if (in_insight_) keep_raw(piece_.size());
        return;
      case JsonToken::end:
        return;
      case JsonToken::error:
        status_ = json_.status();
        return;
      case JsonToken::object:
      case JsonToken::array:
        open(token);
        break;
      case JsonToken::object_end:
        if (in_insight_ && json_.depth() == kInsights) end_insight();
        break;
      case JsonToken::array_end:
        break;
      case JsonToken::key:
        (json_.depth() == kPage      ? page_key_
         : json_.depth() == kInsight ? key_
                                     : item_key_) = json_.text();
        if (json_.depth() != kInsight || key_ != "state") break;
        state_from_ = raw_size();
        state_to_ = 0;
        break;
      default:
        take_value(token);
    }
  }
}

// What we do not know is passed over, but remains in the object as it stood.
void InsightPageReader::open(JsonToken token) {
  bool is_array = token == JsonToken::array;
  bool known = false;
  switch (json_.depth()) {
    case kPage:
      known = !is_array;
      if (is_array) status_ = Status::error("it is an array");
      break;
    case kInsights:
      known = is_array && page_key_ == "insights";
      break;
    case kInsight:
      known = !is_array;
      if (known) begin_insight();
      break;
    case kMember:
      known = is_array ? key_ == "evidence" || key_ == "actions" : key_ == "owner";
      break;
    case kItem:
      known = !is_array && (key_ == "evidence" ? add_one(insight_.evidence)
                                               : key_ == "actions" && add_one(insight_.actions));
      break;
    default:
      break;
  }
  if (!known) json_.skip();
}

void InsightPageReader::begin_insight() {
  insight_ = {};
  in_insight_ = true;
  has_severity_ = false;
  raw_.clear();
  raw_lost_ = false;
  raw_from_ = at() - 1;
  state_from_ = state_to_ = 0;
}

void InsightPageReader::keep_raw(size_t end) {
  raw_lost_ = raw_lost_ || raw_.size() + end - raw_from_ > kJsonBytesMax;
  if (raw_lost_)
    raw_.clear();
  else
    raw_ += piece_.substr(raw_from_, end - raw_from_);
}

void InsightPageReader::end_insight() {
  keep_raw(at());
  in_insight_ = false;
  bool is_whole = insight_.id != 0 && !insight_.type.empty() && has_severity_ && state_to_ > 0;
  if (!is_whole || raw_lost_ || page_.insights.size() >= kInsightsMax ||
      page_.find(insight_.id) != nullptr) {
    page_.lost++;
    return;
  }
  std::string_view raw = raw_;
  // The reader takes a colon that comes in the same piece with its key.
  bool has_colon = raw[state_from_ - 1] == ':';
  append_in_a_line(insight_.json_head, raw.substr(0, state_from_ - (has_colon ? 1 : 0)));
  insight_.json_head += ':';
  append_in_a_line(insight_.json_tail, raw.substr(state_to_));
  page_.insights.push_back(std::move(insight_));
}

void InsightPageReader::take_value(JsonToken token) {
  switch (json_.depth()) {
    case kPage:
      return take_of_page(token);
    case kInsights:
      page_.lost++;
      return;
    case kInsight:
      return take_of_insight(token);
    case kMember:
      if (key_ == "owner" && token == JsonToken::string && item_key_ == "kind")
        insight_.owner_kind = json_.text();
      if (key_ == "owner" && token == JsonToken::string && item_key_ == "name")
        insight_.owner = json_.text();
      return;
    case kItem:
      return take_of_item(token);
    default:
      return;  // the whole document is a text or a number
  }
}

void InsightPageReader::take_of_page(JsonToken token) {
  bool is_number = token == JsonToken::number && !json_.cut();
  if (page_key_ == "version" && is_number) {
    version_ = parse_number(json_.text()).value_or(0);
  } else if (page_key_ == "time" && token == JsonToken::string) {
    page_.tick_ns = parse_rfc3339(json_.text()).value_or(0);
  } else if (page_key_ == "interval_seconds" && is_number) {
    double seconds = parse_value(json_.text()).value_or(0);
    if (seconds >= kIntervalMinSeconds && seconds <= kIntervalMaxSeconds)
      page_.interval_ns = static_cast<uint64_t>(seconds * kNsPerSecond);
  }
}

void InsightPageReader::take_of_insight(JsonToken token) {
  if (token != JsonToken::string) return;
  struct Text {
    const char* key;
    std::string ToldInsight::*place;
  };
  constexpr Text kTexts[] = {
      {"type", &ToldInsight::type},     {"namespace", &ToldInsight::ns},
      {"pod", &ToldInsight::pod},       {"container", &ToldInsight::container},
      {"object", &ToldInsight::object}, {"summary", &ToldInsight::summary},
  };
  std::string_view text = json_.text();
  for (const Text& each : kTexts)
    if (key_ == each.key) insight_.*each.place = text;
  if (key_ == "id") {
    insight_.id = parse_hex(text).value_or(0);
  } else if (key_ == "cause") {
    insight_.cause = parse_hex(text).value_or(0);
  } else if (key_ == "state") {
    state_to_ = raw_size();
  } else if (key_ == "severity") {
    has_severity_ = true;
    insight_.critical = text == "critical";
  } else if (key_ == "origin") {
    insight_.kubernetes = text == "kubernetes";
  } else if (key_ == "since") {
    insight_.since_ns = parse_rfc3339(text).value_or(0);
  }
}

void InsightPageReader::take_of_item(JsonToken token) {
  std::string_view text = json_.text();
  if (key_ == "evidence") {
    ToldInsight::Evidence& evidence = insight_.evidence.back();
    if (item_key_ == "value" && token == JsonToken::number)
      evidence.value = parse_value(text).value_or(NAN);
    if (token != JsonToken::string) return;
    if (item_key_ == "name") evidence.name = text;
    if (item_key_ == "unit") evidence.unit = text;
  } else if (token == JsonToken::string) {
    ToldInsight::Action& action = insight_.actions.back();
    if (item_key_ == "what") action.what = text;
    if (item_key_ == "risk") action.risk = text;
    if (item_key_ == "effect") action.effect = text;
    // Half of a command, or another one than was meant, is not to be run.
    if (item_key_ == "command" && !json_.cut() && is_printable(text)) action.command = text;
  }
}

}  // namespace kubepulse
