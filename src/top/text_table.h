// Columns of text in a given width: names in front, which are cut where there is no room, and
// figures behind them, of which the last go first. Pure.
#ifndef KUBEPULSE_TOP_TEXT_TABLE_H
#define KUBEPULSE_TOP_TEXT_TABLE_H

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "top/figure_text.h"

namespace kubepulse {

struct TextTable {
  static constexpr size_t kNames = 2, kFiguresMax = 11, kFigureWidth = 6;

  struct Row {
    std::string names[kNames];  // printable ASCII
    std::array<FigureText, kFiguresMax> figures;
  };

  const char* names[kNames];
  size_t name_width_min;             // before a figure goes for it
  const char* figures[kFiguresMax];  // headings; null behind the last one
  std::vector<Row> rows;

  // The heading and the rows, none wider than `width`; 0: as wide as they need.
  std::vector<std::string> lines(size_t width) const;
};

}  // namespace kubepulse

#endif
