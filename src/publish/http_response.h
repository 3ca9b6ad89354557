// What a handler answers, and how it becomes bytes (RFC 9112 sections 6, 7 and 9). No I/O.
#ifndef KUBEPULSE_PUBLISH_HTTP_RESPONSE_H
#define KUBEPULSE_PUBLISH_HTTP_RESPONSE_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "publish/gzip.h"
#include "publish/http_request.h"

namespace kubepulse {

// A body that is made while it is sent, so that a slow reader costs a cursor and not a page.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Appends the next piece (tens of KiB, not empty). False when nothing is left behind this piece;
  // it is not called again then. It may be destroyed at any time between two calls.
  virtual bool next(std::string& out) = 0;
};

struct HttpResponse {
  int status = 200;          // one that has a body
  std::string content_type;  // without CR and LF
  std::string body;
  std::unique_ptr<HttpBody> stream;  // where set, `body` is empty
};

// "404 Not Found\n" as text/plain.
HttpResponse http_text(int status);

// One response on its way. Made for GET and HEAD alike: to HEAD only the head goes out.
//   A body, or a stream that ends with its first piece, has a Content-Length.
//   A longer stream is chunked to HTTP/1.1; to HTTP/1.0 its end is the end of the connection.
//   gzip where `request` accepts it, unless the body is short.
class HttpAnswer {
 public:
  // Keeps nothing of `request`. `date_ns` of the real-time clock.
  HttpAnswer(const HttpRequest& request, HttpResponse response, uint64_t date_ns);

  // Replaces `out` by the next bytes to send: at most kPieceBytes and one piece of the stream, or
  // the whole body where the handler made it whole. False when they are the last. They may be none
  // where the compressor holds them back: call again, after others had their turn.
  bool fill(std::string& out);

  // Whether another request may follow on this connection. Certain after the first fill().
  bool keep_alive() const { return keep_alive_; }

  static constexpr size_t kPieceBytes = size_t{32} * 1024;

 private:
  bool begin(std::string& out);
  void append_head(std::string& out, std::optional<size_t> length) const;
  bool append_stream(std::string& out, std::string first);
  bool take(std::string& out, std::string piece);

  HttpResponse response_;
  uint64_t date_ns_;
  int minor_version_;
  bool head_only_;
  bool keep_alive_;
  bool wants_gzip_;
  bool begun_ = false;
  bool chunked_ = false;
  std::optional<Gzip> gzip_;
};

}  // namespace kubepulse

#endif
