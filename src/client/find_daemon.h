// Whom a subcommand asks: the daemon that it was told, else that of this host, else one of its own.
#ifndef KUBEPULSE_CLIENT_FIND_DAEMON_H
#define KUBEPULSE_CLIENT_FIND_DAEMON_H

#include <memory>
#include <string>

#include "base/status.h"
#include "client/own_daemon.h"

namespace kubepulse {

// An empty `url` becomes that of the default port where somebody listens there; where nobody does,
// a daemon is started, `url` stays empty, and OwnDaemon::url() tells where it is. Null where none
// was started. As OwnDaemon::start(): before any loop is made and any signal is blocked.
Result<std::unique_ptr<OwnDaemon>> find_daemon(std::string& url, const RunDaemon& run);

}  // namespace kubepulse

#endif
