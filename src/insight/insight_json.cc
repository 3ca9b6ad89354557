#include "insight/insight_json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/text.h"
#include "insight/actions.h"
#include "insight/insight_text.h"
#include "insight/owner.h"

namespace kubepulse {

namespace {

// Whole numbers as such, up to where a double has them all; null is what JSON cannot say.
void append_value(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
  } else if (std::fabs(value) < 9e15 && value == std::trunc(value)) {
    append_number(out, static_cast<int64_t>(value));
  } else {
    char text[32];
    int size = snprintf(text, sizeof text, "%.6g", value);
    out.append(text, static_cast<size_t>(size));
  }
}

// `,"key":`
void append_key(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  out += '"';
  out += key;
  out += "\":";
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
  append_key(out, key);
  append_json_string(out, text);
}

void append_any_text(std::string& out, std::string_view key, std::string_view text) {
  if (!text.empty()) append_text(out, key, text);
}

void append_time(std::string& out, std::string_view key, uint64_t wall_ns) {
  append_key(out, key);
  out += '"';
  append_rfc3339(out, wall_ns);
  out += '"';
}

void append_id(std::string& out, std::string_view key, uint64_t id) {
  append_key(out, key);
  out += '"';
  for (int shift = 60; shift >= 0; shift -= 4)
    out += "0123456789abcdef"[id >> shift & 15];
  out += '"';
}

void append_number_of(std::string& out, std::string_view key, double value) {
  append_key(out, key);
  append_value(out, value);
}

void append_pair(std::string& out, std::string_view key, std::string_view first_key,
                 std::string_view first, std::string_view second) {
  append_key(out, key);
  out += '{';
  append_text(out, first_key, first);
  append_text(out, "name", second);
  out += '}';
}

void append_evidence(std::string& out, const EvidenceList& evidence) {
  append_key(out, "evidence");
  out += '[';
  for (const Evidence& each : evidence) {
    if (out.back() != '[') out += ',';
    out += '{';
    append_text(out, "name", each.name);
    append_number_of(out, "value", each.value);
    append_text(out, "unit", unit_name(each.unit));
    out += '}';
  }
  out += ']';
}

void append_prediction(std::string& out, const Prediction& prediction) {
  append_key(out, "prediction");
  out += '{';
  append_number_of(out, "probability", prediction.probability);
  append_number_of(out, "confidence", prediction.confidence);
  append_number_of(out, "seconds", prediction.seconds);
  append_number_of(out, "seconds_low", prediction.seconds_low);
  append_number_of(out, "seconds_high", prediction.seconds_high);
  out += '}';
}

void append_actions(std::string& out, const Insight& insight) {
  append_key(out, "actions");
  out += '[';
  for (const Action& action : actions_for(insight)) {
    if (out.back() != '[') out += ',';
    out += '{';
    append_text(out, "what", action.what);
    append_any_text(out, "command", action.command);
    append_text(out, "risk", risk_name(action.risk));
    append_text(out, "effect", action.effect);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_insight(std::string& out, const Insight& insight, std::string_view state,
                    uint64_t wall_offset_ns) {
  out += '{';
  append_id(out, "id", insight.id);
  append_text(out, "state", state);
  append_text(out, "type", insight_type_name(insight.type));
  append_text(out, "severity", severity_name(insight.severity));
  append_text(out, "origin", origin_of(insight.type) == Origin::kernel ? "kernel" : "kubernetes");
  append_text(out, "namespace", insight.ns);
  append_text(out, "pod", insight.pod);
  append_any_text(out, "container", insight.container);
  if (const char* kind = owner_kind_name(insight.owner_kind); *kind != '\0')
    append_pair(out, "owner", "kind", kind, insight.owner);
  append_any_text(out, "object", insight.object);
  append_any_text(out, "reason", insight.reason);
  if (!insight.peer.empty()) append_pair(out, "peer", "namespace", insight.peer_ns, insight.peer);
  append_time(
      out, "since",
      insight.since_wall_ns != 0 ? insight.since_wall_ns : insight.since_ns + wall_offset_ns);
  std::string summary;
  append_summary(summary, insight);
  append_text(out, "summary", summary);
  append_evidence(out, insight.evidence);
  if (insight.prediction) append_prediction(out, *insight.prediction);
  if (insight.cause != 0) append_id(out, "cause", insight.cause);
  append_actions(out, insight);
  out += '}';
}

void append_insight_event(std::string& out, const Insight& insight, bool raised, uint64_t now_ns,
                          uint64_t wall_offset_ns) {
  size_t begin = out.size();
  append_insight(out, insight, raised ? "raised" : "resolved", wall_offset_ns);
  std::string head = "{";
  append_text(head, "level", raised ? "warn" : "info");
  append_time(head, "ts", now_ns + wall_offset_ns);
  append_text(head, "msg", "insight");
  head += ',';
  out.replace(begin, 1, head);
  out += '\n';
}

void append_insights(std::string& out, const InsightTable& table, std::string_view node,
                     const InsightTicks& ticks, uint64_t wall_offset_ns) {
  std::vector<const Insight*> all;
  table.each([&](const Insight& insight) { all.push_back(&insight); });
  std::sort(all.begin(), all.end(), [](const Insight* one, const Insight* other) {
    if (one->severity != other->severity) return one->severity > other->severity;
    if (one->since_ns != other->since_ns) return one->since_ns < other->since_ns;
    return one->id < other->id;
  });
  out += "{\"version\":1";
  append_text(out, "node", node);
  if (ticks.last_ns == 0) {
    append_key(out, "time");
    out += "null";
  } else {
    append_time(out, "time", ticks.last_ns + wall_offset_ns);
  }
  append_key(out, "interval_seconds");
  append_seconds(out, ticks.interval_ns);
  append_key(out, "insights");
  out += '[';
  for (const Insight* insight : all) {
    if (out.back() != '[') out += ',';
    append_insight(out, *insight, "active", wall_offset_ns);
  }
  out += "]}\n";
}

}  // namespace kubepulse
