// What the command line of `kubepulse top` says. One table (top_options.cc) drives the flags, the
// defaults and the usage text.
#ifndef KUBEPULSE_TOP_TOP_OPTIONS_H
#define KUBEPULSE_TOP_TOP_OPTIONS_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "identity/http_url.h"
#include "top/controls.h"

namespace kubepulse {

// Whose page it is.
struct PageSource {
  HttpUrl url;            // of no meaning where there is a unix path
  std::string unix_path;  // of a socket; a "@" in front: an abstract one
  std::string text;       // as messages name it

  // "http://HOST:PORT", "http://HOST:PORT/metrics", "HOST:PORT", ":PORT" or "unix:/PATH".
  static Result<PageSource> parse(std::string_view text);
};

struct TopOptions {
  std::optional<PageSource> source;  // none: the default port of this host, else our own daemon
  uint64_t interval_ns = 0;
  bool once = false;  // true with `json`
  bool json = false;
  Controls controls;
  size_t rows_max = 0;  // 0: not given
  bool help = false;
};

constexpr const char* kDefaultSource = "http://127.0.0.1:9090/metrics";

// `argv[0]` is not looked at. An error is one line that names the flag, its value, and what is
// accepted.
Result<TopOptions> parse_top_options(int argc, const char* const* argv);

// For --help; lines of at most 100 columns, the last one ended.
std::string top_usage();

}  // namespace kubepulse

#endif
