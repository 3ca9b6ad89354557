// `kubepulse top`: asks for pages, and shows what has grown between them.
#ifndef KUBEPULSE_TOP_TOP_H
#define KUBEPULSE_TOP_TOP_H

#include "client/own_daemon.h"
#include "top/top_options.h"

namespace kubepulse {

// Until it is told to end, or has printed what was asked for once. The error says why it could not.
// `run` is called in a child process alone, where nobody listens and nobody was named.
Status run_top(TopOptions options, const RunDaemon& run);

}  // namespace kubepulse

#endif
