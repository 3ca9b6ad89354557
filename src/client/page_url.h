// Which daemon a subcommand asks. Pure.
#ifndef KUBEPULSE_CLIENT_PAGE_URL_H
#define KUBEPULSE_CLIENT_PAGE_URL_H

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace kubepulse {

constexpr uint16_t kDefaultPort = 9090;
constexpr const char* kDefaultUrl = "http://127.0.0.1:9090/metrics";

// The URL of a daemon's page, as PageClient takes it: "http://HOST:PORT/PATH" or "unix:/PATH", of
// "http://HOST:PORT", "HOST:PORT", ":PORT", with a path or without, or "unix:/PATH". An error says
// what is accepted.
Result<std::string> page_url(std::string_view text);

}  // namespace kubepulse

#endif
