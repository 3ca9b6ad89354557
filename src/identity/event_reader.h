// One v1 Event, while it arrives: what it says, how often, and when last. Pure; any bytes are safe,
// and memory is bounded.
#ifndef KUBEPULSE_IDENTITY_EVENT_READER_H
#define KUBEPULSE_IDENTITY_EVENT_READER_H

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/short_text.h"
#include "identity/api_field_reader.h"

namespace kubepulse {

struct PodEvent {
  static constexpr size_t kMessageBytesMax = 256;

  ShortText<64> reason;                 // "FailedMount"
  ShortText<kMessageBytesMax> message;  // cut in the middle
  uint64_t count = 1;
  uint64_t at_s = 0;  // when it was seen last, since 1970; 0: not told
};

class EventReader : public ApiFieldReader {
 public:
  static constexpr const char* kListKind = "EventList";

  EventReader();
  void begin() override;
  // After its end, until the next begin().
  const PodEvent& event() const { return event_; }

 private:
  void enter(uint8_t) override {}
  void leave(uint8_t) override {}
  void text(uint8_t spot, std::string_view text, bool whole) override;

  PodEvent event_;
};

// "2026-01-02T03:04:05Z" and "2026-01-02T03:04:05.678901Z", in seconds since 1970; 0: no such time.
uint64_t seconds_of_time(std::string_view text);

}  // namespace kubepulse

#endif
