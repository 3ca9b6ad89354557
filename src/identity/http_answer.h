// An HTTP/1.x answer (RFC 9112), parsed as it arrives, in pieces of any size. Pure; any bytes are
// safe. What is kept is bounded: the head, never the body.
#ifndef KUBEPULSE_IDENTITY_HTTP_ANSWER_H
#define KUBEPULSE_IDENTITY_HTTP_ANSWER_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

class HttpAnswerParser {
 public:
  static constexpr size_t kLineBytesMax = 8192;   // of a line of the head, or of a chunk's size
  static constexpr size_t kHeadBytesMax = 32768;  // of all of them; trailers likewise

  // Gets the body piece by piece; false: enough, nothing more is wanted.
  using TakeBody = std::function<bool(std::string_view piece)>;

  // Before the first take(), or after finished() to read the next answer of the connection.
  void reset() { *this = HttpAnswerParser(); }

  // Takes what came next. An error: this is not HTTP, or beyond a bound, or `take` has had enough
  // (see stopped()); the connection is of no more use. Bytes behind the end are an error: nobody
  // has asked for anything more. 1xx answers are skipped.
  Status take(std::string_view bytes, const TakeBody& take);
  // The peer has closed. Empty where that ends the answer (no length was told), or it had ended.
  Status closed();

  bool has_head() const { return state_ > State::fields; }
  bool finished() const { return state_ == State::end; }
  bool stopped() const { return stopped_; }
  int code() const { return code_; }  // 100 to 599; 0: not known yet
  uint64_t body_bytes() const { return body_bytes_; }
  // After the end: whether the connection may be used again (RFC 9112 section 9.3).
  bool keep_alive() const { return keep_alive_; }

 private:
  enum class State {
    status_line,
    fields,
    chunk_size,
    chunk_end,
    trailers,
    counted,
    unbounded,
    end
  };

  Status take_line(std::string_view& bytes, bool& whole);
  Status read_line();
  Status read_status_line();
  Status read_field();
  Status end_of_head();
  Status read_chunk_size();
  Status give_body(std::string_view& bytes, const TakeBody& take);
  bool in_body() const { return state_ == State::counted || state_ == State::unbounded; }

  State state_ = State::status_line;
  std::string line_;
  size_t head_bytes_ = 0;
  int code_ = 0;
  int minor_version_ = 1;
  bool keep_alive_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool chunked_ = false;
  bool has_length_ = false;
  bool stopped_ = false;
  uint64_t left_ = 0;  // of the body, or of the chunk
  uint64_t body_bytes_ = 0;
};

}  // namespace kubepulse

#endif
