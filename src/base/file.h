// Small files as a whole. Nothing here waits for a writer, as reading a pipe would.
#ifndef KUBEPULSE_BASE_FILE_H
#define KUBEPULSE_BASE_FILE_H

#include <cstddef>
#include <string>

#include "base/status.h"

namespace kubepulse {

// Fails, naming `path`, where that is no regular file or larger than `bytes_max`.
Result<std::string> read_file(const std::string& path, size_t bytes_max);

}  // namespace kubepulse

#endif
