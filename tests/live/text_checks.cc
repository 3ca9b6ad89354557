#include "tests/live/text_checks.h"

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <optional>

namespace kubepulse::live {

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    unsigned char lead = text[at];
    size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || at + length > text.size()) return false;
    uint32_t code = length == 1 ? lead : lead & (0x7F >> length);
    for (size_t more = 1; more < length; more++) {
      unsigned char byte = text[at + more];
      if ((byte & 0xC0) != 0x80) return false;
      code = code << 6 | (byte & 0x3F);
    }
    bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    at += length;
  }
  return true;
}

namespace {

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kLead[more] | code >> (6 * more));
  while (more-- > 0)
    out += static_cast<char>(0x80 | (code >> (6 * more) & 0x3F));
}

class JsonReader {
 public:
  JsonReader(std::string_view text, bool may_nest) : rest_(text), may_nest_(may_nest) {}

  Result<JsonFields> read() {
    Result<JsonFields> fields = take_object();
    return fields.ok() && !rest_.empty() ? Status::error("more text") : fields;
  }

  Result<std::vector<std::string>> read_array() {
    Result<std::vector<std::string>> elements = take_array();
    return elements.ok() && !rest_.empty() ? Status::error("more text") : elements;
  }

 private:
  Result<JsonFields> take_object() {
    JsonFields fields;
    if (!take('{')) return Status::error("no {");
    if (take('}')) return fields;
    do {
      std::optional<std::string> key = take_string();
      if (!key || !take(':')) return Status::error("no key");
      std::optional<std::string> value = take_value();
      if (!value) return Status::error("malformed value of " + *key);
      if (!fields.emplace(*key, *value).second) return Status::error(*key + " stands twice");
    } while (take(','));
    if (!take('}')) return Status::error("no } at the end");
    return fields;
  }

  Result<std::vector<std::string>> take_array() {
    std::vector<std::string> elements;
    if (!take('[')) return Status::error("no [");
    if (take(']')) return elements;
    do {
      std::optional<std::string> value = take_value();
      if (!value) return Status::error("malformed element");
      elements.push_back(*value);
    } while (take(','));
    if (!take(']')) return Status::error("no ] at the end");
    return elements;
  }

  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<uint32_t> take_hex4() {
    if (rest_.size() < 4) return std::nullopt;
    std::string digits(rest_.substr(0, 4));
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      return std::nullopt;
    rest_.remove_prefix(4);
    return strtoul(digits.c_str(), nullptr, 16);
  }

  bool take_escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    if (take('u')) {
      std::optional<uint32_t> code = take_hex4();
      if (code && *code >= 0xD800 && *code < 0xDC00 && take('\\') && take('u')) {
        std::optional<uint32_t> low = take_hex4();
        if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
        code = 0x10000 + ((*code & 0x3FF) << 10 | (*low & 0x3FF));
      }
      if (!code || (*code >= 0xD800 && *code <= 0xDFFF)) return false;
      append_utf8(out, *code);
      return true;
    }
    size_t which = rest_.empty() ? std::string_view::npos : kFrom.find(rest_[0]);
    if (which == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    out += kTo[which];
    return true;
  }

  std::optional<std::string> take_string() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty() && rest_[0] != '"') {
      if (static_cast<unsigned char>(rest_[0]) < 0x20) return std::nullopt;
      if (take('\\')) {
        if (!take_escape(out)) return std::nullopt;
        continue;
      }
      out += rest_[0];
      rest_.remove_prefix(1);
    }
    if (!take('"') || !is_utf8(out)) return std::nullopt;
    return out;
  }

  std::optional<std::string> take_value() {
    if (!rest_.empty() && rest_[0] == '"') return take_string();
    if (may_nest_ && !rest_.empty() && (rest_[0] == '{' || rest_[0] == '[')) {
      std::string_view before = rest_;
      bool ok = rest_[0] == '{' ? take_object().ok() : take_array().ok();
      if (!ok) return std::nullopt;
      return std::string(before.substr(0, before.size() - rest_.size()));
    }
    std::string word(rest_.substr(0, rest_.find_first_of(",}]")));
    rest_.remove_prefix(word.size());
    if (word == "true" || word == "false" || word == "null") return word;
    if (word.find_first_not_of("0123456789+-.eE") != std::string::npos) return std::nullopt;
    size_t digits = word.size() > 1 && word[0] == '-' ? 1 : 0;
    bool leading_zero = word.size() > digits + 1 && word[digits] == '0' && word[digits + 1] != '.';
    char* end = nullptr;
    strtod(word.c_str(), &end);
    if (word.empty() || word[0] == '+' || word[digits] == '.' || leading_zero || *end != 0)
      return std::nullopt;
    return word;
  }

  std::string_view rest_;
  bool may_nest_;
};

}  // namespace

Result<JsonFields> parse_json_object(std::string_view text) {
  return JsonReader(text, false).read();
}

Result<JsonFields> parse_nested_json_object(std::string_view text) {
  return JsonReader(text, true).read();
}

Result<std::vector<std::string>> parse_json_array(std::string_view text) {
  return JsonReader(text, true).read_array();
}

Result<std::vector<JsonFields>> parse_json_lines(std::string_view text) {
  std::vector<JsonFields> lines;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos;) {
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    Result<JsonFields> fields = parse_json_object(line);
    if (!fields.ok()) return std::move(fields.status()).in(line);
    lines.push_back(std::move(fields.value()));
  }
  return lines;
}

Result<std::string> gunzip(std::string_view compressed) {
  if (compressed.substr(0, 2) != "\x1f\x8b") return Status::error("no gzip magic");
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return Status::error("inflateInit2 failed");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    char piece[16384];
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
  }
  bool whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole) return Status::error("not one whole gzip stream");
  return out;
}

}  // namespace kubepulse::live
