// Columns of text in a given width: names in front, which are cut where there is no room, and
// figures behind them, of which the last go first. Pure.
#ifndef KUBEPULSE_TOP_TEXT_TABLE_H
#define KUBEPULSE_TOP_TEXT_TABLE_H

#include <cstddef>
#include <string>
#include <vector>

namespace kubepulse {

struct TextTable {
  struct Column {
    const char* heading;
    size_t width_min;    // of a name, before a figure goes for it; of a figure its width
    bool figure = true;  // at the right of its column
  };

  std::vector<Column> columns;                 // names before figures
  std::vector<std::vector<std::string>> rows;  // a text for each column, printable ASCII

  // The heading and the rows, none wider than `width`; 0: as wide as they need.
  std::vector<std::string> lines(size_t width) const;
};

}  // namespace kubepulse

#endif
