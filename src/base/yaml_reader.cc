#include "base/yaml_reader.h"

#include <algorithm>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"

namespace kubepulse {
namespace {

constexpr std::string_view kBlanks = " \t";

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string_view without_blanks(std::string_view text) {
  size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_comment(std::string_view text) {
  return text.empty() || text[0] == '#';
}

// Where a comment begins behind something else, at `from` or later, or the end.
size_t end_of_plain(std::string_view text, size_t from = 1) {
  for (size_t at = std::max(from, size_t{1}); at < text.size(); at++)
    if (text[at] == '#' && kBlanks.find(text[at - 1]) != std::string_view::npos) return at;
  return text.size();
}

// The colon that makes a key of what stands before it; npos where there is none.
size_t find_colon(std::string_view text, size_t from) {
  size_t end = end_of_plain(text, from);
  for (size_t at = from; at < end; at++) {
    bool is_last = at + 1 == text.size();
    if (text[at] == ':' && (is_last || kBlanks.find(text[at + 1]) != std::string_view::npos))
      return at;
  }
  return std::string_view::npos;
}

// Bytes of the quoted text at the start, its quotes included; 0 where it does not end.
size_t quoted_bytes(std::string_view text) {
  char quote = text[0];
  for (size_t at = 1; at < text.size(); at++) {
    if (quote == '"' && text[at] == '\\') {
      at++;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 == text.size() || text[at + 1] != quote) return at + 1;
      at++;  // '' inside single quotes
    }
  }
  return 0;
}

bool is_null(std::string_view plain) {
  return plain == "~" || plain == "null" || plain == "Null" || plain == "NULL";
}

// What a text may not begin with, and what it would be.
std::string_view not_taken(char first) {
  switch (first) {
    case '&':
    case '*':
      return "an anchor or alias is not taken";
    case '!':
      return "a tag is not taken";
    case '|':
    case '>':
      return "a text over several lines is not taken";
    case '%':
    case '@':
    case '`':
    case ',':
    case ']':
    case '}':
      return "a text cannot begin like this without quotes";
    default:
      return {};
  }
}

class YamlReader {
 public:
  explicit YamlReader(const std::function<Status(const YamlPlace&, std::string_view)>& scalar)
      : scalar_(scalar) {}

