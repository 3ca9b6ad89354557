#include "client/page_reader.h"

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr int kExponentMax = 400;  // beyond that a double is 0 or infinite

// Where the braces end that open at `at`; npos: nowhere. A brace may stand in a value.
size_t end_of_labels(std::string_view line, size_t at) {
  bool quoted = false;
  for (size_t i = at + 1; i < line.size(); i++) {
    char c = line[i];
    if (quoted && c == '\\')
      i++;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == '}')
      return i;
  }
  return line.npos;
}

double scale(double value, int exponent) {
  double factor = 1;
  for (int left = std::abs(exponent); left > 0; left--)
    factor *= 10;
  return exponent < 0 ? value / factor : value * factor;
}

// "e-9" and "E+9"; nothing where it is none, or beyond all doubles.
std::optional<int> parse_exponent(std::string_view text) {
  text.remove_prefix(1);
  bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  std::optional<uint64_t> digits = parse_number(text, kExponentMax);
  if (!digits) return std::nullopt;
  return negative ? -static_cast<int>(*digits) : static_cast<int>(*digits);
}

}  // namespace

void PageReader::feed(std::string_view piece) {
  while (!piece.empty()) {
    size_t end = piece.find('\n');
    std::string_view part = piece.substr(0, end);
    bool whole = end != piece.npos;
    piece.remove_prefix(whole ? end + 1 : piece.size());
    too_long_ = too_long_ || kept_.size() + part.size() > kLineBytesMax;
    if (too_long_) {
      kept_.clear();
      bad_lines_ += whole ? 1 : 0;
      too_long_ = !whole;
    } else if (!whole) {
      kept_ += part;
    } else if (kept_.empty()) {
      read_line(part);
    } else {
      kept_ += part;
      read_line(kept_);
      kept_.clear();
    }
  }
}

void PageReader::finish() {
  if (too_long_) bad_lines_++;
  if (!kept_.empty()) read_line(kept_);
  kept_.clear();
  too_long_ = false;
}

void PageReader::read_line(std::string_view line) {
  if (line.empty()) return;
  if (line[0] == '#') {
    if (take_comment_) take_comment_(line);
    return;
  }
  PageSample sample;
  sample.line = line;
  size_t end = std::min(line.find_first_of("{ "), line.size());
  sample.name = line.substr(0, end);
  if (end < line.size() && line[end] == '{') {
    size_t close = end_of_labels(line, end);
    if (close == line.npos) {
      bad_lines_++;
      return;
    }
    sample.labels = line.substr(end + 1, close - end - 1);
    end = close + 1;
  }
  std::string_view rest = trim_blanks(line.substr(std::min(end, line.size())));
  sample.value = next_piece(rest, ' ');  // a timestamp may follow
  if (sample.name.empty() || sample.value.empty())
    bad_lines_++;
  else
    take_(sample);
}

bool LabelReader::next(std::string_view& name, std::string_view& value) {
  size_t equals = rest_.find("=\"");
  if (equals == rest_.npos) return false;
  name = rest_.substr(0, equals);
  rest_.remove_prefix(equals + 2);
  for (size_t i = 0; i < rest_.size(); i++) {
    if (rest_[i] == '\\') {
      i++;
    } else if (rest_[i] == '"') {
      value = rest_.substr(0, i);
      rest_.remove_prefix(i + 1);
      if (!rest_.empty() && rest_[0] == ',') rest_.remove_prefix(1);
      return true;
    }
  }
  rest_ = {};
  return false;
}

std::string unescape_label(std::string_view value) {
  std::string text;
  for (size_t i = 0; i < value.size(); i++) {
    bool escaped = value[i] == '\\' && i + 1 < value.size();
    if (escaped) i++;
    text += escaped && value[i] == 'n' ? '\n' : value[i];
  }
  return text;
}

std::optional<double> parse_value(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  std::string_view digits = text.substr(0, std::min(text.find_first_of("eE"), text.size()));
  std::string_view tail = text.substr(digits.size());
  int exponent = 0;
  if (!tail.empty()) {
    std::optional<int> told = parse_exponent(tail);
    if (!told) return std::nullopt;
    exponent = *told;
  }
  uint64_t number = 0;
  size_t taken = 0;
  bool point = false;
  for (char c : digits) {
    bool digit = c >= '0' && c <= '9';
    if (!digit && (c != '.' || point)) return std::nullopt;
    if (!digit) {
      point = true;
    } else if (number < std::numeric_limits<uint64_t>::max() / 10 - 1) {
      number = number * 10 + static_cast<uint64_t>(c - '0');
      exponent -= point ? 1 : 0;
      taken++;
    } else {
      exponent += point ? 0 : 1;  // digits that no double has room for
    }
  }
  if (taken == 0) return std::nullopt;
  double value =
      scale(static_cast<double>(number), std::clamp(exponent, -kExponentMax, kExponentMax));
  return negative ? -value : value;
}

}  // namespace kubepulse
