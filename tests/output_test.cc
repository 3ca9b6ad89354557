#include "sniff/output.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/fd.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

struct Pipe {
  Fd out, in;

  Pipe() {
    int ends[2];
    ck_assert(pipe2(ends, O_CLOEXEC) == 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
};

std::string much() {
  std::string text;
  for (int i = 0; text.size() < size_t{1} << 20; i++)
    text += std::to_string(i);
  return text;
}

// More than a pipe holds.
START_TEST(all_of_it) {
  Pipe data, signals;
  pid_t child = fork();
  ck_assert(child >= 0);
  if (child == 0) {
    data.in.reset();
    std::string got, want = much();
    char bytes[5000];
    for (ssize_t size; (size = read(data.out.get(), bytes, sizeof bytes)) > 0;)
      got.append(bytes, static_cast<size_t>(size));
    _exit(got == want ? 0 : 1);
  }
  CHECK_OK(write_all(data.in.get(), much(), signals.out.get()));
  data.in.reset();
  int status = -1;
  ck_assert(waitpid(child, &status, 0) == child && status == 0);
}
END_TEST

START_TEST(nobody_reads) {
  signal(SIGPIPE, SIG_IGN);
  Pipe data, signals;
  data.out.reset();
  ck_assert_int_eq(write_all(data.in.get(), "x", signals.out.get()).error_number(), EPIPE);
  Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ck_assert_int_eq(write_all(full.get(), "x", signals.out.get()).error_number(), ENOSPC);
  ck_assert_int_eq(write_all(-1, "", signals.out.get()).error_number(), 0);
}
END_TEST

// Nobody takes what is written: a signal ends the waiting, and not what can be written at once.
START_TEST(held_up) {
  Pipe data, signals;
  ck_assert(write(signals.in.get(), "s", 1) == 1);
  CHECK_OK(write_all(data.in.get(), "some", signals.out.get()));
  ck_assert_int_eq(write_all(data.in.get(), much(), signals.out.get()).error_number(), EINTR);
}
END_TEST

}  // namespace

CHECK_MAIN("output", all_of_it, nobody_reads, held_up)
