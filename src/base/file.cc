#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace kubepulse {

Result<std::string> read_file(const std::string& path, size_t bytes_max) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return Status::from_errno(path, errno);
  if (!S_ISREG(status.st_mode)) return Status::error(path + ": not a regular file");
  std::string text;
  char piece[4096];
  for (;;) {
    ssize_t size = read(file.get(), piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Status::from_errno(path, errno);
    if (size == 0) return text;
    text.append(piece, static_cast<size_t>(size));
    if (text.size() > bytes_max)
      return Status::error(path + ": larger than " + std::to_string(bytes_max) + " bytes", EFBIG);
  }
}

}  // namespace kubepulse
