// An HTTP/1.1 client for one request at a time, and a strict reader of the answer.
#ifndef KUBEPULSE_TESTS_LIVE_HTTP_CLIENT_H
#define KUBEPULSE_TESTS_LIVE_HTTP_CLIENT_H

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse::live {

struct HttpAnswer {
  int status = 0;
  std::string head;  // with the status line
  std::string body;  // decoded where it came in chunks

  // "" where there is none. `name` in lower case.
  std::string header(std::string_view name) const;
};

// `address` is as the daemon logs it: "unix:/path", "127.0.0.1:9090", "[::1]:9090". Receives and
// sends time out after `timeout_ms` each.
Result<Fd> http_dial(const std::string& address, int timeout_ms = 3000);

// All that comes until the server closes.
std::string http_read_all(const Fd& connection);
// `has_body`: false for the answer to HEAD.
Result<HttpAnswer> parse_http_answer(std::string_view bytes, bool has_body = true);

// Sends `request` as it is, and reads until the server closes.
Result<HttpAnswer> http_exchange(const std::string& address, std::string_view request,
                                 bool has_body = true);

// GET with "Connection: close"; `headers` are whole lines with "\r\n".
Result<HttpAnswer> http_get(const std::string& address, const std::string& path,
                            const std::string& headers = "");

}  // namespace kubepulse::live

#endif
