// What the command line of `kubepulse top` says. One table (top_options.cc) drives the flags, the
// defaults and the usage text.
#ifndef KUBEPULSE_TOP_TOP_OPTIONS_H
#define KUBEPULSE_TOP_TOP_OPTIONS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "top/controls.h"

namespace kubepulse {

struct TopOptions {
  std::string url;  // of page_url(); "": the default port of this host, else our own daemon
  uint64_t interval_ns = 0;
  bool once = false;  // true with `json`
  bool json = false;
  Controls controls;
  size_t rows_max = 0;  // 0: not given
  bool help = false;
};

// `argv[0]` is not looked at. An error is one line that names the flag, its value, and what is
// accepted.
Result<TopOptions> parse_top_options(int argc, const char* const* argv);

// For --help; lines of at most 100 columns, the last one ended.
std::string top_usage();

}  // namespace kubepulse

#endif
