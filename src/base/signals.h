// Signals that are read from the loop, never handled asynchronously.
#ifndef KUBEPULSE_BASE_SIGNALS_H
#define KUBEPULSE_BASE_SIGNALS_H

#include <initializer_list>

#include "base/fd.h"
#include "base/status.h"

namespace kubepulse {

// Blocks these signals for good; each read of the file, which never waits, is a signalfd_siginfo.
// SIGPIPE is ignored from then on: it is what a write's error says anyway.
Result<Fd> open_signals(std::initializer_list<int> signals);

}  // namespace kubepulse

#endif
