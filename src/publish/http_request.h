// The head of an HTTP/1.x request (RFC 9112), parsed without any I/O. A request here has no body.
#ifndef KUBEPULSE_PUBLISH_HTTP_REQUEST_H
#define KUBEPULSE_PUBLISH_HTTP_REQUEST_H

#include <cstddef>
#include <string_view>

namespace kubepulse {

// Of a whole head: request line, header fields, the empty line that ends it, empty lines before it.
constexpr size_t kHttpHeadBytesMax = 8192;

// The views point into the bytes that were parsed, and live as long as those.
struct HttpRequest {
  std::string_view method;  // a token, case-sensitive: "GET"
  std::string_view path;    // starts with '/', not percent-decoded; "*" only for OPTIONS
  std::string_view query;   // what is behind the first '?'; "" where there is none
  int minor_version = 1;    // of HTTP/1.x: 0 or 1
  bool keep_alive = false;  // RFC 9112 section 9.3

  // From Accept-Encoding: gzip may be sent, and identity is not preferred (RFC 9110
  // section 12.5.3).
  bool accepts_gzip = false;
  // From Accept: application/openmetrics-text, of version 1.0.0 or of none, is named with a weight
  // that is not below that of text/plain. Wildcards alone mean text/plain (RFC 9110
  // section 12.5.1).
  bool accepts_openmetrics = false;
};

struct HttpParse {
  enum class Kind { kIncomplete, kComplete, kRefused };

  Kind kind = Kind::kIncomplete;
  size_t consumed = 0;  // kComplete: bytes of the head; what follows is the next request
  // kRefused, and nothing more can be read from this client:
  //   400 malformed, or not HTTP/1.0 or 1.1, or no or two Host (RFC 9112 sections 2.2, 3.2, 5, 6)
  //   413 announces a body: Transfer-Encoding, or Content-Length above 0
  //   431 no end within kHttpHeadBytesMax
  int status = 0;
  // Where refused, only `method`, and that only if the request line was understood.
  HttpRequest request;
};

// `bytes` is all that has come since the end of the request before. More bytes never change an
// answer other than kIncomplete. O(bytes), each time from the start: a head is short.
HttpParse parse_http_request(std::string_view bytes);

}  // namespace kubepulse

#endif
