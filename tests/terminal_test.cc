#include "top/terminal.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Each line is cleared behind its end, not before: nothing flickers.
START_TEST(drawn) {
  CHECK_TEXT(screen_text({{"first", false}, {"HEAD", true}, {"", false}}),
             "\x1b[Hfirst\x1b[K\r\n\x1b[7mHEAD\x1b[0m\x1b[K\r\n\x1b[K\x1b[J");
  CHECK_TEXT(screen_text({}), "\x1b[H\x1b[J");
}
END_TEST

// Where there is no terminal there is a usual size, and nothing is changed.
START_TEST(no_terminal) {
  int ends[2];
  ck_assert(pipe(ends) == 0);
  Fd in(ends[0]), out(ends[1]);
  auto loop = Loop::create();
  Terminal terminal(loop.value(), in.get(), out.get());
  ck_assert(terminal.size().width == 80 && terminal.size().height == 24);
  terminal.draw({{"unseen", false}});
  terminal.enter();
  terminal.draw({{"seen", false}});
  terminal.leave();
  terminal.leave();
  char text[256];
  ssize_t got = read(in.get(), text, sizeof text);
  CHECK_TEXT(std::string(text, static_cast<size_t>(got)),
             "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J\x1b[Hseen\x1b[K\x1b[J"
             "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l");
}
END_TEST

// A terminal that takes nothing holds nobody up; when it does again, what was cut off goes on.
START_TEST(slow_terminal) {
  int ends[2];
  ck_assert(pipe(ends) == 0);
  Fd in(ends[0]), out(ends[1]);
  auto loop = Loop::create();
  Terminal terminal(loop.value(), in.get(), out.get());
  terminal.enter();
  std::string line(500, 'x');
  for (int i = 0; i < 1000 && !terminal.is_behind(); i++)
    terminal.draw({{line, false}});
  ck_assert(terminal.is_behind());
  terminal.draw({{"skipped", false}});
  std::string all;
  char text[4096];
  while (terminal.is_behind()) {
    all.append(text, static_cast<size_t>(read(in.get(), text, sizeof text)));
    CHECK_OK(loop.value().turn(0));
  }
  terminal.leave();
  out.reset();
  while (all.find("\x1b[?1049l") == all.npos)
    all.append(text, static_cast<size_t>(read(in.get(), text, sizeof text)));
  ck_assert(all.find("skipped") == all.npos);
  // Only whole screens between the beginning and the end.
  std::string one = screen_text({{line, false}});
  size_t at = all.find("\x1b[2J") + 4;
  for (; all.compare(at, one.size(), one) == 0; at += one.size())
    continue;
  CHECK_TEXT(all.substr(at), "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l");
}
END_TEST

}  // namespace

CHECK_MAIN("terminal", drawn, no_terminal, slow_terminal)
