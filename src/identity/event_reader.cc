#include "identity/event_reader.h"

#include <algorithm>
#include <iterator>

#include "base/cut_middle.h"
#include "base/text.h"

namespace kubepulse {

namespace {

enum Spot : uint8_t { kEvent, kMetadata, kSeries, kReason, kMessage, kCount, kTime };

}  // namespace

// The two ways of telling how often: core/v1 counts itself, events.k8s.io/v1 in a series.
EventReader::EventReader()
    : ApiFieldReader([] {
        using Shape = Field::Shape;
        static constexpr Field kFields[] = {
            {"reason", kEvent, kReason, Shape::text},
            {"message", kEvent, kMessage, Shape::text},
            {"count", kEvent, kCount, Shape::number},
            {"lastTimestamp", kEvent, kTime, Shape::text},
            {"eventTime", kEvent, kTime, Shape::text},
            {"metadata", kEvent, kMetadata, Shape::object},
            {"creationTimestamp", kMetadata, kTime, Shape::text},
            {"series", kEvent, kSeries, Shape::object},
            {"count", kSeries, kCount, Shape::number},
            {"lastObservedTime", kSeries, kTime, Shape::text},
        };
        return Fields{std::begin(kFields), std::end(kFields)};
      }()) {}

void EventReader::begin() {
  ApiFieldReader::begin();
  event_ = PodEvent();
}

void EventReader::text(uint8_t spot, std::string_view text, bool) {
  if (spot == kReason) event_.reason.assign(text);
  if (spot == kMessage) event_.message.assign(cut_middle(text, PodEvent::kMessageBytesMax));
  if (spot == kCount) event_.count = std::max(event_.count, parse_number(text).value_or(0));
  if (spot == kTime) event_.at_s = std::max(event_.at_s, seconds_of_time(text));
}

uint64_t seconds_of_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  constexpr unsigned kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  if (text.size() <= kShape.size() || text.back() != 'Z') return 0;
  unsigned parts[6] = {}, part = 0;
  for (size_t i = 0; i < kShape.size(); i++) {
    bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !is_digit : text[i] != kShape[i]) return 0;
    if (kShape[i] == 'd')
      parts[part] = parts[part] * 10 + static_cast<unsigned>(text[i] - '0');
    else
      part++;
  }
  auto [year, month, day, hour, minute, second] = parts;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return 0;
  if (hour > 23 || minute > 59 || second > 60) return 0;
  // Leap years before the first of March of that one.
  uint64_t leaps_to = month > 2 ? year : year - 1;
  uint64_t leaps = leaps_to / 4 - leaps_to / 100 + leaps_to / 400 - 477;  // 477 before 1970
  uint64_t days = (year - 1970) * uint64_t{365} + leaps + kDaysBefore[month - 1] + day - 1;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

}  // namespace kubepulse
