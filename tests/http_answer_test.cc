#include "identity/http_answer.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Read {
  std::string body;
  std::string error;
  bool finished = false;
  int code = 0;
  bool keep_alive = false;
};

// In pieces of `step` bytes, then the peer closes, if it is to.
Read read_answer(std::string_view bytes, size_t step, bool closes = false) {
  HttpAnswerParser parser;
  Read read;
  auto take = [&read](std::string_view piece) {
    read.body += piece;
    return true;
  };
  Status status;
  for (size_t at = 0; at < bytes.size() && status.ok(); at += step)
    status = parser.take(bytes.substr(at, step), take);
  if (status.ok() && closes) status = parser.closed();
  read.error = status.message();
  read.finished = parser.finished();
  read.code = parser.code();
  read.keep_alive = parser.keep_alive();
  return read;
}

void check_good(std::string_view bytes, std::string_view body, int code, bool keep_alive,
                bool closes = false) {
  for (size_t step : {bytes.size(), size_t{1}, size_t{2}, size_t{7}}) {
    Read read = read_answer(bytes, step, closes);
    CHECK_TEXT(read.error, "");
    CHECK_TEXT(read.body, body);
    ck_assert(read.finished);
    ck_assert_int_eq(read.code, code);
    ck_assert(read.keep_alive == keep_alive);
  }
}

void check_bad(std::string_view bytes, std::string_view part, bool closes = false) {
  for (size_t step : {bytes.size(), size_t{1}, size_t{3}}) {
    Read read = read_answer(bytes, step, closes);
    ck_assert_msg(read.error.find(part) != std::string::npos, "got \"%s\", want \"%s\"",
                  read.error.c_str(), std::string(part).c_str());
  }
}

START_TEST(with_a_length) {
  check_good("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true);
  check_good("HTTP/1.1 200 OK\r\ncontent-length:5\r\nCONNECTION: x, Close\r\n\r\nhello", "hello",
             200, false);
  check_good("HTTP/1.0 200 OK\nContent-Length: 5\n\nhello", "hello", 200, false);
  check_good("HTTP/1.0 200\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello", "hello",
             200, true);
  check_good("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "", 401, true);
  check_good("HTTP/1.1 204 \r\nContent-Length: 3\r\n\r\n", "", 204, true);
}
END_TEST

START_TEST(in_chunks) {
  check_good(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n00A ;x=y\r\n, you all!\r\n0\r\nTrailer: x\r\n\r\n",
      "hello, you all!", 200, true);
  check_good("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "", 200, true);
}
END_TEST

START_TEST(until_the_end) {
  check_good("HTTP/1.1 200 OK\r\n\r\nhello", "hello", 200, false, true);
  check_good("HTTP/1.1 200 OK\r\n\r\n", "", 200, false, true);
}
END_TEST

START_TEST(informational) {
  check_good("HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
             "x", 200, true);
  check_bad("HTTP/1.1 101 Switching\r\n\r\n", "changes the protocol");
  std::string forever;
  for (int i = 0; i < 2000; i++)
    forever += "HTTP/1.1 100 Continue\r\n\r\n";
  check_bad(forever, "head is too long");
}
END_TEST

START_TEST(cut) {
  check_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "was cut", true);
  check_bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "was cut", true);
  check_bad("HTTP/1.1 200 OK\r\nContent-", "closed without an answer", true);
  HttpAnswerParser parser;
  ck_assert(!parser.closed().ok());
}
END_TEST

START_TEST(malformed) {
  for (const char* line :
       {"", "\r", "HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK",
        "HTTP/1.1 200OK", "HTTP/1.2 200 OK", "HTP/1.1 200 OK", "HTTP/1.1  200", "\x16\x03\x01"})
    check_bad(std::string(line) + "\n", "its first line");
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const char* length : {"-1", "+1", "1,1", "0x1", "", "99999999999999999999"})
    check_bad(head + "Content-Length: " + length + "\r\n\r\n", "Content-Length");
  check_bad(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "Content-Length");
  check_bad(head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "two lengths");
  check_bad(head + "Transfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding");
  check_bad(head + "no colon\r\n\r\n", "colon");
  check_bad(head + "Content-Length: 1\r\n\r\nab", "behind its end");
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  for (const char* size : {"", "g", "-1", "1111111111111111", "0x1", " "})
    check_bad(chunked + size + "\r\n", "a chunk's size");
  check_bad(chunked + "1\r\nab\r\n", "longer than it says");
}
END_TEST

START_TEST(bounds) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  check_bad(head + "A: " + std::string(HttpAnswerParser::kLineBytesMax, 'x'), "line is too long");
  std::string fields;
  for (int i = 0; i < 10; i++)
    fields += "A: " + std::string(4000, 'x') + "\r\n";
  check_bad(head + fields, "head is too long");
  check_bad(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + fields, "head is too long");
  // A body has no bound of its own; many chunks are no long head.
  std::string chunks;
  for (int i = 0; i < 20000; i++)
    chunks += "1\r\nx\r\n";
  check_good(head + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n",
             std::string(20000, 'x'), 200, true);
}
END_TEST

START_TEST(no_more_is_wanted) {
  HttpAnswerParser parser;
  size_t seen = 0;
  Status status = parser.take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                              [&seen](std::string_view piece) {
                                seen += piece.size();
                                return false;
                              });
  ck_assert(!status.ok() && parser.stopped() && seen == 3);
}
END_TEST

START_TEST(again) {
  HttpAnswerParser parser;
  auto nothing = [](std::string_view) { return true; };
  for (int i = 0; i < 3; i++) {
    parser.reset();
    CHECK_OK(parser.take("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", nothing));
    ck_assert(parser.finished() && parser.keep_alive() && parser.body_bytes() == 2);
  }
}
END_TEST

}  // namespace

CHECK_MAIN("http_answer", with_a_length, in_chunks, until_the_end, informational, cut, malformed,
           bounds, no_more_is_wanted, again)
