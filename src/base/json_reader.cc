#include "base/json_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace kubepulse {
namespace {

constexpr size_t kCharacterBytesMax = 4;

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What a letter behind a backslash means; 0: nothing.
char meant_by(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

bool is_plain(unsigned char byte) {
  return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

// The first byte that is not plain inside a string: a quote, a backslash, a control character or
// the start of a longer character. Eight bytes at a time: nearly all of a document is strings.
const char* skip_plain(const char* at, const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  while (end - at >= 8) {
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    uint64_t quotes = bytes ^ kOnes * '"', backslashes = bytes ^ kOnes * '\\';
    // A byte that is zero (or, of `bytes`, below a space) borrows into its high bit. A false mark
    // can only stand behind a true one.
    uint64_t marks = (((quotes - kOnes) & ~quotes) | ((backslashes - kOnes) & ~backslashes) |
                      ((bytes - kOnes * ' ') & ~bytes) | bytes) &
                     kHighs;
    if (marks != 0) return at + __builtin_ctzll(marks) / 8;
    at += 8;
  }
  while (at != end && is_plain(static_cast<unsigned char>(*at)))
    at++;
  return at;
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "skip_plain takes the lowest byte first");

}  // namespace

void JsonReader::feed(std::string_view piece) {
  bytes_before_ += static_cast<uint64_t>(end_ - begin_);
  begin_ = at_ = run_ = piece.data();
  end_ = begin_ + piece.size();
}

JsonToken JsonReader::next() {
  for (;;) {
    JsonToken token = JsonToken::error;
    switch (step(token)) {
      case Step::on:
        continue;
      case Step::dry:
        if (state_ == State::failed) return JsonToken::error;
        return finished_ ? JsonToken::end : JsonToken::more;
      case Step::token:
        if (skip_depth_ < 0) return last_ = token;
        if (depth_ == skip_depth_) skip_depth_ = -1;
    }
  }
}

void JsonReader::next_document() {
  if (state_ != State::done) return;
  state_ = State::value;
  last_ = JsonToken::more;
}

void JsonReader::skip() {
  if (skip_depth_ >= 0) return;
  if (last_ == JsonToken::key) skip_depth_ = depth_;
  if (last_ == JsonToken::object || last_ == JsonToken::array) skip_depth_ = depth_ - 1;
  last_ = JsonToken::more;
}

JsonReader::Step JsonReader::step(JsonToken& token) {
  if (state_ == State::text) return read_text(token);
  if (state_ == State::number) return read_number(token);
  if (state_ == State::word) return read_word(token);
  if (state_ == State::failed) return Step::dry;
  while (at_ != end_ && is_space(*at_))
    at_++;
  if (at_ == end_) return dry();

  char c = *at_;
  switch (state_) {
    case State::element:
      if (c == ']') return close(token);
      return begin_value(c, token);
    case State::value:
      return begin_value(c, token);
    case State::first_key:
      if (c == '}') return close(token);
      [[fallthrough]];
    case State::key:
      if (c != '"') return fail("a key in quotes was expected");
      return begin_text(true, token);
    case State::colon:
      if (c != ':') return fail("a colon was expected");
      at_++;
      state_ = State::value;
      return Step::on;
    case State::behind:
      if (c == (in_object() ? '}' : ']')) return close(token);
      if (c != ',') return fail("a comma or the end of what is open was expected");
      at_++;
      state_ = in_object() ? State::key : State::value;
      return Step::on;
    default:
      return fail("the document has ended, and more follows");
  }
}

JsonReader::Step JsonReader::begin_value(char first, JsonToken& token) {
  switch (first) {
    case '{':
      return open(true, token);
    case '[':
      return open(false, token);
    case '"':
      return begin_text(false, token);
    case 't':
      word_ = "true";
      word_token_ = JsonToken::boolean_true;
      break;
    case 'f':
      word_ = "false";
      word_token_ = JsonToken::boolean_false;
      break;
    case 'n':
      word_ = "null";
      word_token_ = JsonToken::null;
      break;
    default:
      if (first != '-' && !is_digit(first)) return fail("a value was expected");
      state_ = State::number;
      digits_ = first == '-' ? Digits::minus : first == '0' ? Digits::zero : Digits::whole;
      kept_ = cut_ = false;
      run_ = at_++;
      return read_number(token);
  }
  state_ = State::word;
  return read_word(token);
}

JsonReader::Step JsonReader::open(bool object, JsonToken& token) {
  if (depth_ == kDepthMax) return fail("nested too deep");
  at_++;
  uint64_t bit = uint64_t{1} << depth_++;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  state_ = object ? State::first_key : State::element;
  token = object ? JsonToken::object : JsonToken::array;
  return Step::token;
}

JsonReader::Step JsonReader::close(JsonToken& token) {
  at_++;
  token = in_object() ? JsonToken::object_end : JsonToken::array_end;
  depth_--;
  value_done();
  return Step::token;
}

JsonReader::Step JsonReader::begin_text(bool key, JsonToken& token) {
  state_ = State::text;
  part_ = Part::plain;
  is_key_ = key;
  kept_ = cut_ = false;
  run_ = ++at_;
  return read_text(token);
}

JsonReader::Step JsonReader::read_text(JsonToken& token) {
  for (;;) {
    if (part_ == Part::plain) at_ = skip_plain(at_, end_);
    if (at_ == end_) {
      keep(at_);
      return dry();
    }
    auto byte = static_cast<unsigned char>(*at_);
    if (part_ == Part::plain) {
      if (byte == '"') return end_text(token);
      if (byte == '\\') {
        // JSON within JSON, as annotations have it, is full of these.
        if (skip_depth_ >= 0 && end_ - at_ > 1 && meant_by(at_[1]) != 0) {
          at_ += 2;
          continue;
        }
        keep(at_);
        part_ = Part::escape;
        run_ = ++at_;
        continue;
      }
      if (byte < ' ') return fail("a control character in a string");
      if (!begin_utf8(byte)) return fail("not UTF-8");
    } else if (part_ == Part::utf8) {
      if (byte < low_ || byte > high_) return fail("not UTF-8");
      low_ = 0x80;
      high_ = 0xBF;
      if (--left_ == 0) part_ = Part::plain;
    } else {
      if (!read_escape(*at_)) return Step::dry;
      run_ = at_ + 1;
    }
    at_++;
  }
}

JsonReader::Step JsonReader::end_text(JsonToken& token) {
  if (kept_) {
    keep(at_);
    text_ = buffer_;
  } else {
    text_ = std::string_view(run_, static_cast<size_t>(at_ - run_));
  }
  if (skip_depth_ < 0 && text_.size() > text_bytes_max_) {
    cut_ = true;
    text_ = cut_text(text_, text_bytes_max_);
  }
  at_++;
  token = is_key_ ? JsonToken::key : JsonToken::string;
  if (!is_key_) {
    value_done();
  } else if (at_ != end_ && *at_ == ':') {
    at_++;
    state_ = State::value;
  } else {
    state_ = State::colon;
  }
  return Step::token;
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool JsonReader::begin_utf8(unsigned char first) {
  if (first < 0xC2 || first > 0xF4) return false;
  left_ = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  low_ = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  high_ = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  part_ = Part::utf8;
  return true;
}

// One byte behind a backslash. False where it has failed.
bool JsonReader::read_escape(char c) {
  if (part_ == Part::hex) return read_hex(c);
  if (part_ == Part::low_backslash || part_ == Part::low_u) {
    if (c != (part_ == Part::low_u ? 'u' : '\\')) return refuse("half a surrogate pair");
    part_ = part_ == Part::low_u ? Part::hex : Part::low_u;
    left_ = 4;
    unit_ = 0;
    return true;
  }
  if (c == 'u') {
    part_ = Part::hex;
    left_ = 4;
    unit_ = high_surrogate_ = 0;
    return true;
  }
  char meant = meant_by(c);
  if (meant == 0) return refuse("an unknown escape");
  put(static_cast<uint32_t>(meant));
  part_ = Part::plain;
  return true;
}

bool JsonReader::read_hex(char c) {
  char lower = static_cast<char>(c | 0x20);
  bool is_letter = lower >= 'a' && lower <= 'f';
  if (!is_digit(c) && !is_letter) return refuse("a hexadecimal digit was expected");
  unit_ = static_cast<uint16_t>(unit_ << 4 | (is_letter ? lower - 'a' + 10 : c - '0'));
  return --left_ > 0 || end_unit();
}

bool JsonReader::end_unit() {
  bool is_high = unit_ >= 0xD800 && unit_ <= 0xDBFF, is_low = unit_ >= 0xDC00 && unit_ <= 0xDFFF;
  if (is_low != (high_surrogate_ != 0)) return refuse("half a surrogate pair");
  if (is_high) {
    high_surrogate_ = unit_;
    part_ = Part::low_backslash;
    return true;
  }
  put(is_low ? 0x10000 + ((high_surrogate_ - 0xD800U) << 10) + (unit_ - 0xDC00U) : unit_);
  part_ = Part::plain;
  return true;
}

JsonReader::Step JsonReader::read_number(JsonToken& token) {
  for (; at_ != end_; at_++) {
    char c = *at_;
    bool digit = is_digit(c), e = c == 'e' || c == 'E';
    switch (digits_) {
      case Digits::minus:
        if (!digit) return fail("a digit was expected");
        digits_ = c == '0' ? Digits::zero : Digits::whole;
        continue;
      case Digits::zero:
        if (digit) return fail("a number starts with a zero");
        [[fallthrough]];
      case Digits::whole:
        if (digit) continue;
        if (c != '.' && !e) return end_number(token);
        digits_ = e ? Digits::e : Digits::point;
        continue;
      case Digits::point:
        if (!digit) return fail("a digit was expected");
        digits_ = Digits::fraction;
        continue;
      case Digits::fraction:
        if (digit) continue;
        if (!e) return end_number(token);
        digits_ = Digits::e;
        continue;
      case Digits::e:
      case Digits::e_sign:
        if (!digit && (digits_ == Digits::e_sign || (c != '+' && c != '-')))
          return fail("a digit was expected");
        digits_ = digit ? Digits::exponent : Digits::e_sign;
        continue;
      case Digits::exponent:
        if (!digit) return end_number(token);
        continue;
    }
  }
  bool whole = digits_ == Digits::zero || digits_ == Digits::whole || digits_ == Digits::fraction ||
               digits_ == Digits::exponent;
  if (finished_ && whole && depth_ == 0) return end_number(token);
  keep(at_);
  return dry();
}

JsonReader::Step JsonReader::end_number(JsonToken& token) {
  if (kept_) {
    keep(at_);
    text_ = buffer_;
  } else {
    text_ = std::string_view(run_, static_cast<size_t>(at_ - run_));
  }
  cut_ = text_.size() > text_bytes_max_;
  text_ = text_.substr(0, text_bytes_max_);
  token = JsonToken::number;
  value_done();
  return Step::token;
}

JsonReader::Step JsonReader::read_word(JsonToken& token) {
  for (; *word_ != 0; word_++, at_++) {
    if (at_ == end_) return dry();
    if (*at_ != *word_) return fail("a value was expected");
  }
  token = word_token_;
  value_done();
  return Step::token;
}

JsonReader::Step JsonReader::dry() {
  if (finished_ && state_ != State::done) return fail("the document ends too early");
  return Step::dry;
}

JsonReader::Step JsonReader::fail(std::string_view what) {
  std::string message = "byte ";
  append_number(message, bytes());
  message += ": ";
  message += what;
  status_ = Status::error(std::move(message));
  state_ = State::failed;
  return Step::dry;
}

bool JsonReader::refuse(std::string_view what) {
  fail(what);
  return false;
}

// One character more than is told is kept, so that end_text() sees that something is missing.
void JsonReader::keep(const char* end) {
  if (!kept_) buffer_.clear();
  kept_ = true;
  const char* run = std::exchange(run_, end);
  if (skip_depth_ >= 0) return;
  size_t room = text_bytes_max_ + kCharacterBytesMax - buffer_.size();
  buffer_.append(run, std::min(room, static_cast<size_t>(end - run)));
}

void JsonReader::put(uint32_t c) {
  if (skip_depth_ >= 0 || buffer_.size() > text_bytes_max_) return;
  auto tail = [&](int shift) { buffer_ += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    buffer_ += static_cast<char>(c);
    return;
  }
  int tails = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr unsigned kLeads[] = {0xC0, 0xE0, 0xF0};
  buffer_ += static_cast<char>(kLeads[tails - 1] | c >> (6 * tails));
  for (int shift = 6 * (tails - 1); shift >= 0; shift -= 6)
    tail(shift);
}

}  // namespace kubepulse
