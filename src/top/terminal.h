// The screen and the keys of a terminal: plain ANSI, the alternate screen. What was found is
// restored by leave(), which the end of it calls.
#ifndef KUBEPULSE_TOP_TERMINAL_H
#define KUBEPULSE_TOP_TERMINAL_H

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "base/status.h"
#include "top/view.h"

namespace kubepulse {

class Terminal {
 public:
  static constexpr size_t kWidthMax = 512, kHeightMax = 512;

  // `loop` outlives it. Neither descriptor is owned; keys only where `in` is a terminal.
  Terminal(Loop& loop, int in, int out);
  ~Terminal() { leave(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void enter();
  void leave();

  struct Size {
    size_t width = 80, height = 24;
  };
  Size size() const;

  // Nothing is cleared first, so that nothing flickers. While a slow terminal has not taken what
  // was drawn before it does nothing, and is_behind().
  void draw(const std::vector<ScreenLine>& lines);
  bool is_behind() const { return !pending_.empty(); }

 private:
  void put(std::string_view text);
  void flush();

  Loop& loop_;
  int in_, out_;
  Fd own_;  // the terminal once more, which we may write without being held up
  bool entered_ = false;
  bool has_mode_ = false;
  bool waiting_ = false;
  termios mode_{};  // as it was
  std::string pending_;
};

// What is to be written for these lines; the cursor starts at home.
std::string screen_text(const std::vector<ScreenLine>& lines);

}  // namespace kubepulse

#endif
