#include "identity/http_url.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace kubepulse {

namespace {

constexpr size_t kNameBytesMax = 253;

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kNameBytesMax &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

bool is_v6(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(),
                     [](char c) { return c > ' ' && c < 0x7F && c != '?' && c != '#'; });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool set_host(HttpUrl& url, std::string_view& rest) {
  bool bracketed = take_prefix(rest, "[");
  size_t end = bracketed ? rest.find(']') : rest.rfind(':');
  if (bracketed && end == rest.npos) return false;
  url.host = std::string(rest.substr(0, end));
  rest.remove_prefix(end == rest.npos ? rest.size() : end + (bracketed ? 1 : 0));
  return is_v6(url.host) || (!bracketed && is_name(url.host));
}

bool set_port(HttpUrl& url, std::string_view rest) {
  url.port = url.tls ? 443 : 80;
  if (rest.empty()) return true;
  auto port = take_prefix(rest, ":") ? parse_number(rest, UINT16_MAX) : std::nullopt;
  url.port = static_cast<uint16_t>(port.value_or(0));
  return url.port != 0;
}

}  // namespace

Result<HttpUrl> HttpUrl::parse(std::string_view text) {
  HttpUrl url;
  std::string_view rest = text;
  url.tls = take_prefix(rest, "https://");
  bool ok = url.tls || take_prefix(rest, "http://");
  size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash), authority = rest.substr(0, slash);
  ok = ok && is_path(path) && set_host(url, authority) && set_port(url, authority);
  if (!ok) return Status::error("give https://HOST:PORT or http://HOST:PORT");
  while (!path.empty() && path.back() == '/')
    path.remove_suffix(1);
  url.path = std::string(path);
  return url;
}

std::string HttpUrl::authority() const {
  bool v6 = host.find(':') != host.npos;
  std::string text = v6 ? "[" + host + "]" : host;
  text += ':';
  append_number(text, uint64_t{port});
  return text;
}

std::string HttpUrl::text() const {
  return (tls ? "https://" : "http://") + authority() + path;
}

}  // namespace kubepulse
