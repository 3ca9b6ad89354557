// What `kubepulse top --json` prints: one object on one line, which is ended. Pure.
#ifndef KUBEPULSE_TOP_REPORT_JSON_H
#define KUBEPULSE_TOP_REPORT_JSON_H

#include <cstdint>
#include <string>

#include "top/view.h"

namespace kubepulse {

// Numbers are of the interval, raw: growth, and beside it the same a second. Names are whole.
// `realtime_ns`: when the later page came.
std::string report_json(const View& view, uint64_t realtime_ns);

}  // namespace kubepulse

#endif