  Status read(std::string_view text) {
    if (text.size() > kYamlBytesMax) return Status::error("longer than 1 MiB");
    std::string_view rest = text;
    size_t first = text.find_first_not_of(" \t\r\n");
    if (first != std::string_view::npos && text[first] == '{') {
      place_.line = 1;
      return read_json(text);
    }
    while (!rest.empty()) {
      place_.line++;
      std::string_view line = next_piece(rest, '\n');
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      Status status = read_line(line);
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  struct Frame {
    size_t column;
    bool sequence;
    bool has_key = false;  // a mapping, in one of its entries: its key is in place_
    bool pending = false;  // a key or a dash without a value so far
  };

  Status refuse(std::string_view what) const {
    return Status::error("line " + std::to_string(place_.line) + ": " + std::string(what));
  }

  Status read_line(std::string_view line) {
    auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; };
    if (std::any_of(line.begin(), line.end(), is_control)) return refuse("a control character");
    size_t column = std::min(line.find_first_not_of(' '), line.size());
    std::string_view content = line.substr(column);
    if (is_comment(without_blanks(content))) return {};
    if (content[0] == '\t') return refuse("a tab in the indentation is not taken");
    if (column == 0 && content[0] == '%') return refuse("a directive is not taken");
    if (column == 0 && (starts_with(content, "---") || starts_with(content, "..."))) {
      bool begins = content[0] == '-' && is_comment(without_blanks(content.substr(3)));
      if (begins && !started_) return {};
      return refuse("more than one document is not taken");
    }
    bool has_dash = false;
    while (content == "-" || starts_with(content, "- ")) {
      Status status = enter(column, true);
      if (!status.ok()) return status;
      has_dash = true;
      size_t skipped = std::min(content.find_first_not_of(kBlanks, 1), content.size());
      column += skipped;
      content.remove_prefix(skipped);
      if (is_comment(content)) return {};
    }
    return read_content(column, without_blanks(content), has_dash);
  }

  Status read_content(size_t column, std::string_view content, bool has_dash) {
    size_t key_bytes = 0;
    bool is_quoted = content[0] == '"' || content[0] == '\'';
    if (is_quoted) {
      key_bytes = quoted_bytes(content);
      if (key_bytes == 0) return refuse("a text over several lines is not taken");
    }
    size_t colon = find_colon(content, key_bytes);
    bool is_flow = content[0] == '{' || content[0] == '[';
    if (is_flow || colon == std::string_view::npos ||
        (is_quoted && !without_blanks(content.substr(key_bytes, colon - key_bytes)).empty())) {
      if (!has_dash) return refuse("neither a key nor an element: a text over several lines?");
      frames_.back().pending = false;
      return read_scalar(content);
    }
    std::string key;
    Status status = read_key(without_blanks(content.substr(0, colon)), key);
    if (status.ok()) status = enter(column, false);
    if (!status.ok()) return status;
    frames_.back().has_key = true;
    place_.keys.push_back(std::move(key));
    std::string_view value = without_blanks(content.substr(colon + 1));
    frames_.back().pending = is_comment(value);
    return is_comment(value) ? Status() : read_scalar(value);
  }

  // Goes on with, or opens, the mapping or sequence whose entries stand in `column`.
  Status enter(size_t column, bool sequence) {
    auto is_inside = [&](const Frame& frame) {
      return frame.column > column || (frame.column == column && frame.sequence && !sequence);
    };
    while (!frames_.empty() && is_inside(frames_.back())) {
      leave_key();
      frames_.pop_back();
    }
    bool goes_on =
        !frames_.empty() && frames_.back().column == column && frames_.back().sequence == sequence;
    if (goes_on) {
      leave_key();
    } else {
      if (frames_.empty() && sequence) return refuse("the document is not a mapping");
      bool expected = frames_.empty() ? !started_ : frames_.back().pending;
      if (!expected) return refuse("an indentation that does not fit what stands before");
      if (frames_.size() == kYamlDepthMax) return refuse("nested too deep");
      if (!frames_.empty()) frames_.back().pending = false;
      frames_.push_back({column, sequence});
      started_ = true;
    }
    if (!sequence) return {};
    frames_.back().pending = true;
    bool outermost = std::count_if(frames_.begin(), frames_.end(),
                                   [](const Frame& each) { return each.sequence; }) == 1;
    if (outermost) place_.item++;
    return {};
  }

  void leave_key() {
    Frame& frame = frames_.back();
    if (frame.has_key) place_.keys.pop_back();
    frame.has_key = false;
  }

  Status read_key(std::string_view text, std::string& key) const {
    if (text.empty()) return refuse("a key is missing");
    if (text[0] == '"' || text[0] == '\'') return unquote(text, key);
    if (text == "<<") return refuse("a merge key is not taken");
    if (text == "?" || starts_with(text, "? ")) return refuse("a complex key is not taken");
    std::string_view why = not_taken(text[0]);
    if (!why.empty()) return refuse(why);
    key = text;
    return {};
  }

  Status read_scalar(std::string_view text) {
    if (text[0] == '{' || text[0] == '[') return read_json(text);
    if (text[0] == '"' || text[0] == '\'') {
      size_t bytes = quoted_bytes(text);
      if (bytes == 0) return refuse("a text over several lines is not taken");
      std::string_view behind = text.substr(bytes);
      if (!is_comment(without_blanks(behind)) || starts_with(behind, "#"))
        return refuse("something behind a quoted text");
      std::string value;
      Status status = unquote(text.substr(0, bytes), value);
      return status.ok() ? tell(value) : std::move(status);
    }
    std::string_view why = not_taken(text[0]);
    if (!why.empty()) return refuse(why);
    if (starts_with(text, "- ") || starts_with(text, "? ")) {
      return refuse("a sequence or complex key within a line is not taken");
    }
    if (find_colon(text, 0) != std::string_view::npos)
      return refuse("a mapping within a line is not taken");
    std::string_view plain = without_blanks(text.substr(0, end_of_plain(text)));
    return is_null(plain) ? Status() : tell(plain);
  }

  Status tell(std::string_view value) const {
    return value.empty() ? Status() : scalar_(place_, value);
  }

  Status unquote(std::string_view text, std::string& out) const {
    if (text[0] == '\'') {
      text = text.substr(1, text.size() - 2);
      for (size_t at = 0; at < text.size(); at++) {
        out += text[at];
        if (text[at] == '\'') at++;
      }
      return {};
    }
    JsonReader reader(kYamlBytesMax);
    reader.feed(text);
    reader.finish();
    if (reader.next() != JsonToken::string)
      return refuse("a quoted text is not taken: " + reader.status().message());
    out = reader.text();
    return {};
  }

  // A value, or the whole document.
  Status read_json(std::string_view text) {
    JsonReader reader(kYamlBytesMax);
    reader.feed(text);
    reader.finish();
    bool in_sequence = std::any_of(frames_.begin(), frames_.end(),
                                   [](const Frame& each) { return each.sequence; });
    std::vector<bool> open;  // is it an array?
    auto value_begins = [&] {
      bool outermost = !in_sequence && !open.empty() && open.back() &&
                       std::count(open.begin(), open.end(), true) == 1;
      if (outermost) place_.item++;
    };
    auto value_ends = [&] {
      if (!open.empty() && !open.back()) place_.keys.pop_back();
    };
    for (;;) {
      JsonToken token = reader.next();
      switch (token) {
        case JsonToken::key:
          place_.keys.emplace_back(reader.text());
          break;
        case JsonToken::object:
        case JsonToken::array:
          value_begins();
          if (frames_.size() + open.size() == kYamlDepthMax) return refuse("nested too deep");
          open.push_back(token == JsonToken::array);
          break;
        case JsonToken::object_end:
        case JsonToken::array_end:
          open.pop_back();
          value_ends();
          break;
        case JsonToken::end:
          return {};
        case JsonToken::more:
        case JsonToken::error:
          return refuse("as JSON " + reader.status().message());
        default: {
          value_begins();
          Status status = tell_json(token, reader.text());
          if (!status.ok()) return status;
          value_ends();
        }
      }
    }
  }

  Status tell_json(JsonToken token, std::string_view text) const {
    if (token == JsonToken::null) return {};
    if (token == JsonToken::boolean_true) return tell("true");
    if (token == JsonToken::boolean_false) return tell("false");
    return tell(text);
  }

  const std::function<Status(const YamlPlace&, std::string_view)>& scalar_;
  YamlPlace place_;
  std::vector<Frame> frames_;
  bool started_ = false;
};

}  // namespace

Status read_yaml(std::string_view text,
                 const std::function<Status(const YamlPlace&, std::string_view)>& scalar) {
  return YamlReader(scalar).read(text);
}

}  // namespace kubepulse
