// What to do about an insight: for somebody to read, judge and run. Nothing here runs anything.
// Pure.
#ifndef KUBEPULSE_INSIGHT_ACTIONS_H
#define KUBEPULSE_INSIGHT_ACTIONS_H

#include <cstdint>
#include <string>
#include <vector>

#include "insight/insight_table.h"

namespace kubepulse {

enum class Risk : uint8_t {
  none,    // it only looks
  low,     // what is running goes on
  medium,  // it restarts what it is about, in an orderly way
  high,    // something is lost
};
const char* risk_name(Risk risk);

struct Action {
  const char* what;     // static text
  std::string command;  // "" where there is none that fits, or its names cannot be shown
  Risk risk;
  const char* effect;  // static text
};

constexpr size_t kActionsMax = 4;

// The one that helps first, then those that tell more; at most kActionsMax.
std::vector<Action> actions_for(const Insight& insight);

// A limit that would have been enough for what was seen: a quarter more than the highest, and what
// is to come within an hour where it grows; one and a half of the old one where the kernel has
// killed, at most twice, for beyond that it is not the limit that is wrong. Rounded up to a number
// of MiB that reads well. 0: nobody can say.
uint64_t suggested_memory_limit(const Insight& insight);

// In thousandths of a CPU: what it would have used, had nothing held it back, and a quarter more;
// and of the old one a quarter more at least, for means hide bursts, and four times at most. 0:
// nobody knows the old one.
uint64_t suggested_cpu_limit(const Insight& insight);

}  // namespace kubepulse

#endif
