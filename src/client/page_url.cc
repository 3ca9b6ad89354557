#include "client/page_url.h"

#include <sys/un.h>

#include "identity/http_url.h"

namespace kubepulse {

Result<std::string> page_url(std::string_view text) {
  constexpr std::string_view kUnix = "unix:/";
  if (text.substr(0, kUnix.size()) == kUnix &&
      text.size() - kUnix.size() + 1 < sizeof(sockaddr_un::sun_path))
    return std::string(text);
  std::string full(text);
  if (text.substr(0, 1) == ":") full.insert(0, "127.0.0.1");
  if (full.find("://") == full.npos) full.insert(0, "http://");
  auto url = HttpUrl::parse(full);
  if (!url.ok() || url.value().tls)
    return Status::error("http://HOST:PORT/metrics, HOST:PORT or unix:/path of at most 107 bytes");
  if (url.value().path.empty()) url.value().path = "/metrics";
  return url.value().text();
}

}  // namespace kubepulse
