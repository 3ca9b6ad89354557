// However the bytes are cut into pieces, the answer is the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/http_answer.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Read {
  std::string body, error, end;
  int code = 0;
  bool finished = false, keep_alive = false;

  bool operator==(const Read& other) const {
    return body == other.body && error == other.error && end == other.end && code == other.code &&
           finished == other.finished && keep_alive == other.keep_alive;
  }
};

Read read_in_pieces(std::string_view bytes, size_t step) {
  HttpAnswerParser parser;
  Read read;
  for (size_t at = 0; at < bytes.size() && read.error.empty(); at += step)
    read.error = parser
                     .take(bytes.substr(at, step),
                           [&read](std::string_view piece) {
                             read.body += piece;
                             return true;
                           })
                     .message();
  read.finished = parser.finished();
  read.code = parser.code();
  read.keep_alive = parser.keep_alive();
  if (read.error.empty()) read.end = parser.closed().message();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Read whole = read_in_pieces(bytes, size == 0 ? 1 : size);
  if (whole.body.size() > size) abort();
  for (size_t step : {size_t{1}, size_t{2}, size_t{13}}) {
    Read pieces = read_in_pieces(bytes, step);
    // What is told as body before an error may be more or less; the verdict is the same.
    if (!whole.error.empty()) pieces.body = whole.body;
    if (!(pieces == whole)) abort();
  }
  return 0;
}
