#include "top/text_table.h"

#include <algorithm>
#include <cstring>

namespace kubepulse {

namespace {

void append_right(std::string& line, const char* text) {
  size_t size = strlen(text);
  line.append(1 + TextTable::kFigureWidth - std::min(TextTable::kFigureWidth, size), ' ');
  line.append(text, size);
}

}  // namespace

std::vector<std::string> TextTable::lines(size_t width) const {
  size_t widths[kNames], used = 1 + 2 * name_width_min, count = 0;
  for (; count < kFiguresMax && figures[count] != nullptr; count++) {
    if (width > 0 && used + 1 + kFigureWidth > width) break;
    used += 1 + kFigureWidth;
  }
  for (size_t i = 0; i < kNames; i++) {
    size_t wanted = name_width_min;
    for (const Row& row : rows)
      wanted = std::max(wanted, row.names[i].size());
    size_t more = wanted - name_width_min;
    if (width > 0) more = std::min(more, width - std::min(width, used));
    widths[i] = name_width_min + more;
    used += more;
  }
  std::vector<std::string> lines;
  for (size_t number = 0; number <= rows.size(); number++) {
    const Row* row = number == 0 ? nullptr : &rows[number - 1];
    std::string line;
    for (size_t i = 0; i < kNames; i++) {
      line += row == nullptr ? names[i] : cut_name(row->names[i], widths[i]);
      size_t end = widths[0] + (i == 0 ? 1 : 1 + widths[1]);
      line.resize(end, ' ');
    }
    for (size_t i = 0; i < count; i++)
      append_right(line, row == nullptr ? figures[i] : row->figures[i].text);
    if (width > 0 && line.size() > width) line.resize(width);
    line.resize(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kubepulse
