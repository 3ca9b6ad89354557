// What the command line and the environment say. One table (options.cc) drives the flags, the
// environment's names, the defaults and the usage text.
#ifndef KUBEPULSE_OPTIONS_H
#define KUBEPULSE_OPTIONS_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "collect/syscall_names.h"
#include "identity/pods_settings.h"
#include "publish/histogram.h"

namespace kubepulse {

enum ExitStatus {
  kExitOk = 0,            // ended as it was told to; --check: it would work here
  kExitCannotWork = 1,    // this kernel, or what we may do here, does not let it work
  kExitUsage = 2,         // a flag, an environment variable or a value is wrong
  kExitCannotListen = 3,  // the address of --listen cannot be had
};

constexpr size_t kInterfacesCountedMax = 16;

// The defaults are in the table: take an Options from parse_options() only.
struct Options {
  std::string listen;     // not empty; ListenAddress::parse() judges it
  std::string node_name;  // empty: the hostname
  bool log_events = false;
  bool services = false;  // the API server is asked for them
  std::string cluster_domain;
  uint32_t groups = 0;  // of metrics: enum Group; never empty
  bool custom = false;  // --profile=custom, and then `collect` is `groups`
  uint32_t collect = 0;
  std::vector<Syscall> syscalls;
  std::string syscalls_elsewhere;       // asked for, but only the other architecture has them
  std::vector<uint64_t> buckets_ns;     // 1 to kBucketsMax, strictly increasing, positive
  std::vector<std::string> interfaces;  // each once, at most kInterfacesCountedMax
  std::string flavour;                  // "auto", "fentry", "kprobe", "tracepoint" or "cgroup"
  uint32_t tcp_ring_bytes = 0;          // a power of two, and a multiple of the page size
  uint32_t dns_ring_bytes = 0;          // likewise
  uint32_t tcp_connections = 0;
  uint32_t max_events = 0;  // a second, before load is shed; 0: never
  uint64_t sample_interval_ns = 0;
  uint64_t insight_interval_ns = 0;  // 0: nobody looks
  std::string btf;                   // empty: the kernel's own
  // But for the node's name: see pods_settings(). The API server's URL is "" where it is not asked.
  PodsSettings pods;
  std::string namespaces, excluded_namespaces;  // as given; `pods` has them read
  bool check = false;
  bool check_json = false;  // then `check` too
  // By KUBEPULSE_TEST_BREAK alone, see LoadSettings.
  std::vector<std::string> test_break;
  bool help = false;
  bool version = false;
};

// Like getenv(3): null where `name` is not set.
using Environment = std::function<const char*(const char* name)>;

// Of a flag that is given more than once the last counts, but of --interface all; a flag wins over
// the environment; a variable that is empty is one that is not set. After --help or --version
// nothing else is read. An error is one line that names the flag or the variable, its value, and
// what is accepted.
Result<Options> parse_options(int argc, const char* const* argv, const Environment& environment);

// Once `node_name` is filled.
PodsSettings pods_settings(const Options& options);

// For --help; lines of at most 100 columns, the last one ended.
std::string usage();

}  // namespace kubepulse

#endif
