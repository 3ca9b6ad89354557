#include "publish/http_response.h"

#include <cstdio>
#include <ctime>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace kubepulse {

namespace {

constexpr size_t kGzipBytesMin = 512;  // below, it gains less than a packet
// How much one fill() may ask of a stream: compressed, 256 KiB are 1 or 2 ms of work.
constexpr size_t kPlainBytesMax = size_t{256} * 1024;
constexpr int kPiecesMax = 64;

constexpr char kChunkSize[] = "00000000\r\n";  // leading zeros are allowed; filled in afterwards
constexpr size_t kChunkDigits = 8;

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". strftime() would ask the locale.
void append_date(std::string& out, uint64_t realtime_ns) {
  static const char kDays[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char kMonths[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto seconds = static_cast<time_t>(realtime_ns / kNsPerSecond);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[80];
  int size = snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                      utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                      utc.tm_sec);
  out.append(text, static_cast<size_t>(size));
}

void put_chunk_size(std::string& out, size_t at, size_t size) {
  for (size_t digit = kChunkDigits; digit-- > 0; size >>= 4)
    out[at + digit] = "0123456789abcdef"[size & 15];
}

}  // namespace

HttpResponse http_text(int status) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  append_number(response.body, int64_t{status});
  response.body.append(" ").append(reason(status)).append("\n");
  return response;
}

HttpAnswer::HttpAnswer(const HttpRequest& request, HttpResponse response, uint64_t date_ns)
    : response_(std::move(response)),
      date_ns_(date_ns),
      minor_version_(request.minor_version),
      head_only_(request.method == "HEAD"),
      keep_alive_(request.keep_alive),
      wants_gzip_(request.accepts_gzip) {}

bool HttpAnswer::fill(std::string& out) {
  out.clear();
  if (!begun_) return begin(out);
  if (response_.stream) return append_stream(out, {});
  out = std::move(response_.body);
  return false;
}

bool HttpAnswer::begin(std::string& out) {
  begun_ = true;
  std::string& body = response_.body;
  if (response_.stream && !response_.stream->next(body)) response_.stream.reset();
  if (wants_gzip_ && (response_.stream || body.size() >= kGzipBytesMin))
    if (Result<Gzip> gzip = Gzip::create(); gzip.ok()) gzip_ = std::move(gzip.value());

  if (response_.stream) {
    chunked_ = minor_version_ >= 1;
    keep_alive_ = keep_alive_ && chunked_;
    append_head(out, std::nullopt);
    return !head_only_ && append_stream(out, std::move(body));
  }
  if (gzip_) {
    std::string compressed;
    gzip_->add(body, compressed);
    gzip_->finish(compressed);
    body = std::move(compressed);
  }
  append_head(out, body.size());
  if (head_only_) return false;
  if (out.size() + body.size() > kPieceBytes) return true;  // goes out as it is, not copied
  out += body;
  return false;
}

void HttpAnswer::append_head(std::string& out, std::optional<size_t> length) const {
  out += "HTTP/1.1 ";
  append_number(out, int64_t{response_.status});
  out.append(" ").append(reason(response_.status)).append("\r\nDate: ");
  append_date(out, date_ns_);
  out.append("\r\nContent-Type: ").append(response_.content_type).append("\r\n");
  if (length) {
    out += "Content-Length: ";
    append_number(out, uint64_t{*length});
    out += "\r\n";
  } else if (chunked_) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  if (gzip_) out += "Content-Encoding: gzip\r\n";
  out += "Vary: Accept, Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n";
  if (response_.status == 405) out += "Allow: GET, HEAD\r\n";
  if (response_.status == 503) out += "Retry-After: 1\r\n";
  if (!keep_alive_)
    out += "Connection: close\r\n";
  else if (minor_version_ == 0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

bool HttpAnswer::append_stream(std::string& out, std::string first) {
  size_t size_at = out.size();
  if (chunked_) out += kChunkSize;
  size_t data_at = out.size();
  bool more = take(out, std::move(first));
  if (chunked_) {
    if (out.size() == data_at) {
      out.resize(size_at);  // a chunk of size 0 would be the last
    } else {
      put_chunk_size(out, size_at, out.size() - data_at);
      out += "\r\n";
    }
    if (!more) out += "0\r\n\r\n";
  }
  return more;
}

// Moves the stream on by what one turn may cost; starts with `piece`, which was taken before.
bool HttpAnswer::take(std::string& out, std::string piece) {
  size_t from = out.size(), plain_bytes = 0;
  bool more = true;
  for (int pieces = 0; pieces < kPiecesMax; pieces++) {
    if (pieces > 0 || piece.empty()) {
      piece.clear();
      more = response_.stream->next(piece);
    }
    plain_bytes += piece.size();
    if (gzip_)
      gzip_->add(piece, out);
    else
      out += piece;
    if (!more || out.size() - from >= kPieceBytes || plain_bytes >= kPlainBytesMax) break;
  }
  if (more) return true;
  if (gzip_) gzip_->finish(out);
  response_.stream.reset();
  return false;
}

}  // namespace kubepulse
