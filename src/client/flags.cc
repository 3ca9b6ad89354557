#include "client/flags.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "client/page_url.h"

namespace kubepulse {

namespace {

constexpr size_t kNameBytesMax = 64;  // of what is compared with names

bool is_called(const FlagText& flag, std::string_view word) {
  if (flag.letter != 0 && word.size() >= 2 && word[0] == '-' && word[1] == flag.letter)
    return word.size() == 2 || flag.value != nullptr;
  return word.substr(0, 2) == "--" && word.substr(2, word.find('=') - 2) == flag.name;
}

Status refuse_word(const char* command, const std::vector<FlagText>& flags, std::string_view word) {
  std::string message = command;
  message += ": unknown ";
  append_json_string(message, word);
  std::string_view name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  name = name.substr(0, std::min(name.find('='), kNameBytesMax));
  auto nearest =
      std::min_element(flags.begin(), flags.end(), [name](const FlagText& a, const FlagText& b) {
        return edit_distance(name, a.name) < edit_distance(name, b.name);
      });
  // What is nearest to a word of another language is no help.
  bool is_near =
      word.substr(0, 1) == "-" && edit_distance(name, nearest->name) <= 1 + name.size() / 3;
  if (is_near) message += std::string("; did you mean --") + nearest->name + '?';
  message += is_near ? " See" : "; see";
  return Status::error(message + " kubepulse " + command + " --help");
}

}  // namespace

Problem set_switch(bool& place, std::string_view text) {
  place = text == "true" || text == "1";
  return place || text == "false" || text == "0" ? "" : "true or false, 1 or 0";
}

Problem set_page_url(std::string& place, std::string_view text) {
  auto url = page_url(text);
  if (!url.ok()) return url.status().message();
  place = std::move(url.value());
  return {};
}

Result<size_t> next_flag(const char* command, const std::vector<FlagText>& flags, int argc,
                         const char* const* argv, int& at, std::string_view& text) {
  std::string_view word = argv[at++];
  auto flag = std::find_if(flags.begin(), flags.end(),
                           [word](const FlagText& each) { return is_called(each, word); });
  if (flag == flags.end()) return refuse_word(command, flags, word);
  bool is_long = word[1] == '-';
  size_t end = is_long ? word.find('=') : word.size() > 2 ? 1 : word.npos;
  if (end != word.npos)
    text = word.substr(end + 1);
  else if (flag->value == nullptr)
    text = "true";
  else if (at < argc && argv[at][0] != '-')
    text = argv[at++];
  return static_cast<size_t>(flag - flags.begin());
}

Status refuse_value(const char* command, const FlagText& flag, std::string_view text,
                    const Problem& accepted) {
  std::string message = std::string(command) + ": --" + flag.name + '=';
  append_json_string(message, text);
  return Status::error(message + ": accepted is " + accepted);
}

std::string flags_usage(const std::vector<FlagText>& flags) {
  constexpr size_t kColumn = 20;
  std::string text;
  for (const FlagText& flag : flags) {
    std::string line = std::string("  --") + flag.name;
    if (flag.value != nullptr) line += std::string("=") + flag.value;
    line.resize(std::max(line.size() + 2, kColumn), ' ');
    std::string help = flag.help;
    for (size_t at = 0; (at = help.find('\n', at)) != help.npos; at++)
      help.insert(at + 1, kColumn, ' ');
    text += line + help + '\n';
    if (flag.fallback != nullptr)
      text += std::string(kColumn, ' ') + "default: " + flag.fallback + '\n';
  }
  return text;
}

}  // namespace kubepulse
