#include "insight/insight_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace kubepulse {

namespace {

// By type.
constexpr const char* kSentences[kInsightTypes] = {
    "memory reaches its limit",
    "the kernel has killed for want of memory",
    "memory grows, and is not given back",
    "ends and is begun again",
    "does not get to run",
    "is not ready",
    "an image cannot be had",
    "is held back by its CPU limit",
    "DNS queries fail",
    "most DNS queries only try the search list (ndots)",
    "connects fail",
    "much is sent again",
    "handshakes are dropped: it does not accept fast enough",
    "the node is not well: ",
    "the filesystem fills up",
    "many pods have the same trouble",
};

// Names as somebody else has given them. Who writes the text somewhere escapes it for there.
void append_name(std::string& out, std::string_view text) {
  append_shown(out, cut_text(text, InsightTable::kTextBytesMax));
}

void append_format(std::string& out, const char* format, double value, const char* unit) {
  char text[64];
  int size = snprintf(text, sizeof text, format, value);
  out.append(text, static_cast<size_t>(std::clamp<int>(size, 0, sizeof text - 1)));
  out += unit;
}

void append_bytes(std::string& out, double value, const char* behind) {
  constexpr const char* kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  size_t unit = 0;
  while (std::fabs(value) >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    unit++;
  }
  append_format(out, std::fabs(value) < 10 && unit > 0 ? "%.1f" : "%.0f", value, kUnits[unit]);
  out += behind;
}

// The two largest units.
void append_seconds_for_people(std::string& out, double seconds) {
  if (!(seconds < 1e9)) {
    out += "never, perhaps";
    return;
  }
  struct Unit {
    uint64_t seconds;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
  auto left = static_cast<uint64_t>(std::llround(std::max(0.0, seconds)));
  const Unit* unit = kUnits;
  while (unit->seconds > 1 && left < unit->seconds)
    unit++;
  append_number(out, left / unit->seconds);
  out += unit->name;
  left %= unit->seconds;
  if (unit->seconds == 1 || left < unit[1].seconds) return;
  out += ' ';
  append_number(out, left / unit[1].seconds);
  out += unit[1].name;
}

}  // namespace

void append_quantity(std::string& out, double value, Unit unit) {
  switch (unit) {
    case Unit::bytes:
      append_bytes(out, value, "");
      break;
    case Unit::bytes_per_second:
      append_bytes(out, value, "/s");
      break;
    case Unit::seconds:
      append_seconds_for_people(out, value);
      break;
    case Unit::share:
      append_format(out, "%.0f", value * 100, " %");
      break;
    case Unit::per_second:
      append_format(out, "%.1f", value, "/s");
      break;
    case Unit::count:
      append_format(out, value == std::trunc(value) ? "%.0f" : "%.1f", value, "");
      break;
  }
}

void append_summary(std::string& out, const Insight& insight) {
  out += kSentences[static_cast<size_t>(insight.type)];
  if (insight.type == InsightType::node_pressure) append_name(out, insight.object);
  if (insight.prediction) {
    const Prediction& told = *insight.prediction;
    out += " in ";
    append_quantity(out, told.seconds, Unit::seconds);
    out += " (";
    append_quantity(out, told.seconds_low, Unit::seconds);
    out += " to ";
    append_quantity(out, told.seconds_high, Unit::seconds);
    out += "), ";
    append_quantity(out, told.probability, Unit::share);
    out += " likely";
  }
  if (!insight.peer.empty()) {
    out += ", to ";
    append_name(out, insight.peer_ns);
    if (!insight.peer_ns.empty()) out += '/';
    append_name(out, insight.peer);
  }
  if (insight.reason.empty()) return;
  out += ": ";
  append_name(out, insight.reason);
}

}  // namespace kubepulse
