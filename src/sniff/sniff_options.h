// What the command line of `kubepulse sniff` says. One table (sniff_options.cc) drives the flags,
// the defaults and the usage text.
#ifndef KUBEPULSE_SNIFF_SNIFF_OPTIONS_H
#define KUBEPULSE_SNIFF_SNIFF_OPTIONS_H

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "sniff/changes.h"

namespace kubepulse {

struct SniffOptions {
  enum class Form : uint8_t { text, json, prometheus };

  Form form = Form::text;
  std::string url;  // of page_url(); "": the default port of this host, else our own daemon
  Origins origins = Origins::all;
  size_t batch_size = 1;
  bool once = false;
  bool help = false;
};

// `argv[0]` is not looked at. An error is one line that names the flag, its value, and what is
// accepted.
Result<SniffOptions> parse_sniff_options(int argc, const char* const* argv);

// For --help; lines of at most 100 columns, the last one ended.
std::string sniff_usage();

}  // namespace kubepulse

#endif
