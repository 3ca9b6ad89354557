#include "identity/http_answer.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace kubepulse {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) {
  auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  if (text.empty() || text.size() > 15) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    char digit = lower(c);
    bool decimal = digit >= '0' && digit <= '9';
    if (!decimal && (digit < 'a' || digit > 'f')) return std::nullopt;
    value = value << 4 | static_cast<uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
  }
  return value;
}

Status malformed(const char* what) {
  return Status::error(std::string("not an HTTP answer: ") + what);
}

}  // namespace

Status HttpAnswerParser::take(std::string_view bytes, const TakeBody& take) {
  while (!bytes.empty()) {
    if (state_ == State::end) return malformed("bytes behind its end");
    Status status;
    if (in_body()) {
      status = give_body(bytes, take);
    } else {
      bool whole = false;
      status = take_line(bytes, whole);
      if (status.ok() && whole) {
        status = read_line();
        line_.clear();
      }
    }
    if (!status.ok()) return status;
  }
  return {};
}

Status HttpAnswerParser::closed() {
  if (state_ == State::unbounded) state_ = State::end;
  if (state_ == State::end) return {};
  return Status::error(has_head() ? "the answer was cut" : "closed without an answer");
}

// A line ends with CRLF, or with LF alone (RFC 9112 section 2.2).
Status HttpAnswerParser::take_line(std::string_view& bytes, bool& whole) {
  size_t end = bytes.find('\n');
  size_t size = end == bytes.npos ? bytes.size() : end;
  head_bytes_ += size + 1;
  if (line_.size() + size > kLineBytesMax) return malformed("a line is too long");
  if (head_bytes_ > kHeadBytesMax) return malformed("its head is too long");
  line_.append(bytes.substr(0, size));
  whole = end != bytes.npos;
  bytes.remove_prefix(whole ? size + 1 : size);
  if (whole && !line_.empty() && line_.back() == '\r') line_.pop_back();
  return {};
}

Status HttpAnswerParser::read_line() {
  switch (state_) {
    case State::status_line:
      return read_status_line();
    case State::fields:
      return line_.empty() ? end_of_head() : read_field();
    case State::chunk_size:
      return read_chunk_size();
    case State::chunk_end:
      state_ = State::chunk_size;
      return line_.empty() ? Status() : malformed("a chunk is longer than it says");
    default:  // trailers, which say nothing to us
      if (line_.empty()) state_ = State::end;
      return {};
  }
}

// "HTTP/1.1 200 OK"
Status HttpAnswerParser::read_status_line() {
  std::string_view line = line_;
  bool known = line.size() >= 12 && line.substr(0, 7) == "HTTP/1." && line[8] == ' ' &&
               (line[7] == '0' || line[7] == '1') && (line.size() == 12 || line[12] == ' ');
  auto code = known ? parse_number(line.substr(9, 3), 599) : std::nullopt;
  if (!code || *code < 100) return malformed("its first line");
  minor_version_ = line[7] - '0';
  code_ = static_cast<int>(*code);
  state_ = State::fields;
  return {};
}

Status HttpAnswerParser::read_field() {
  std::string_view value = line_;
  if (value.find(':') == value.npos) return malformed("a field without a colon");
  std::string_view name = next_piece(value, ':');
  value = trimmed(value);
  if (same(name, "content-length")) {
    auto length = parse_number(value);
    if (!length || (has_length_ && *length != left_)) return malformed("its Content-Length");
    has_length_ = true;
    left_ = *length;
  } else if (same(name, "transfer-encoding")) {
    if (!same(value, "chunked")) return malformed("an unknown Transfer-Encoding");
    chunked_ = true;
  } else if (same(name, "connection")) {
    while (!value.empty()) {
      std::string_view option = trimmed(next_piece(value, ','));
      says_close_ = says_close_ || same(option, "close");
      says_keep_alive_ = says_keep_alive_ || same(option, "keep-alive");
    }
  }
  return {};
}

// How long the body is: RFC 9112 section 6.3, of an answer to GET.
Status HttpAnswerParser::end_of_head() {
  if (code_ == 101) return malformed("it changes the protocol");
  if (code_ < 200) {
    size_t head_bytes = head_bytes_;
    reset();
    head_bytes_ = head_bytes;  // without end they are no answer either
    return {};
  }
  if (chunked_ && has_length_) return malformed("it has two lengths");
  bool bodiless = code_ == 204 || code_ == 304;
  keep_alive_ = !says_close_ && (minor_version_ == 1 || says_keep_alive_) &&
                (bodiless || chunked_ || has_length_);
  if (bodiless)
    state_ = State::end;
  else if (chunked_)
    state_ = State::chunk_size;
  else if (has_length_)
    state_ = left_ == 0 ? State::end : State::counted;
  else
    state_ = State::unbounded;
  head_bytes_ = 0;
  return {};
}

// "1a3f;extension"
Status HttpAnswerParser::read_chunk_size() {
  std::string_view line = line_;
  auto size = parse_hex(trimmed(next_piece(line, ';')));
  if (!size) return malformed("a chunk's size");
  head_bytes_ = 0;
  left_ = *size;
  state_ = left_ == 0 ? State::trailers : State::counted;
  return {};
}

Status HttpAnswerParser::give_body(std::string_view& bytes, const TakeBody& take) {
  std::string_view piece = bytes;
  if (state_ == State::counted) piece = piece.substr(0, left_);
  bytes.remove_prefix(piece.size());
  body_bytes_ += piece.size();
  if (state_ == State::counted) {
    left_ -= piece.size();
    if (left_ == 0) state_ = chunked_ ? State::chunk_end : State::end;
  }
  if (take(piece)) return {};
  stopped_ = true;
  return Status::error("the rest of the answer is not wanted");
}

}  // namespace kubepulse
