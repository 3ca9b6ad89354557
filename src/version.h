// What is running; the Makefile says it.
#ifndef KUBEPULSE_VERSION_H
#define KUBEPULSE_VERSION_H

#ifndef KUBEPULSE_VERSION
#define KUBEPULSE_VERSION "unknown"
#endif
#ifndef KUBEPULSE_REVISION
#define KUBEPULSE_REVISION "unknown"
#endif

#endif
