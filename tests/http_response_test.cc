#include "publish/http_response.h"

#include <string>

#include "tests/check.h"
#include "tests/gunzip.h"
#include "tests/http_client.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint64_t kDateNs = 784111777 * kNsPerSecond;
const char kHead[] =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n";
const char kTail[] = "Vary: Accept, Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n";

HttpRequest request(std::string_view method = "GET", int minor_version = 1) {
  HttpRequest request;
  request.method = method;
  request.minor_version = minor_version;
  request.keep_alive = true;
  return request;
}

HttpResponse text(std::string body) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

HttpResponse stream(int pieces, size_t piece_bytes) {
  HttpResponse response = stream_of(std::make_unique<Lines>(pieces, piece_bytes));
  response.content_type = "text/plain";
  return response;
}

struct Sent {
  std::string bytes;
  int fills = 0;
  size_t largest = 0;
  bool keep_alive = false;
  std::string body() const { return bytes.substr(bytes.find("\r\n\r\n") + 4); }
};

Sent send(const HttpRequest& request, HttpResponse response) {
  HttpAnswer answer(request, std::move(response), kDateNs);
  Sent sent;
  std::string out;
  for (bool more = true; more; sent.fills++) {
    more = answer.fill(out);
    sent.bytes += out;
    sent.largest = std::max(sent.largest, out.size());
  }
  sent.keep_alive = answer.keep_alive();
  return sent;
}

std::string unchunk(std::string_view chunks) {
  std::string body;
  for (;;) {
    size_t line = chunks.find("\r\n");
    ck_assert(line != std::string_view::npos && line > 0);
    size_t size = strtoul(std::string(chunks.substr(0, line)).c_str(), nullptr, 16);
    body += chunks.substr(line + 2, size);
    CHECK_TEXT(chunks.substr(line + 2 + size, 2), "\r\n");
    chunks.remove_prefix(line + 4 + size);
    if (size > 0) continue;
    CHECK_TEXT(chunks, "");
    return body;
  }
}

START_TEST(bodies) {
  std::string head = std::string(kHead) + "Content-Length: 3\r\n" + kTail;
  CHECK_TEXT(send(request(), text("abc")).bytes, head + "\r\nabc");
  CHECK_TEXT(send(request("HEAD"), text("abc")).bytes, head + "\r\n");
  CHECK_TEXT(send(request("GET", 0), text("abc")).bytes,
             head + "Connection: keep-alive\r\n\r\nabc");
  HttpRequest last = request();
  last.keep_alive = false;
  CHECK_TEXT(send(last, text("abc")).bytes, head + "Connection: close\r\n\r\nabc");
  CHECK_TEXT(send(request(), text("")).bytes,
             std::string(kHead) + "Content-Length: 0\r\n" + kTail + "\r\n");
}
END_TEST

START_TEST(statuses) {
  Sent sent = send(request(), http_text(405));
  ck_assert(sent.bytes.find("HTTP/1.1 405 Method Not Allowed\r\n") == 0);
  ck_assert(sent.bytes.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
  CHECK_TEXT(sent.body(), "405 Method Not Allowed\n");
  sent = send(request(), http_text(503));
  ck_assert(sent.bytes.find("\r\nRetry-After: 1\r\n") != std::string::npos);
}
END_TEST

START_TEST(large_body_is_not_copied) {
  std::string body(1000000, 'x');
  Sent sent = send(request(), text(body));
  ck_assert(sent.body() == body);
  ck_assert_int_eq(sent.fills, 2);
}
END_TEST

START_TEST(streams) {
  Sent sent = send(request(), stream(1, 100));
  ck_assert(sent.bytes.find("\r\nContent-Length: 100\r\n") != std::string::npos);
  CHECK_TEXT(sent.body(), Lines(1, 100).whole());

  sent = send(request(), stream(50, 20000));
  ck_assert(sent.bytes.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos);
  ck_assert(sent.bytes.find("Content-Length") == std::string::npos);
  ck_assert(unchunk(sent.body()) == Lines(50, 20000).whole());
  ck_assert(sent.keep_alive);
  ck_assert_uint_le(sent.largest, HttpAnswer::kPieceBytes + 20000 + 400);

  sent = send(request("GET", 0), stream(50, 20000));
  ck_assert(sent.bytes.find("chunked") == std::string::npos);
  ck_assert(sent.bytes.find("\r\nConnection: close\r\n") != std::string::npos);
  ck_assert(sent.body() == Lines(50, 20000).whole());
  ck_assert(!sent.keep_alive);

  sent = send(request("HEAD"), stream(50, 20000));
  CHECK_TEXT(sent.bytes, std::string(kHead) + "Transfer-Encoding: chunked\r\n" + kTail + "\r\n");
  ck_assert(sent.keep_alive);
}
END_TEST

START_TEST(gzips) {
  HttpRequest zipped = request();
  zipped.accepts_gzip = true;
  Sent sent = send(zipped, text("short"));
  CHECK_TEXT(sent.body(), "short");
  ck_assert(sent.bytes.find("Content-Encoding") == std::string::npos);

  sent = send(zipped, text(Lines(1000, 100).whole()));
  ck_assert(sent.bytes.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos);
  ck_assert(sent.bytes.find("\r\nContent-Length: " + std::to_string(sent.body().size())) !=
            std::string::npos);
  ck_assert(gunzip(sent.body()) == Lines(1000, 100).whole());

  sent = send(zipped, stream(1, 5000));
  ck_assert(sent.bytes.find("\r\nContent-Length: ") != std::string::npos);
  ck_assert(gunzip(sent.body()) == Lines(1, 5000).whole());

  sent = send(zipped, stream(300, 30000));
  ck_assert(sent.bytes.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos);
  ck_assert(gunzip(unchunk(sent.body())) == Lines(300, 30000).whole());
  // It compresses so well that the pieces are bounded by what goes in: 256 KiB a fill.
  ck_assert_int_gt(sent.fills, 300 * 30000 / (260 * 1024 + 30000));

  zipped.minor_version = 0;
  sent = send(zipped, stream(300, 30000));
  ck_assert(gunzip(sent.body()) == Lines(300, 30000).whole());
}
END_TEST

START_TEST(tiny_pieces) {
  Sent sent = send(request(), stream(1000, 10));
  ck_assert(unchunk(sent.body()) == Lines(1000, 10).whole());
  HttpRequest zipped = request();
  zipped.accepts_gzip = true;
  sent = send(zipped, stream(1000, 10));
  ck_assert(gunzip(unchunk(sent.body())) == Lines(1000, 10).whole());
}
END_TEST

}  // namespace

CHECK_MAIN("http_response", bodies, statuses, large_body_is_not_copied, streams, gzips, tiny_pieces)
