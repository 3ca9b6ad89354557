// Insights for people. Pure; any bytes in names are safe on a terminal.
#ifndef KUBEPULSE_INSIGHT_INSIGHT_TEXT_H
#define KUBEPULSE_INSIGHT_INSIGHT_TEXT_H

#include <cstddef>
#include <cstdint>
#include <string>

#include "insight/insight_table.h"

namespace kubepulse {

// One sentence, without subject and line's end: "memory reaches its limit in 3 min 20 s (2 min 30 s
// to 5 min), 83 % likely".
void append_summary(std::string& out, const Insight& insight);

// As `sniff -o text` shows it: what and whom, the summary, the evidence, what explains it, what to
// do. Several lines, the last one empty. `cause` is what insight.cause names; or null.
void append_raised(std::string& out, const Insight& insight, const Insight* cause, bool color);
// One line: it is over.
void append_resolved(std::string& out, const Insight& insight, uint64_t now_ns, bool color);

// "1.5 GiB", "3 min 20 s", "83 %", "12".
void append_quantity(std::string& out, double value, Unit unit);

// What sniff has shown.
struct InsightCounts {
  size_t critical = 0, warning = 0;  // raised
  size_t resolved = 0;
};
// One line, for its end.
void append_counts(std::string& out, const InsightCounts& counts, size_t active,
                   uint64_t duration_ns);

}  // namespace kubepulse

#endif
