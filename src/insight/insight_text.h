// Insights for people. Pure; any bytes in names are safe on a terminal.
#ifndef KUBEPULSE_INSIGHT_INSIGHT_TEXT_H
#define KUBEPULSE_INSIGHT_INSIGHT_TEXT_H

#include <string>

#include "insight/insight_table.h"

namespace kubepulse {

// One sentence, without subject and line's end: "memory reaches its limit in 3 min 20 s (2 min 30 s
// to 5 min), 83 % likely".
void append_summary(std::string& out, const Insight& insight);

// "1.5 GiB", "3 min 20 s", "83 %", "12".
void append_quantity(std::string& out, double value, Unit unit);

}  // namespace kubepulse

#endif
