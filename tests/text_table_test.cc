#include "top/text_table.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string drawn(size_t width) {
  TextTable table{{"A", "NAME"}, 6, {"X/S", "Y/S", nullptr}, {}};
  table.rows.push_back({{"a", "a-longer-name"}, {FigureText{"1"}, FigureText{"22.5k"}}});
  table.rows.push_back({{"somewhere", "b"}, {FigureText{"-"}, FigureText{"0"}}});
  std::string text;
  for (const std::string& line : table.lines(width)) {
    ck_assert(width == 0 || line.size() <= width);
    text += line + "\n";
  }
  return text;
}

START_TEST(as_wide_as_it_needs) {
  CHECK_TEXT(drawn(0),
             "A         NAME             X/S    Y/S\n"
             "a         a-longer-name      1  22.5k\n"
             "somewhere b                  -      0\n");
  CHECK_TEXT(drawn(200), drawn(0));
}
END_TEST

// Names are cut before a figure goes, the last figure goes first.
START_TEST(narrow) {
  CHECK_TEXT(drawn(30),
             "A         NAME      X/S    Y/S\n"
             "a         a-lon+      1  22.5k\n"
             "somewhere b           -      0\n");
  CHECK_TEXT(drawn(27),
             "A      NAME      X/S    Y/S\n"
             "a      a-lon+      1  22.5k\n"
             "somew+ b           -      0\n");
  CHECK_TEXT(drawn(26),
             "A         NAME         X/S\n"
             "a         a-longer+      1\n"
             "somewhere b              -\n");
  CHECK_TEXT(drawn(13),
             "A      NAME\n"
             "a      a-lon+\n"
             "somew+ b\n");
  CHECK_TEXT(drawn(3), "A\na\nsom\n");
}
END_TEST

}  // namespace

CHECK_MAIN("text_table", as_wide_as_it_needs, narrow)
