#include "identity/http_answer.h"

#include "base/text.h"

namespace kubepulse {

namespace {

// More than any chunk has; what is beyond could not be added up.
constexpr uint64_t kChunkBytesMax = uint64_t{1} << 60;

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
  value = trim_blanks(value);
  if (is_same_but_case(name, "content-length")) {
    auto length = parse_number(value);
    if (!length || (has_length_ && *length != left_)) return malformed("its Content-Length");
    has_length_ = true;
    left_ = *length;
  } else if (is_same_but_case(name, "transfer-encoding")) {
    if (!is_same_but_case(value, "chunked")) return malformed("an unknown Transfer-Encoding");
    chunked_ = true;
  } else if (is_same_but_case(name, "connection")) {
    while (!value.empty()) {
      std::string_view option = trim_blanks(next_piece(value, ','));
      says_close_ = says_close_ || is_same_but_case(option, "close");
      says_keep_alive_ = says_keep_alive_ || is_same_but_case(option, "keep-alive");
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
  auto size = parse_hex(trim_blanks(next_piece(line, ';')));
  if (!size || *size > kChunkBytesMax) return malformed("a chunk's size");
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
