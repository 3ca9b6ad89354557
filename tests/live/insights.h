// What GET /insights answers, read by the tests' own reader.
#ifndef KUBEPULSE_TESTS_LIVE_INSIGHTS_H
#define KUBEPULSE_TESTS_LIVE_INSIGHTS_H

#include <string>
#include <vector>

#include "tests/live/harness.h"
#include "tests/live/text_checks.h"

namespace kubepulse::live {

using Insights = std::vector<JsonFields>;

Insights insights(const Daemon& daemon);

// Null where there is none; of any type where that is "".
const JsonFields* find(const Insights& all, const Owner& owner, const std::string& type = "");

// "type severity,..." of one pod, in alphabetical order.
std::string types_of(const Insights& all, const Owner& owner);

}  // namespace kubepulse::live

#endif
