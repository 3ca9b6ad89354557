#include "top/text_table.h"

#include <algorithm>

#include "top/figure_text.h"

namespace kubepulse {

namespace {

// How wide each column is; fewer than there are, where not all have room.
std::vector<size_t> find_widths(const TextTable& table, size_t width) {
  std::vector<size_t> widths, wanted;
  size_t used = 0;
  for (size_t i = 0; i < table.columns.size(); i++) {
    const TextTable::Column& column = table.columns[i];
    size_t gap = i == 0 ? 0 : 1;
    if (column.figure && width > 0 && used + gap + column.width_min > width) break;
    used += gap + column.width_min;
    widths.push_back(column.width_min);
    wanted.push_back(column.width_min);
    for (const std::vector<std::string>& row : table.rows)
      if (!column.figure) wanted[i] = std::max(wanted[i], row[i].size());
  }
  for (size_t i = 0; i < widths.size(); i++) {
    size_t more = wanted[i] - widths[i];
    if (width > 0) more = std::min(more, width - std::min(width, used));
    widths[i] += more;
    used += more;
  }
  return widths;
}

}  // namespace

std::vector<std::string> TextTable::lines(size_t width) const {
  std::vector<size_t> widths = find_widths(*this, width);
  std::vector<std::string> lines;
  for (size_t number = 0; number <= rows.size(); number++) {
    std::string line;
    for (size_t i = 0; i < widths.size(); i++) {
      if (i > 0) line += ' ';
      std::string cell = number == 0 ? columns[i].heading : rows[number - 1][i];
      if (!columns[i].figure) cell = cut_name(cell, widths[i]);
      size_t gap = widths[i] - std::min(widths[i], cell.size());
      if (columns[i].figure) line.append(gap, ' ');
      line += cell;
      if (!columns[i].figure && i + 1 < widths.size()) line.append(gap, ' ');
    }
    if (width > 0 && line.size() > width) line.resize(width);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kubepulse
