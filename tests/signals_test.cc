#include "base/signals.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

Fd open_or_fail(std::initializer_list<int> signals) {
  auto opened = open_signals(signals);
  CHECK_OK(opened.ok() ? Status() : opened.status());
  return std::move(opened.value());
}

// 0: there is none.
unsigned next_of(const Fd& fd) {
  signalfd_siginfo info{};
  ssize_t got = read(fd.get(), &info, sizeof info);
  ck_assert(got == sizeof info || (got == -1 && errno == EAGAIN));
  return info.ssi_signo;
}

START_TEST(are_read) {
  Fd fd = open_or_fail({SIGTERM, SIGWINCH});
  ck_assert_uint_eq(next_of(fd), 0);
  raise(SIGTERM);
  ck_assert_uint_eq(next_of(fd), SIGTERM);
  raise(SIGWINCH);
  ck_assert_uint_eq(next_of(fd), SIGWINCH);
  ck_assert_uint_eq(next_of(fd), 0);
}
END_TEST

START_TEST(others_are_left) {
  Fd fd = open_or_fail({SIGTERM});
  sigset_t blocked;
  ck_assert_int_eq(sigprocmask(SIG_BLOCK, nullptr, &blocked), 0);
  ck_assert(sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 0);
  Fd second = open_or_fail({SIGINT});
  ck_assert_int_eq(sigprocmask(SIG_BLOCK, nullptr, &blocked), 0);
  ck_assert(sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1);
  raise(SIGINT);
  ck_assert_uint_eq(next_of(fd), 0);
  ck_assert_uint_eq(next_of(second), SIGINT);
}
END_TEST

START_TEST(closes_on_exec) {
  Fd fd = open_or_fail({SIGTERM});
  ck_assert_int_eq(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

START_TEST(writing_to_nobody) {
  Fd fd = open_or_fail({SIGTERM});
  int ends[2];
  ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
  close(ends[0]);
  ck_assert_int_eq(write(ends[1], "x", 1), -1);
  ck_assert_int_eq(errno, EPIPE);
  close(ends[1]);
}
END_TEST

}  // namespace

CHECK_MAIN("signals", are_read, others_are_left, closes_on_exec, writing_to_nobody)
