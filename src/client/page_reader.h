// A page of metrics (Prometheus text 0.0.4) read line by line while it arrives, in pieces of any
// size. Pure; any bytes are safe. Only a line that a piece cuts in two is ever kept.
#ifndef KUBEPULSE_CLIENT_PAGE_READER_H
#define KUBEPULSE_CLIENT_PAGE_READER_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kubepulse {

// As it stands in the page; each part is read only by who wants it.
struct PageSample {
  std::string_view name;
  std::string_view labels;  // what is between the braces
  std::string_view value;
  std::string_view line;  // all of it, without its end
};

class PageReader {
 public:
  // Of all labels that a sample can have, each cut at 128 bytes and escaped, three times as much.
  static constexpr size_t kLineBytesMax = size_t{8} << 10;

  using Take = std::function<void(const PageSample&)>;

  using TakeComment = std::function<void(std::string_view line)>;

  explicit PageReader(Take take, TakeComment take_comment = nullptr)
      : take_(std::move(take)), take_comment_(std::move(take_comment)) {}

  // What is neither a comment nor a sample is passed over, and counted.
  void feed(std::string_view piece);
  // There is no further piece.
  void finish();

  uint64_t bad_lines() const { return bad_lines_; }

 private:
  void read_line(std::string_view line);

  Take take_;
  TakeComment take_comment_;  // null: nobody wants them
  std::string kept_;          // of a line that has no end yet
  bool too_long_ = false;     // it is passed over up to its end
  uint64_t bad_lines_ = 0;
};

// Labels one after the other: `name="value",...`; the value as it stands, still escaped.
class LabelReader {
 public:
  explicit LabelReader(std::string_view labels) : rest_(labels) {}
  // False at the end, and where what follows is no label.
  bool next(std::string_view& name, std::string_view& value);

 private:
  std::string_view rest_;
};

// Without \\, \" and \n.
std::string unescape_label(std::string_view value);

// "1", "0.25", "1e-9", "+Inf"; not NaN. Up to 19 digits, without locale.
std::optional<double> parse_value(std::string_view text);

}  // namespace kubepulse

#endif
