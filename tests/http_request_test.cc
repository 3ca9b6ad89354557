#include "publish/http_request.h"

#include <string>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

using Kind = HttpParse::Kind;

std::string verdict(std::string_view bytes) {
  HttpParse parse = parse_http_request(bytes);
  if (parse.kind == Kind::kIncomplete) return "incomplete";
  if (parse.kind == Kind::kRefused) return std::to_string(parse.status);
  const HttpRequest& request = parse.request;
  std::string text(request.method);
  text.append(" ").append(request.path);
  if (!request.query.empty()) text.append(" ?").append(request.query);
  text += request.minor_version == 0 ? " 1.0" : " 1.1";
  if (request.keep_alive) text += " keep";
  if (request.accepts_gzip) text += " gzip";
  if (request.accepts_openmetrics) text += " openmetrics";
  return text + " " + std::to_string(parse.consumed);
}

// The verdict on GET / with these fields, without path, version and size.
std::string with_fields(const std::string& fields, const std::string& version = "1.1") {
  std::string text = verdict("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n");
  if (text.size() == 3) return text;
  size_t from = std::string("GET / 1.x").size();
  return text.substr(from, text.rfind(' ') - from);
}

std::string encoding(const std::string& value) {
  return with_fields("Connection: close\r\nAccept-Encoding: " + value + "\r\n");
}

std::string accept(const std::string& value) {
  return with_fields("Connection: close\r\nAccept: " + value + "\r\n");
}

std::string line(const std::string& request_line) {
  return verdict(request_line + "\r\nHost: a\r\n\r\n");
}

START_TEST(requests) {
  CHECK_TEXT(verdict("GET /metrics HTTP/1.1\r\nHost: node:9090\r\n\r\n"),
             "GET /metrics 1.1 keep 42");
  CHECK_TEXT(verdict("GET /metrics?name=a?b HTTP/1.0\n\nrest"), "GET /metrics ?name=a?b 1.0 32");
  CHECK_TEXT(verdict("\r\n\nHEAD / HTTP/1.0\r\n\r\n"), "HEAD / 1.0 22");
  CHECK_TEXT(line("GET http://node:9090/metrics?a HTTP/1.1"), "GET /metrics ?a 1.1 keep 52");
  CHECK_TEXT(line("GET HTTP://node HTTP/1.1"), "GET / 1.1 keep 37");
  CHECK_TEXT(line("GET http://node?a HTTP/1.1"), "GET / ?a 1.1 keep 39");
  CHECK_TEXT(line("POST / HTTP/1.1"), "POST / 1.1 keep 28");
  CHECK_TEXT(line("OPTIONS * HTTP/1.1"), "OPTIONS * 1.1 keep 31");
}
END_TEST

START_TEST(request_lines_refused) {
  for (const char* bad : {"GET",
                          "GET /",
                          "GET / ",
                          "GET  / HTTP/1.1",
                          "GET / HTTP/1.1 ",
                          " GET / HTTP/1.1",
                          "GET / HTTP/2.0",
                          "GET / HTTP/1.2",
                          "GET / HTTP/1.10",
                          "GET / http/1.1",
                          "GET * HTTP/1.1",
                          "GET metrics HTTP/1.1",
                          "GET /a#b HTTP/1.1",
                          "GET /\xFF HTTP/1.1",
                          "G(T / HTTP/1.1",
                          "GET\t/ HTTP/1.1",
                          "GET http:///a HTTP/1.1",
                          "GET https://a/ HTTP/1.1",
                          "CONNECT a:1 HTTP/1.1",
                          "PRI * HTTP/2.0",
                          "GET /\x01 HTTP/1.1",
                          "GET /\r HTTP/1.1"})
    CHECK_TEXT(line(bad) + " " + bad, std::string("400 ") + bad);
  // Not before the line has ended, except for what no line may hold.
  CHECK_TEXT(verdict("SSH-2.0-x"), "incomplete");
  CHECK_TEXT(verdict("\x16\x03\x01"), "400");
}
END_TEST

