// Parse, check what is required, build, run.
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/log.h"
#include "base/loop.h"
#include "base/signals.h"
#include "collect/process.h"
#include "daemon.h"
#include "options.h"
#include "publish/listen_address.h"
#include "self_check.h"
#include "sniff/sniff.h"
#include "sniff/sniff_options.h"
#include "top/top.h"
#include "top/top_options.h"
#include "version.h"

using namespace kubepulse;  // NOLINT: the one file that is not in it

namespace {

int complain(const Status& status, int exit_status) {
  fprintf(stderr, "kubepulse: %s\n", status.message().c_str());
  return exit_status;
}

void read_signals(int fd, Loop& loop) {
  signalfd_siginfo info;
  while (read(fd, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP) {
      log_info("SIGHUP is ignored: there is nothing to read again");
      continue;
    }
    log_info("ending", {{"signal", info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT"}});
    loop.stop();
  }
}

void fill_node_name(Options& options) {
  char name[256] = "";
  if (!options.node_name.empty()) return;
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0)
    snprintf(name, sizeof name, "localhost");
  options.node_name = name;
}

int serve(const Options& options, Listener listener) {
  log_info("listening", {{"address", listener.text()}});
  allow_many_fds();
  auto signals = open_signals({SIGTERM, SIGINT, SIGHUP});
  if (!signals.ok()) return complain(signals.status(), kExitCannotWork);
  auto loop = Loop::create();
  if (!loop.ok()) return complain(loop.status(), kExitCannotWork);
  auto daemon = Daemon::start(loop.value(), options, std::move(listener));
  if (!daemon.ok()) return complain(daemon.status(), kExitCannotWork);
  int fd = signals.value().get();
  Status status =
      loop.value().watch(fd, EPOLLIN, [&](uint32_t) { read_signals(fd, loop.value()); });
  if (status.ok()) status = loop.value().run();
  return status.ok() ? kExitOk : complain(status, kExitCannotWork);
}

int run(const Options& options) {
  auto address = ListenAddress::parse(options.listen);
  if (!address.ok()) return complain(address.status(), kExitUsage);
  if (Status status = check_bpf_usable(); !status.ok()) return complain(status, kExitCannotWork);
  auto listener = address.value().listen();
  if (!listener.ok()) return complain(listener.status(), kExitCannotListen);
  return serve(options, std::move(listener.value()));
}

// The daemon that a subcommand starts heeds the environment, as any other does, but for where
// it would listen and write.
int serve_own(Listener listener) {
  const char* words[] = {"kubepulse", "--log-events=false"};
  auto options = parse_options(2, words, [](const char* name) { return getenv(name); });
  if (!options.ok()) return complain(options.status(), kExitUsage);
  fill_node_name(options.value());
  return serve(options.value(), std::move(listener));
}

int top(int argc, char** argv) {
  auto options = parse_top_options(argc, argv);
  if (!options.ok()) return complain(options.status(), kExitUsage);
  if (options.value().help) return fputs(top_usage().c_str(), stdout) < 0;
  Status status = run_top(std::move(options.value()), serve_own);
  return status.ok() ? kExitOk : complain(std::move(status).in("top"), kExitCannotWork);
}

int sniff(int argc, char** argv) {
  auto options = parse_sniff_options(argc, argv);
  if (!options.ok()) return complain(options.status(), kExitUsage);
  if (options.value().help) return fputs(sniff_usage().c_str(), stdout) < 0;
  Status status = run_sniff(std::move(options.value()), serve_own);
  return status.ok() ? kExitOk : complain(std::move(status).in("sniff"), kExitCannotWork);
}

}  // namespace

// libstdc++'s own would link a demangler to print an exception; there are none.
void __gnu_cxx::__verbose_terminate_handler() {
  abort();
}

int main(int argc, char** argv) {
  // Fixed, or the first large block that is freed raises it: the kernel's BTF, read for each
  // program anew, is to go back at once.
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  if (argc > 1 && strcmp(argv[1], "top") == 0) return top(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "sniff") == 0) return sniff(argc - 1, argv + 1);
  auto parsed = parse_options(argc, argv, [](const char* name) { return getenv(name); });
  if (!parsed.ok()) return complain(parsed.status(), kExitUsage);
  Options& options = parsed.value();
  if (options.help) return fputs(usage().c_str(), stdout) < 0;
  if (options.version)
    return printf("kubepulse %s (%s)\n", KUBEPULSE_VERSION, KUBEPULSE_REVISION) < 0;
  if (!options.btf.empty())
    if (Status status = check_btf_file(options.btf); !status.ok())
      return complain(status, kExitUsage);
  fill_node_name(options);
  return options.check ? self_check(options) : run(options);
}
