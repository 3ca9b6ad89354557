// Writes to whoever reads standard output, and is never held up by him beyond a signal.
#ifndef KUBEPULSE_SNIFF_OUTPUT_H
#define KUBEPULSE_SNIFF_OUTPUT_H

#include <string_view>

#include "base/status.h"

namespace kubepulse {

// All of `text`, in pieces that a pipe or a terminal takes at once. An error is EPIPE where nobody
// reads any more, and EINTR where `signals` (a signalfd) has one while nobody takes what is
// written.
Status write_all(int fd, std::string_view text, int signals);

}  // namespace kubepulse

#endif
