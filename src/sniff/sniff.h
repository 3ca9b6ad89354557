// `kubepulse sniff`: asks for insights as they change, and prints what is new.
#ifndef KUBEPULSE_SNIFF_SNIFF_H
#define KUBEPULSE_SNIFF_SNIFF_H

#include "client/own_daemon.h"
#include "sniff/sniff_options.h"

namespace kubepulse {

// Until it is told to end, nobody reads it any more, or it has printed what was asked for once. The
// error says why it could not. `run` is called in a child process alone, where nobody listens and
// nobody was named.
Status run_sniff(SniffOptions options, const RunDaemon& run);

}  // namespace kubepulse

#endif
