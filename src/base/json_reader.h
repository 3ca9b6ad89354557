// JSON (RFC 8259, strictly) read token by token while it arrives: in pieces of any size, cut
// anywhere. Nothing is stored but the text of one token and one bit a level. Pure; any bytes are
// safe.
#ifndef KUBEPULSE_BASE_JSON_READER_H
#define KUBEPULSE_BASE_JSON_READER_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

enum class JsonToken : uint8_t {
  more,        // the piece is used up: feed() the next one, or finish()
  object,      // {
  object_end,  // }
  array,       // [
  array_end,   // ]
  key,         // of a member; its value follows
  string,
  number,
  boolean_true,
  boolean_false,
  null,
  end,    // of a whole document, after finish()
  error,  // status() says what and at which byte; nothing follows
};

class JsonReader {
 public:
  static constexpr size_t kTextBytesMax = 1024;
  static constexpr int kDepthMax = 64;  // more levels are an error

  // Of a text that is longer than `text_bytes_max` only the beginning is kept.
  explicit JsonReader(size_t text_bytes_max = kTextBytesMax) : text_bytes_max_(text_bytes_max) {}

  // Only at the start and where next() has said `more`. Not copied: the piece has to live until
  // next() says `more` again.
  void feed(std::string_view piece);
  // There is no further piece.
  void finish() { finished_ = true; }

  JsonToken next();

  // Where a document has ended: another one may follow in the same piece, as in a watch, and is
  // read from here on.
  void next_document();

  // After `key`: its value will not be told. After `object` and `array`: nor will the rest of it,
  // its end included. It is still checked. After any other token it does nothing.
  void skip();

  // Of the last key, string or number, unescaped, valid UTF-8, perhaps with NUL bytes; until
  // next().
  std::string_view text() const { return text_; }
  // It was longer, and is cut behind a whole character.
  bool cut() const { return cut_; }

  // Read so far, of all documents.
  uint64_t bytes() const { return bytes_before_ + static_cast<uint64_t>(at_ - begin_); }
  // Objects and arrays that are open.
  int depth() const { return depth_; }
  const Status& status() const { return status_; }

 private:
  enum class State : uint8_t {
    value,
    element,
    first_key,
    key,
    colon,
    behind,
    text,
    number,
    word,
    done,
    failed
  };
  enum class Part : uint8_t { plain, utf8, escape, hex, low_backslash, low_u };
  enum class Digits : uint8_t { minus, zero, whole, point, fraction, e, e_sign, exponent };
  enum class Step : uint8_t { token, on, dry };

  Step step(JsonToken& token);
  Step begin_value(char first, JsonToken& token);
  Step open(bool object, JsonToken& token);
  Step close(JsonToken& token);
  Step begin_text(bool key, JsonToken& token);
  Step read_text(JsonToken& token);
  Step end_text(JsonToken& token);
  bool begin_utf8(unsigned char first);
  bool read_escape(char c);
  bool read_hex(char c);
  bool end_unit();
  Step read_number(JsonToken& token);
  Step end_number(JsonToken& token);
  Step read_word(JsonToken& token);
  Step dry();
  Step fail(std::string_view what);
  bool refuse(std::string_view what);
  bool in_object() const { return (objects_ >> (depth_ - 1) & 1) != 0; }
  void value_done() { state_ = depth_ == 0 ? State::done : State::behind; }
  void keep(const char* end);
  void put(uint32_t character);

  size_t text_bytes_max_;
  const char* begin_ = nullptr;  // the piece
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* run_ = nullptr;  // what of the text stands in the piece and is not kept yet
  uint64_t bytes_before_ = 0;  // of the pieces before
  uint64_t objects_ = 0;       // bit N: level N is an object, not an array
  int depth_ = 0;
  int skip_depth_ = -1;  // what is skipped ends at this depth; -1: nothing is
  State state_ = State::value;
  Part part_ = Part::plain;
  Digits digits_ = Digits::minus;
  JsonToken last_ = JsonToken::more;
  bool finished_ = false;
  bool is_key_ = false;
  bool kept_ = false;  // the text is in buffer_, in part or whole
  bool cut_ = false;
  uint8_t left_ = 0;            // bytes of a UTF-8 character, hex digits
  uint8_t low_ = 0, high_ = 0;  // bounds of the next UTF-8 byte
  uint16_t unit_ = 0;           // \uXXXX
  uint16_t high_surrogate_ = 0;
  const char* word_ = nullptr;  // what is left of true, false or null
  JsonToken word_token_ = JsonToken::null;
  std::string buffer_;
  std::string_view text_;
  Status status_;
};

}  // namespace kubepulse

#endif
