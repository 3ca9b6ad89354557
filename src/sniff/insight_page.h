// What GET /insights tells (insight/insight_json.h documents it), read while it arrives, in pieces
// of any size. Pure; any bytes are safe, and everything is bounded.
#ifndef KUBEPULSE_SNIFF_INSIGHT_PAGE_H
#define KUBEPULSE_SNIFF_INSIGHT_PAGE_H

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/status.h"

namespace kubepulse {

// An insight as it was told; texts are of any bytes, "" where there is none.
struct ToldInsight {
  struct Evidence {
    std::string name, unit;
    double value = NAN;  // it is not known
  };
  struct Action {
    std::string what, command, risk, effect;
  };

  uint64_t id = 0;
  bool critical = false;
  bool kubernetes = false;  // its origin; else the kernel
  std::string type, ns, pod, container, owner_kind, owner, object, summary;
  uint64_t since_ns = 0;  // wall clock; 0: it is not known
  uint64_t cause = 0;     // the id of another; 0: none
  std::vector<Evidence> evidence;
  std::vector<Action> actions;
  // The object as it stood, in one line that a terminal may show, before and behind the value of
  // "state".
  std::string json_head, json_tail;
};

struct InsightPage {
  uint64_t tick_ns = 0;  // wall clock; 0: there was none yet
  uint64_t interval_ns = 10 * kNsPerSecond;
  std::vector<ToldInsight> insights;
  size_t lost = 0;  // those beyond a bound, and what is no insight

  // Null where there is none. O(N).
  const ToldInsight* find(uint64_t id) const;
};

class InsightPageReader {
 public:
  static constexpr size_t kInsightsMax = 1024;  // as many as a daemon keeps
  static constexpr size_t kJsonBytesMax = size_t{64} << 10;
  static constexpr size_t kTextBytesMax = size_t{4} << 10;
  static constexpr size_t kListMax = 16;  // of evidence, of actions

  InsightPageReader() : json_(kTextBytesMax) {}

  void feed(std::string_view piece);
  // There is no further piece. An error where that was no such page.
  Status finish();
  // Only once, after finish().
  InsightPage take() { return std::move(page_); }

 private:
  enum Depth { kPage = 1, kInsights, kInsight, kMember, kItem };

  void read();
  void open(JsonToken token);
  void begin_insight();
  void end_insight();
  void take_value(JsonToken token);
  void take_of_page(JsonToken token);
  void take_of_insight(JsonToken token);
  void take_of_item(JsonToken token);
  size_t at() const { return static_cast<size_t>(json_.bytes() - piece_at_); }  // in the piece
  size_t raw_size() const { return raw_.size() + at() - raw_from_; }
  void keep_raw(size_t end);

  JsonReader json_;
  Status status_;
  InsightPage page_;
  uint64_t version_ = 0;
  std::string page_key_, key_, item_key_;  // of the members that are being read
  ToldInsight insight_;
  bool in_insight_ = false;
  bool has_severity_ = false;
  // The object's bytes: what came in pieces before, and where the rest begins in this one.
  std::string raw_;
  bool raw_lost_ = false;  // they are more than they may be
  std::string_view piece_;
  uint64_t piece_at_ = 0;                 // in the page
  size_t raw_from_ = 0;                   // in the piece
  size_t state_from_ = 0, state_to_ = 0;  // in the object; 0: it has not come
};

}  // namespace kubepulse

#endif