START_TEST(fields_refused) {
  CHECK_TEXT(verdict("GET / HTTP/1.1\r\n\r\n"), "400");
  CHECK_TEXT(verdict("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), "400");
  CHECK_TEXT(verdict("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400");
  CHECK_TEXT(verdict("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "GET / 1.1 keep 25");
  CHECK_TEXT(verdict("GET / HTTP/1.1\r\n folded: a\r\nHost: a\r\n\r\n"), "400");
  for (const char* bad : {"A: b\r\n c\r\n", "A: b\r\n\tc\r\n", "A : b\r\n", "A\r\n", ": b\r\n",
                          "A: \x01\r\n", "A: b\rc\r\n", "A: \x7F\r\n", "A\x80: b\r\n"})
    CHECK_TEXT(with_fields(bad), "400");
  CHECK_TEXT(verdict(std::string_view("GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", 33)), "400");
  CHECK_TEXT(with_fields("A: \xFF\t \"b\" \r\nB:\r\n"), " keep");
}
END_TEST

START_TEST(bodies_refused) {
  CHECK_TEXT(with_fields("Content-Length: 0\r\n"), " keep");
  CHECK_TEXT(with_fields("content-length: 000\r\nContent-Length:000 \r\n"), " keep");
  CHECK_TEXT(with_fields("Content-Length: 5\r\n"), "413");
  CHECK_TEXT(with_fields("Content-Length: 99999999999999999999999999999\r\n"), "413");
  CHECK_TEXT(with_fields("Transfer-Encoding: chunked\r\n"), "413");
  CHECK_TEXT(with_fields("Transfer-Encoding:\r\nContent-Length: 0\r\n"), "413");
  for (const char* bad : {"", "-1", "+1", "1x", "0x1", "1, 1", "1 1", "1.0"})
    CHECK_TEXT(with_fields(std::string("Content-Length: ") + bad + "\r\n"), "400");
  CHECK_TEXT(with_fields("Content-Length: 0\r\nContent-Length: 5\r\n"), "400");
}
END_TEST

START_TEST(connections) {
  CHECK_TEXT(with_fields(""), " keep");
  CHECK_TEXT(with_fields("", "1.0"), "");
  CHECK_TEXT(with_fields("Connection: Close\r\n"), "");
  CHECK_TEXT(with_fields("Connection: Keep-Alive\r\n", "1.0"), " keep");
  CHECK_TEXT(with_fields("Connection: keep-alive\r\nConnection: te , close\r\n"), "");
  CHECK_TEXT(with_fields("Connection: closed\r\n"), " keep");
}
END_TEST

START_TEST(encodings) {
  for (const char* yes : {"gzip", "deflate, gzip, br, zstd", "GZIP", "x-gzip", "*", "gzip;q=1.0",
                          "gzip ; q=0.001", "identity;q=0.5, gzip", "gzip, identity", "br,,gzip",
                          "gzip;q=0.5, *;q=0.5", "*;q=0.1, identity;q=0", "gzip;q=0.12345"})
    CHECK_TEXT(encoding(yes) + " " + yes, std::string(" gzip ") + yes);
  for (const char* no :
       {"", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "br", "gzip;q=0, *", "gzipped",
        "gzip;q=0.5, identity", "gzip;q=0.5, *;q=0.8", "identity, *;q=0", "gzip;q=x",
        "gzip;q=", "gzip;q=0.5x", "gzip;q=-1", "gzip;q=2"})
    CHECK_TEXT(encoding(no) + " " + no, std::string(" ") + no);
  CHECK_TEXT(with_fields("Connection: close\r\n"), "");
  CHECK_TEXT(encoding("br\r\nAccept-Encoding: gzip"), " gzip");
}
END_TEST

START_TEST(types) {
  // As Prometheus 2.48, 3.1 and 2.5 ask.
  CHECK_TEXT(accept("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                    "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
             " openmetrics");
  CHECK_TEXT(accept("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
                    "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
             " openmetrics");
  CHECK_TEXT(accept("application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,"
                    "*/*;q=0.1"),
             "");
  for (const char* yes :
       {"application/openmetrics-text", "Application/OpenMetrics-Text; Version=1.0.0",
        "application/openmetrics-text, text/plain", "application/openmetrics-text;q=0.5, */*;q=0.5",
        "text/plain;q=0.2, application/openmetrics-text;q=0.3, */*",
        "application/openmetrics-text;version=2.0.0, application/openmetrics-text;q=0.4"})
    CHECK_TEXT(accept(yes) + " " + yes, std::string(" openmetrics ") + yes);
  for (const char* no :
       {"", "*/*", "text/plain", "application/*", "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.3, text/plain;q=0.4",
        "text/*, application/openmetrics-text;q=0.9", "application/openmetrics-text;q=0.5, */*",
        "application/openmetrics-text;version=2.0.0",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
    CHECK_TEXT(accept(no) + " " + no, std::string(" ") + no);
}
END_TEST

START_TEST(sizes) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  std::string full = head + std::string(kHttpHeadBytesMax - head.size() - 4, 'a') + "\r\n\r\n";
  CHECK_TEXT(verdict(full), "GET / 1.1 keep 8192");
  CHECK_TEXT(verdict(full + full), "GET / 1.1 keep 8192");
  CHECK_TEXT(verdict(full.substr(0, 8191)), "incomplete");
  CHECK_TEXT(verdict(head + "a" + full.substr(head.size())), "431");
  CHECK_TEXT(verdict(std::string(8191, 'a')), "incomplete");
  CHECK_TEXT(verdict(std::string(8192, 'a')), "431");
  CHECK_TEXT(verdict(std::string(1 << 20, 'a')), "431");
  CHECK_TEXT(verdict(std::string(1 << 20, '\n')), "431");
}
END_TEST

// Cut anywhere, the answer is the same or not there yet.
START_TEST(prefixes) {
  std::string whole =
      "\r\nGET /metrics?a=b HTTP/1.1\r\nHost: node:9090\r\nAccept-Encoding: gzip\r\n"
      "Accept: application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.2\r\n\r\n";
  std::string next = "GET / HTTP/1.1\r\n";
  std::string want = verdict(whole);
  for (size_t size = 0; size < whole.size(); size++)
    CHECK_TEXT(verdict(whole.substr(0, size)), "incomplete");
  for (size_t size = 0; size <= next.size(); size++)
    CHECK_TEXT(verdict(whole + next.substr(0, size)), want);
  for (size_t at = 2; at < whole.size() - 1; at++) {
    std::string broken = whole;
    broken[at] = '\x02';
    CHECK_TEXT(verdict(broken.substr(0, at)), "incomplete");
    CHECK_TEXT(verdict(broken.substr(0, at + 1)), "400");
    CHECK_TEXT(verdict(broken), "400");
  }
}
END_TEST

}  // namespace

CHECK_MAIN("http_request", requests, request_lines_refused, fields_refused, bodies_refused,
           connections, encodings, types, sizes, prefixes)
