// What `kubepulse top` shows: lines for a screen of any size, or one text. Pure.
#ifndef KUBEPULSE_TOP_VIEW_H
#define KUBEPULSE_TOP_VIEW_H

#include <cstddef>
#include <string>
#include <vector>

#include "top/controls.h"
#include "top/growth.h"

namespace kubepulse {

struct View {
  const Growth* growth = nullptr;  // null: there are no two pages yet
  std::string from;                // who is asked
  std::string trouble;             // why nothing new comes; "": it comes
  Controls controls;
  size_t rows_max = 0;  // of each table; 0: no bound
};

struct ScreenLine {
  std::string text;  // printable ASCII, at most as wide as the screen
  bool heading = false;
};

// At most `height` lines.
std::vector<ScreenLine> screen_lines(const View& view, size_t width, size_t height);

// As wide as it needs; lines are ended. Only where there is a growth.
std::string table_text(const View& view);

// In the order asked for, the first `rows_max` of them (0: all). Flows by their bytes, or by name.
std::vector<const RowGrowth*> sorted_workloads(const View& view, size_t rows_max);
std::vector<const RowGrowth*> sorted_flows(const View& view, size_t rows_max);

}  // namespace kubepulse

#endif
