#include "sniff/sniff_text.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "insight/insight_text.h"

namespace kubepulse {

namespace {

constexpr const char* kRed = "\033[1;31m";
constexpr const char* kYellow = "\033[1;33m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kBold = "\033[1m";
constexpr const char* kPlain = "\033[0m";

constexpr Unit kUnits[] = {Unit::count,   Unit::bytes, Unit::bytes_per_second,
                           Unit::seconds, Unit::share, Unit::per_second};

// "shop/web-0 app"; the node where there is no pod.
void append_subject(std::string& out, const ToldInsight& insight) {
  if (insight.pod.empty()) {
    out += "node";
  } else {
    append_shown(out, insight.ns);
    out += '/';
    append_shown(out, insight.pod);
  }
  for (const std::string* part : {&insight.container, &insight.object}) {
    if (part->empty()) continue;
    out += ' ';
    append_shown(out, *part);
  }
}

void append_head(std::string& out, const char* color, std::string_view word,
                 const ToldInsight& insight) {
  if (color != nullptr) out += color;
  out += word;
  if (color != nullptr) out += kPlain;
  out += ' ';
  append_shown(out, insight.type);
  out += "  ";
  if (color != nullptr) out += kBold;
  append_subject(out, insight);
  if (color != nullptr) out += kPlain;
}

void append_line(std::string& out, const char* before, std::string_view text) {
  out += before;
  append_shown(out, text);
  out += '\n';
}

void append_evidence(std::string& out, const ToldInsight& insight) {
  const char* before = "  seen:  ";
  for (const ToldInsight::Evidence& each : insight.evidence) {
    if (std::isnan(each.value)) continue;
    out += before;
    before = ", ";
    std::string name = each.name;
    std::replace(name.begin(), name.end(), '_', ' ');
    append_shown(out, name);
    out += ' ';
    const Unit* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&each](Unit known) { return each.unit == unit_name(known); });
    append_quantity(out, each.value, unit == std::end(kUnits) ? Unit::count : *unit);
  }
  if (before[0] == ',') out += '\n';
}

}  // namespace

void append_raised(std::string& out, const ToldInsight& insight, const ToldInsight* cause,
                   bool color) {
  const char* alarm = insight.critical ? kRed : kYellow;
  append_head(out, color ? alarm : nullptr, insight.critical ? "CRITICAL" : "WARNING", insight);
  if (!insight.owner_kind.empty()) {
    out += " (";
    append_shown(out, insight.owner_kind);
    out += ' ';
    append_shown(out, insight.owner);
    out += ')';
  }
  append_line(out, "\n  ", insight.summary);
  append_evidence(out, insight);
  if (cause != nullptr) {
    out += "  cause: ";
    append_shown(out, cause->type);
    out += "  ";
    append_subject(out, *cause);
    out += '\n';
  }
  for (const ToldInsight::Action& action : insight.actions) {
    append_line(out, "  do:    ", action.what);
    if (!action.command.empty()) append_line(out, "           ", action.command);
    out += "         risk ";
    append_shown(out, action.risk);
    append_line(out, ": ", action.effect);
  }
  out += '\n';
}

void append_resolved(std::string& out, const ToldInsight& insight, uint64_t now_ns, bool color) {
  append_head(out, color ? kGreen : nullptr, "RESOLVED", insight);
  if (insight.since_ns != 0) {
    out += ", after ";
    uint64_t lasted_ns = now_ns - std::min(now_ns, insight.since_ns);
    append_quantity(out, static_cast<double>(lasted_ns) / kNsPerSecond, Unit::seconds);
  }
  out += '\n';
}

void append_counts(std::string& out, const InsightCounts& counts, size_t active,
                   uint64_t duration_ns) {
  size_t all = counts.critical + counts.warning;
  append_number(out, uint64_t{all});
  out += all == 1 ? " insight" : " insights";
  if (duration_ns != 0) {
    out += " in ";
    append_quantity(out, static_cast<double>(duration_ns) / kNsPerSecond, Unit::seconds);
  }
  out += ": ";
  append_number(out, uint64_t{counts.critical});
  out += " critical, ";
  append_number(out, uint64_t{counts.warning});
  out += " warning";
  if (duration_ns != 0) {
    out += "; ";
    append_number(out, uint64_t{counts.resolved});
    out += " resolved, ";
    append_number(out, uint64_t{active});
    out += " active";
  }
  if (counts.lost > 0) {
    out += "; ";
    append_number(out, uint64_t{counts.lost});
    out += " not shown, for want of room or sense";
  }
  out += '\n';
}

}  // namespace kubepulse
