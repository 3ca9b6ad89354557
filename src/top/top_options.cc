#include "top/top_options.h"

#include <sys/un.h>

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "identity/http_url.h"

namespace kubepulse {

namespace {

constexpr uint64_t kIntervalMinMs = 100;
constexpr uint64_t kIntervalMaxMs = 3600000;
constexpr uint64_t kRowsMax = 100000;

using Problem = std::string;  // what would be accepted; "": it was

Problem set_switch(bool& place, std::string_view text) {
  place = text == "true" || text == "1";
  return place || text == "false" || text == "0" ? "" : "true or false, 1 or 0";
}

Problem set_url(TopOptions& options, std::string_view text) {
  auto url = page_url(text);
  if (!url.ok()) return url.status().message();
  options.url = std::move(url.value());
  return {};
}

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

struct Flag {
  const char* name;
  const char* value;     // as usage calls it; null: a switch
  const char* fallback;  // the default, as it would be given; null: none
  const char* help;
  Problem (*set)(TopOptions& options, std::string_view text);
};

constexpr Flag kFlags[] = {
    {"url", "URL", nullptr,
     "the daemon's page: http://HOST:PORT/metrics, HOST:PORT or unix:/path;\n"
     "without it that of 127.0.0.1:9090, else a daemon is started and ended with it",
     set_url},
    {"interval", "TIME", "1s", "between two pages, 100ms to 60m", set_interval},
    {"once", nullptr, nullptr, "print one table of one interval and end",
     [](TopOptions& o, std::string_view text) { return set_switch(o.once, text); }},
    {"json", nullptr, nullptr, "print one JSON object of one interval and end",
     [](TopOptions& o, std::string_view text) { return set_switch(o.json, text); }},
    {"sort", "KEY", "bytes", nullptr,
     [](TopOptions& o, std::string_view text) {
       return set_sort(o.controls.sort, text) ? Problem() : sort_names();
     }},
    {"reverse", nullptr, nullptr, "the other way around",
     [](TopOptions& o, std::string_view text) { return set_switch(o.controls.reverse, text); }},
    {"rows", "N", nullptr,
     "at most so many workloads, and flows; without it as many as fit,\n"
     "20 with --once, all with --json",
     set_rows},
    {"help", nullptr, nullptr, "show this and end; also -h",
     [](TopOptions& o, std::string_view text) { return set_switch(o.help, text); }},
};

const Flag* find_flag(std::string_view name) {
  for (const Flag& flag : kFlags)
    if (name == flag.name) return &flag;
  return nullptr;
}

Status refuse(const char* before, std::string_view word, std::string_view text,
              std::string_view after) {
  std::string message = "top: ";
  message += before;
  message += word;
  append_json_string(message, text);
  message += after;
  return Status::error(std::move(message));
}

}  // namespace

Result<std::string> page_url(std::string_view text) {
  constexpr std::string_view kUnix = "unix:/";
  if (text.substr(0, kUnix.size()) == kUnix &&
      text.size() - kUnix.size() + 1 < sizeof(sockaddr_un::sun_path))
    return std::string(text);
  std::string full(text);
  if (text.substr(0, 1) == ":") full.insert(0, "127.0.0.1");
  if (full.find("://") == full.npos) full.insert(0, "http://");
  auto url = HttpUrl::parse(full);
  if (!url.ok() || url.value().tls)
    return Status::error("http://HOST:PORT/metrics, HOST:PORT or unix:/path of at most 107 bytes");
  if (url.value().path.empty()) url.value().path = "/metrics";
  return url.value().text();
}

Result<TopOptions> parse_top_options(int argc, const char* const* argv) {
  TopOptions options;
  for (const Flag& flag : kFlags)
    if (flag.fallback != nullptr) flag.set(options, flag.fallback);
  for (int i = 1; i < argc; i++) {
    std::string_view word = argv[i];
    if (word == "-h") word = "--help";
    std::string_view text = word;
    std::string_view dashed = next_piece(text, '=');
    const Flag* flag = dashed.substr(0, 2) == "--" ? find_flag(dashed.substr(2)) : nullptr;
    if (flag == nullptr) return refuse("unknown ", "", word, "; see kubepulse top --help");
    bool has_text = dashed.size() < word.size();
    if (!has_text && flag->value == nullptr) text = "true";
    if (!has_text && flag->value != nullptr && i + 1 < argc && argv[i + 1][0] != '-')
      text = argv[++i];
    Problem accepted = text.empty() ? "a value" : flag->set(options, text);
    if (!accepted.empty())
      return refuse("", std::string(dashed) + "=", text, ": accepted is " + accepted);
    if (options.help) return options;
  }
  options.once = options.once || options.json;
  return options;
}

std::string top_usage() {
  std::string text =
      "usage: kubepulse top [FLAG...]\n"
      "Shows the busiest workloads and flows of a node, as its kubepulse counts them, drawn anew\n"
      "after each interval.\n\n";
  constexpr size_t kColumn = 20;
  for (const Flag& flag : kFlags) {
    std::string line = std::string("  --") + flag.name;
    if (flag.value != nullptr) line += std::string("=") + flag.value;
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    std::string help = flag.help != nullptr ? flag.help : "what comes first: " + sort_names();
    // The names of all orders need two lines.
    if (flag.help == nullptr) help[help.rfind(' ', 70)] = '\n';
    for (size_t at = 0; (at = help.find('\n', at)) != help.npos; at++)
      help.insert(at + 1, kColumn, ' ');
    text += line + help + '\n';
    if (flag.fallback != nullptr)
      text += std::string(kColumn, ' ') + "default: " + flag.fallback + '\n';
  }
  return text +
         "\nExit status: 0 ended as told, 1 no daemon could be asked or started, 2 a flag or a\n"
         "value is wrong. See also kubepulse(8).\n";
}

}  // namespace kubepulse
