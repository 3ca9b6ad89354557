#include "top/top_options.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "client/flags.h"

namespace kubepulse {

namespace {

constexpr uint64_t kIntervalMinMs = 100;
constexpr uint64_t kIntervalMaxMs = 3600000;
constexpr uint64_t kRowsMax = 100000;

Problem set_interval(TopOptions& options, std::string_view text) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string_view unit = text.substr(digits);
  uint64_t unit_ms = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60000 : 0;
  std::optional<uint64_t> count = parse_number(text.substr(0, digits), kIntervalMaxMs);
  uint64_t ms = count.value_or(0) * unit_ms;
  if (ms < kIntervalMinMs || ms > kIntervalMaxMs)
    return "a time from 100ms to 60m, such as 500ms, 1s or 1m";
  options.interval_ns = ms * kNsPerMs;
  return {};
}

Problem set_rows(TopOptions& options, std::string_view text) {
  options.rows_max = parse_number(text, kRowsMax).value_or(0);
  return options.rows_max > 0 ? "" : "a number from 1 to 100000";
}

constexpr ClientFlag<TopOptions> kFlags[] = {
    {{"url", "URL", nullptr,
      "the daemon's page: http://HOST:PORT/metrics, HOST:PORT or unix:/path;\n"
      "without it that of 127.0.0.1:9090, else a daemon is started and ended with it"},
     [](TopOptions& o, std::string_view text) { return set_page_url(o.url, text); }},
    {{"interval", "TIME", "1s", "between two pages, 100ms to 60m"}, set_interval},
    {{"once", nullptr, nullptr, "print one table of one interval and end"},
     [](TopOptions& o, std::string_view text) { return set_switch(o.once, text); }},
    {{"json", nullptr, nullptr, "print one JSON object of one interval and end"},
     [](TopOptions& o, std::string_view text) { return set_switch(o.json, text); }},
    {{"sort", "KEY", "bytes", nullptr},
     [](TopOptions& o, std::string_view text) {
       return set_sort(o.controls.sort, text) ? Problem() : sort_names();
     }},
    {{"reverse", nullptr, nullptr, "the other way around"},
     [](TopOptions& o, std::string_view text) { return set_switch(o.controls.reverse, text); }},
    {{"rows", "N", nullptr,
      "at most so many workloads, and flows; without it as many as fit,\n"
      "20 with --once, all with --json"},
     set_rows},
    {{"help", nullptr, nullptr, "show this and end; also -h", 'h'},
     [](TopOptions& o, std::string_view text) { return set_switch(o.help, text); }},
};

}  // namespace

Result<TopOptions> parse_top_options(int argc, const char* const* argv) {
  auto options = parse_flags("top", kFlags, argc, argv);
  if (options.ok()) options.value().once = options.value().once || options.value().json;
  return options;
}

std::string top_usage() {
  // The names of all orders need two lines.
  std::string sorts = "what comes first: " + sort_names();
  sorts[sorts.rfind(' ', 70)] = '\n';
  std::vector<FlagText> flags = texts_of(kFlags);
  for (FlagText& flag : flags)
    if (flag.help == nullptr) flag.help = sorts.c_str();
  return "usage: kubepulse top [FLAG...]\n"
         "Shows the busiest workloads and flows of a node, as its kubepulse counts them, drawn "
         "anew\nafter each interval.\n\n" +
         flags_usage(flags) +
         "\nExit status: 0 ended as told, 1 no daemon could be asked or started, 2 a flag or a\n"
         "value is wrong. See also kubepulse(8).\n";
}

}  // namespace kubepulse
