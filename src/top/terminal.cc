#include "top/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

namespace kubepulse {

namespace {

// The alternate screen, no cursor, no wrapping at the right margin; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr int kLeaveMs = 200;  // that a terminal has to take the rest

}  // namespace

std::string screen_text(const std::vector<ScreenLine>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); i++) {
    if (i > 0) text += "\r\n";
    if (lines[i].heading) text += "\x1b[7m";
    text += lines[i].text;
    if (lines[i].heading) text += "\x1b[0m";
    text += "\x1b[K";
  }
  return text + "\x1b[J";
}

Terminal::Terminal(Loop& loop, int in, int out) : loop_(loop), in_(in), out_(out) {
  std::string path = "/proc/self/fd/" + std::to_string(out);
  own_ = Fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

void Terminal::enter() {
  if (entered_) return;
  entered_ = true;
  has_mode_ = isatty(in_) != 0 && tcgetattr(in_, &mode_) == 0;
  if (has_mode_) {
    termios raw = mode_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(in_, TCSANOW, &raw);
  }
  put(kEnter);
}

void Terminal::leave() {
  if (!entered_) return;
  entered_ = false;
  put(kLeave);
  pollfd ready{own_.get(), POLLOUT, 0};
  while (is_behind() && poll(&ready, 1, kLeaveMs) > 0 && (ready.revents & POLLOUT) != 0)
    flush();
  pending_.clear();
  if (waiting_) loop_.forget(own_.get());
  waiting_ = false;
  if (has_mode_) tcsetattr(in_, TCSANOW, &mode_);
}

Terminal::Size Terminal::size() const {
  winsize told{};
  Size size;
  if (ioctl(out_, TIOCGWINSZ, &told) != 0 || told.ws_col == 0 || told.ws_row == 0) return size;
  size.width = std::min<size_t>(told.ws_col, kWidthMax);
  size.height = std::min<size_t>(told.ws_row, kHeightMax);
  return size;
}

void Terminal::draw(const std::vector<ScreenLine>& lines) {
  if (entered_ && !is_behind()) put(screen_text(lines));
}

void Terminal::put(std::string_view text) {
  pending_ += text;
  flush();
}

void Terminal::flush() {
  while (!pending_.empty()) {
    // Without one of our own the terminal may hold us up.
    ssize_t done = write(own_ ? own_.get() : out_, pending_.data(), pending_.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN && own_) break;
    if (done <= 0) {
      pending_.clear();  // it is gone: SIGHUP tells
      break;
    }
    pending_.erase(0, static_cast<size_t>(done));
  }
  bool wait = !pending_.empty() && entered_;
  if (wait == waiting_) return;
  waiting_ = wait;
  if (!wait)
    loop_.forget(own_.get());
  else if (!loop_.watch(own_.get(), EPOLLOUT, [this](uint32_t) { flush(); }).ok())
    waiting_ = false;
}

}  // namespace kubepulse
