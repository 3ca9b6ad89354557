// Is a text what it claims to be? Readers of the tests' own, independent of the daemon's writers.
#ifndef KUBEPULSE_TESTS_LIVE_TEXT_CHECKS_H
#define KUBEPULSE_TESTS_LIVE_TEXT_CHECKS_H

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse::live {

bool is_utf8(std::string_view text);

// One JSON object without nested ones: by key the decoded strings, and other values as they stand.
using JsonFields = std::map<std::string, std::string>;
Result<JsonFields> parse_json_object(std::string_view text);

// The same where nested objects and arrays may be; they too are given as they stand, to be read in
// turn.
Result<JsonFields> parse_nested_json_object(std::string_view text);
Result<std::vector<std::string>> parse_json_array(std::string_view text);

// Each line of a log must be such an object. A last line without an end is still being written and
// left out.
Result<std::vector<JsonFields>> parse_json_lines(std::string_view text);

// What gzip made of a text.
Result<std::string> gunzip(std::string_view compressed);

}  // namespace kubepulse::live

#endif
