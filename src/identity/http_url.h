// "https://10.0.0.1:10250", "http://[::1]:10255/x", "https://name". Pure.
#ifndef KUBEPULSE_IDENTITY_HTTP_URL_H
#define KUBEPULSE_IDENTITY_HTTP_URL_H

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

struct HttpUrl {
  bool tls = false;
  std::string host;  // a name or an address, this without brackets
  uint16_t port = 0;
  std::string path;  // "" or "/...", never ended by a slash: a target is appended to it

  // "host:port" as the field Host wants it.
  std::string authority() const;
  std::string text() const;

  // Users, queries and fragments are refused: no server of ours has them. An IPv6 address may stand
  // without brackets where a port follows: https://$(HOST_IP):10250 of a DaemonSet cannot know.
  static Result<HttpUrl> parse(std::string_view text);
};

}  // namespace kubepulse

#endif
