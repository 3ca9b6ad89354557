#include "tests/live/http_client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Result<std::string> unchunked(std::string_view rest) {
  std::string body;
  while (true) {
    size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return Status::error("a chunk has no size");
    std::string digits(rest.substr(0, end));
    char* stop = nullptr;
    size_t size = strtoul(digits.c_str(), &stop, 16);
    if (digits.empty() || *stop != 0) return Status::error("malformed size of a chunk");
    rest.remove_prefix(end + 2);
    if (rest.size() < size + 2 || rest.substr(size, 2) != "\r\n")
      return Status::error("a chunk is cut");
    body += rest.substr(0, size);
    rest.remove_prefix(size + 2);
    if (size > 0) continue;
    return rest.empty() ? Result<std::string>(body) : Status::error("more than the last chunk");
  }
}

}  // namespace

std::string HttpAnswer::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    std::string_view line = next_piece(rest, '\n');
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos || lower(line.substr(0, colon)) != name) continue;
    line.remove_prefix(colon + 2);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return std::string(line);
  }
  return {};
}

Result<Fd> http_dial(const std::string& address, int timeout_ms) {
  Address to;
  if (address.compare(0, 5, "unix:") == 0) {
    auto* path = reinterpret_cast<sockaddr_un*>(&to.storage);
    path->sun_family = AF_UNIX;
    strncpy(path->sun_path, address.c_str() + 5, sizeof path->sun_path - 1);
    to.size = sizeof *path;
  } else {
    size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    std::optional<uint64_t> port = parse_number(address.substr(colon + 1), 65535);
    if (colon == std::string::npos || !port) return Status::error("malformed address " + address);
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    to = Address::of(host, static_cast<uint16_t>(*port));
  }
  Fd connection(socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{timeout_ms / 1000, timeout_ms % 1000 * 1000};
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!connection || connect(connection.get(), to.raw(), to.size) != 0)
    return Status::from_errno(address, errno);
  return connection;
}

std::string http_read_all(const Fd& connection) {
  std::string bytes;
  char piece[16384];
  for (ssize_t got; (got = recv(connection.get(), piece, sizeof piece, 0)) > 0;)
    bytes.append(piece, static_cast<size_t>(got));
  return bytes;
}

Result<HttpAnswer> parse_http_answer(std::string_view bytes, bool has_body) {
  HttpAnswer answer;
  size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return Status::error("no head: " + std::string(bytes));
  answer.head = bytes.substr(0, end + 2);
  std::string_view body = bytes.substr(end + 4);
  std::optional<uint64_t> status = parse_number(std::string_view(answer.head).substr(9, 3));
  if (answer.head.compare(0, 9, "HTTP/1.1 ") != 0 || !status)
    return Status::error("malformed status line: " + answer.head);
  answer.status = static_cast<int>(*status);
  if (!has_body) return body.empty() ? Result<HttpAnswer>(answer) : Status::error("HEAD's body");
  if (lower(answer.header("transfer-encoding")) == "chunked") {
    Result<std::string> whole = unchunked(body);
    if (!whole.ok()) return whole.status();
    answer.body = whole.value();
    return answer;
  }
  answer.body = body;
  std::string length = answer.header("content-length");
  if (!length.empty() && length != std::to_string(body.size()))
    return Status::error("Content-Length is " + length + ", the body has " +
                         std::to_string(body.size()) + " bytes");
  return answer;
}

Result<HttpAnswer> http_exchange(const std::string& address, std::string_view request,
                                 bool has_body) {
  Result<Fd> connection = http_dial(address);
  if (!connection.ok()) return connection.status();
  while (!request.empty()) {
    ssize_t sent = send(connection.value().get(), request.data(), request.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // an answer may come all the same
    request.remove_prefix(static_cast<size_t>(sent));
  }
  return parse_http_answer(http_read_all(connection.value()), has_body);
}

Result<HttpAnswer> http_get(const std::string& address, const std::string& path,
                            const std::string& headers) {
  return http_exchange(address, "GET " + path + " HTTP/1.1\r\nHost: live\r\nConnection: close\r\n" +
                                    headers + "\r\n");
}

}  // namespace kubepulse::live
