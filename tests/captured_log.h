// What the daemon's log says from here on, without its times. Of one test: Check runs each in a
// process of its own.
#ifndef KUBEPULSE_TESTS_CAPTURED_LOG_H
#define KUBEPULSE_TESTS_CAPTURED_LOG_H

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "tests/check.h"

namespace kubepulse {

class CapturedLog {
 public:
  CapturedLog() : file_(memfd_create("log", MFD_CLOEXEC)), saved_(dup(STDERR_FILENO)) {
    ck_assert(file_ && dup2(file_.get(), STDERR_FILENO) >= 0);
  }
  ~CapturedLog() { dup2(saved_.get(), STDERR_FILENO); }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const {
    std::string text(static_cast<size_t>(lseek(file_.get(), 0, SEEK_END)), ' ');
    ck_assert_int_eq(pread(file_.get(), text.data(), text.size(), 0),
                     static_cast<ssize_t>(text.size()));
    const std::string begin = "\"ts\":\"";
    for (size_t at; (at = text.find(begin)) != text.npos;)
      text.erase(at, text.find("\",", at) + 2 - at);
    return text;
  }

 private:
  Fd file_, saved_;
};

}  // namespace kubepulse

#endif
