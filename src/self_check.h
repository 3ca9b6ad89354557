// `kubepulse --check`: which hooks this kernel offers, which would be used, and why not the better
// one.
#ifndef KUBEPULSE_SELF_CHECK_H
#define KUBEPULSE_SELF_CHECK_H

#include "options.h"

namespace kubepulse {

// Loads and attaches everything for a moment and prints a CheckReport. The exit status: kExitOk, or
// kExitCannotWork where nothing would work.
int self_check(const Options& options);

}  // namespace kubepulse

#endif
