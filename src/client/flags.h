// The flags of a subcommand: one table drives parsing, defaults and usage. Pure.
#ifndef KUBEPULSE_CLIENT_FLAGS_H
#define KUBEPULSE_CLIENT_FLAGS_H

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace kubepulse {

using Problem = std::string;  // what would be accepted; "": it was

// What is said of a flag.
struct FlagText {
  const char* name;
  const char* value;     // as usage calls it; null: a switch
  const char* fallback;  // the default, as it would be given; null: none
  const char* help;      // lines of at most 80 columns
  char letter = 0;       // "-o" is the same; 0: there is none
};

template <typename Options>
struct ClientFlag {
  FlagText text;
  Problem (*set)(Options& options, std::string_view text);
};

// "true", "1", "false" or "0".
Problem set_switch(bool& place, std::string_view text);
// Whatever page_url() takes.
Problem set_page_url(std::string& place, std::string_view text);

// The index of the flag that argv[at] is; `text` is its value, and `at` is left behind both.
Result<size_t> next_flag(const char* command, const std::vector<FlagText>& flags, int argc,
                         const char* const* argv, int& at, std::string_view& text);
Status refuse_value(const char* command, const FlagText& flag, std::string_view text,
                    const Problem& accepted);

// One flag after the other, for --help; each line ended.
std::string flags_usage(const std::vector<FlagText>& flags);

template <typename Options, size_t N>
std::vector<FlagText> texts_of(const ClientFlag<Options> (&flags)[N]) {
  std::vector<FlagText> texts;
  for (const ClientFlag<Options>& flag : flags)
    texts.push_back(flag.text);
  return texts;
}

// `argv[0]` is not looked at. An error is one line that names the flag, its value, and what is
// accepted. What stands behind a flag that sets `help` is not looked at.
template <typename Options, size_t N>
Result<Options> parse_flags(const char* command, const ClientFlag<Options> (&flags)[N], int argc,
                            const char* const* argv) {
  Options options;
  for (const ClientFlag<Options>& flag : flags)
    if (flag.text.fallback != nullptr) flag.set(options, flag.text.fallback);
  std::vector<FlagText> texts = texts_of(flags);
  for (int at = 1; at < argc && !options.help;) {
    std::string_view text;
    auto found = next_flag(command, texts, argc, argv, at, text);
    if (!found.ok()) return found.status();
    const ClientFlag<Options>& flag = flags[found.value()];
    Problem accepted = text.empty() ? "a value" : flag.set(options, text);
    if (!accepted.empty()) return refuse_value(command, flag.text, text, accepted);
  }
  return options;
}

}  // namespace kubepulse

#endif
