#include "top/controls.h"

#include <iterator>

namespace kubepulse {

Controls::Effect Controls::press(char key) {
  // "\x1b[A", "\x1bOA", "\x1b[5~": introduced, then parameters, then one final letter.
  if (escape_ == Escape::begun) {
    escape_ = key == '[' || key == 'O' ? Escape::sequence : Escape::none;
    return Effect::none;
  }
  if (escape_ == Escape::sequence) {
    if (key >= '@' && key <= '~') escape_ = Escape::none;
    return Effect::none;
  }
  if (key == '\x1b') {
    escape_ = Escape::begun;
    return Effect::none;
  }
  for (const SortKey& each : kSortKeys)
    if (key == each.key) {
      sort = each.by;
      return Effect::redraw;
    }
  switch (key) {
    case 'q':
    case 'Q':
    case '\x03':  // Ctrl-C, where the terminal makes no signal of it
      return Effect::quit;
    case 'r':
      reverse = !reverse;
      return Effect::redraw;
    case ' ':
      paused = !paused;
      return Effect::redraw;
    case 'h':
    case '?':
      help = !help;
      return Effect::redraw;
    case '\x0c':  // Ctrl-L
      return Effect::redraw;
    default:
      return Effect::none;
  }
}

const char* sort_name(SortBy by) {
  return kSortKeys[static_cast<size_t>(by)].name;
}

bool set_sort(SortBy& by, std::string_view name) {
  for (const SortKey& each : kSortKeys)
    if (name == each.name) {
      by = each.by;
      return true;
    }
  return false;
}

std::string sort_names() {
  std::string names;
  for (size_t i = 0; i < std::size(kSortKeys); i++) {
    if (i > 0) names += i + 1 < std::size(kSortKeys) ? ", " : " or ";
    names += kSortKeys[i].name;
  }
  return names;
}

}  // namespace kubepulse
