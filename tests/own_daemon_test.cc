#include "client/own_daemon.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "client/page_client.h"

#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

// Its process keeps this end of a pipe open; it can be read to its end once that is gone.
struct Sign {
  Fd here, there;

  Sign() {
    int ends[2];
    ck_assert(pipe(ends) == 0);
    here = Fd(ends[0]);
    there = Fd(ends[1]);
  }
  void check_gone() {
    there.reset();
    char byte;
    ck_assert(read(here.get(), &byte, 1) == 0);
  }
};

std::unique_ptr<OwnDaemon> start(const RunDaemon& run) {
  auto daemon = OwnDaemon::start(run);
  CHECK_OK(daemon.ok() ? Status() : daemon.status());
  return std::move(daemon.value());
}

int wait_for_client(const Listener& listener) {
  pollfd ready{listener.fd(), POLLIN, 0};
  poll(&ready, 1, -1);
  return accept(listener.fd(), nullptr, nullptr);
}

START_TEST(answers_and_goes) {
  Sign sign;
  auto daemon = start([](const Listener& listener) {
    signal(SIGTERM, SIG_DFL);  // Check's own handler would end the test
    for (;;) {
      Fd client(wait_for_client(listener));
      char request[1024];
      if (read(client.get(), request, sizeof request) <= 0) continue;
      if (write(client.get(), "HTTP/1.0 200 OK\r\n\r\na 1\n", 23) != 23) return 1;
    }
  });
  ck_assert(!daemon->ended());
  auto loop = Loop::create();
  PageClient client(loop.value(), daemon->url());
  std::string page;
  bool done = false;
  client.ask([&page](std::string_view piece) { page += piece; },
             [&](Status status) {
               CHECK_OK(status);
               done = true;
             });
  while (!done)
    CHECK_OK(loop.value().turn(-1));
  CHECK_TEXT(page, "a 1\n");
  daemon.reset();
  sign.check_gone();
}
END_TEST

START_TEST(last_words) {
  auto daemon = start([](const Listener&) {
    printf("not this\n");
    fflush(stdout);
    fprintf(stderr, "first\nlast\nwithout an end");
    return 1;
  });
  while (!daemon->ended())
    usleep(1000);
  CHECK_TEXT(daemon->last_words(), "last");
}
END_TEST

// Who does not heed SIGTERM is killed.
START_TEST(stubborn) {
  Sign sign;
  auto daemon = start([](const Listener& listener) {
    signal(SIGTERM, SIG_IGN);
    fprintf(stderr, "ready\n");
    for (;;)
      wait_for_client(listener);
    return 0;
  });
  while (daemon->last_words() != "ready")
    usleep(1000);
  daemon.reset();
  sign.check_gone();
}
END_TEST

}  // namespace

CHECK_MAIN("own_daemon", answers_and_goes, last_words, stubborn)
