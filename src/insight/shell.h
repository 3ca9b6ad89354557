// Commands for people to copy into a shell. Pure.
#ifndef KUBEPULSE_INSIGHT_SHELL_H
#define KUBEPULSE_INSIGHT_SHELL_H

#include <string>
#include <string_view>

namespace kubepulse {

// One command, made word by word. Each word reaches the program as it is, whatever is in it, in any
// shell of POSIX: what is not harmless is quoted.
class Command {
 public:
  explicit Command(std::string_view program) { add("", program); }

  Command& word(std::string_view text) {
    add("", text);
    return *this;
  }
  // "--name=value", so that no value is taken for another option; `name` is harmless.
  Command& option(std::string_view name, std::string_view value) {
    add(name, value);
    return *this;
  }

  // "" where a word cannot be shown in one line: with control characters, or no UTF-8. Who copies
  // it has to see what he runs.
  std::string text() const { return is_shown_ ? text_ : std::string(); }

 private:
  void add(std::string_view prefix, std::string_view text);

  std::string text_;
  bool is_shown_ = true;
};

}  // namespace kubepulse

#endif
