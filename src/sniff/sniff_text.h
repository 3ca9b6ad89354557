// Insights for people, as `sniff -o text` shows them. Pure; any bytes in names are safe on a
// terminal.
#ifndef KUBEPULSE_SNIFF_SNIFF_TEXT_H
#define KUBEPULSE_SNIFF_SNIFF_TEXT_H

#include <cstddef>
#include <cstdint>
#include <string>

#include "sniff/insight_page.h"

namespace kubepulse {

// What and whom, the summary, the evidence, what explains it, what to do. Several lines, the last
// one empty. `cause` is what insight.cause names; or null.
void append_raised(std::string& out, const ToldInsight& insight, const ToldInsight* cause,
                   bool color);
// One line: it is over. `now_ns` is the wall clock's.
void append_resolved(std::string& out, const ToldInsight& insight, uint64_t now_ns, bool color);

// What sniff has shown.
struct InsightCounts {
  size_t critical = 0, warning = 0;  // raised
  size_t resolved = 0;
  size_t lost = 0;  // beyond a bound, of one answer
};
// One line, for its end. Without a duration it looked once.
void append_counts(std::string& out, const InsightCounts& counts, size_t active,
                   uint64_t duration_ns);

}  // namespace kubepulse

#endif
