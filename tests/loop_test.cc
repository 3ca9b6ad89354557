#include "base/loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

Loop new_loop() {
  Result<Loop> loop = Loop::create();
  CHECK_OK(loop.ok() ? Status() : loop.status());
  return std::move(loop.value());
}

struct Pipe {
  Pipe() {
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  void put() const { ck_assert_int_eq(write(out.get(), "x", 1), 1); }
  void take() const {
    char byte;
    ck_assert_int_eq(read(in.get(), &byte, 1), 1);
  }
  Fd in, out;
};

START_TEST(timers_in_order) {
  Loop loop = new_loop();
  std::string told;
  uint64_t now_ns = monotonic_ns();
  loop.at(now_ns - 5, [&] { told += 'c'; });
  loop.at(now_ns - 9, [&] { told += 'a'; });
  loop.at(now_ns - 7, [&] { told += 'b'; });
  loop.at(now_ns - 5, [&] { told += 'd'; });  // equally due: who came first
  loop.at(now_ns + 3600 * kNsPerSecond, [&] { told += 'x'; });
  CHECK_OK(loop.turn(0));
  CHECK_TEXT(told, "abcd");
  CHECK_OK(loop.turn(0));
  CHECK_TEXT(told, "abcd");
}
END_TEST

START_TEST(never_early) {
  Loop loop = new_loop();
  for (int round = 0; round < 5; round++) {
    uint64_t due_ns = monotonic_ns() + 3 * kNsPerMs + 400000, ran_ns = 0;
    loop.at(due_ns, [&] { ran_ns = monotonic_ns(); });
    int turns = 0;
    while (ran_ns == 0) {
      CHECK_OK(loop.turn(-1));
      turns++;
    }
    ck_assert_uint_ge(ran_ns, due_ns);
    ck_assert_int_le(turns, 2);  // it does not spin until then
  }
}
END_TEST

START_TEST(timer_set_by_a_timer) {
  Loop loop = new_loop();
  int count = 0;
  std::function<void()> again = [&] {
    count++;
    loop.after(0, again);
  };
  loop.after(0, again);
  // Each waits for the next round, so that descriptors have their turn.
  for (int round = 1; round <= 5; round++) {
    CHECK_OK(loop.turn(0));
    ck_assert_int_eq(count, round);
  }
}
END_TEST

START_TEST(cancelled) {
  Loop loop = new_loop();
  std::string told;
  uint64_t now_ns = monotonic_ns();
  Loop::TimerId second = 0, third = 0;
  loop.at(now_ns - 3, [&] {
    told += 'a';
    loop.cancel(second);
  });
  second = loop.at(now_ns - 2, [&] { told += 'b'; });
  third = loop.at(now_ns - 1, [&] {
    told += 'c';
    loop.cancel(third);  // itself
    loop.cancel(0);
    loop.cancel(12345678);
  });
  ck_assert(second != 0 && third != 0 && second != third);
  CHECK_OK(loop.turn(0));
  CHECK_TEXT(told, "ac");
  Loop::TimerId outside = loop.after(0, [&] { told += 'd'; });
  loop.cancel(outside);
  CHECK_OK(loop.turn(0));
  CHECK_TEXT(told, "ac");
}
END_TEST

START_TEST(watch_change_forget) {
  Loop loop = new_loop();
  Pipe pipe;
  int reads = 0;
  CHECK_OK(loop.watch(pipe.in.get(), EPOLLIN, [&](uint32_t events) {
    ck_assert_uint_eq(events, EPOLLIN);
    reads++;
  }));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 0);
  pipe.put();
  CHECK_OK(loop.turn(0));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 2);
  CHECK_OK(loop.change(pipe.in.get(), 0));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 2);
  CHECK_OK(loop.change(pipe.in.get(), EPOLLIN | EPOLLONESHOT));
  CHECK_OK(loop.turn(0));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 3);
  CHECK_OK(loop.change(pipe.in.get(), EPOLLIN | EPOLLONESHOT));
  loop.forget(pipe.in.get());
  loop.forget(pipe.in.get());
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 3);
  ck_assert(!loop.change(pipe.in.get(), EPOLLIN).ok());
  CHECK_OK(loop.watch(pipe.in.get(), EPOLLIN, [&](uint32_t) { reads += 10; }));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(reads, 13);
}
END_TEST

START_TEST(forgets_itself) {
  Loop loop = new_loop();
  Pipe pipe;
  int count = 0;
  std::string kept(100, 'k');  // what the handler holds lives until it returns
  CHECK_OK(loop.watch(pipe.in.get(), EPOLLIN, [&loop, &pipe, &count, kept](uint32_t) {
    loop.forget(pipe.in.get());
    for (int fd = 0; fd < 100; fd++)
      ck_assert(!loop.change(fd, EPOLLIN).ok());
    CHECK_TEXT(kept, std::string(100, 'k'));
    count++;
  }));
  pipe.put();
  CHECK_OK(loop.turn(0));
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(forgets_another_that_is_ready) {
  Loop loop = new_loop();
  Pipe first, second;
  int count = 0;
  auto handler = [&](const Pipe& other) {
    return [&](uint32_t) {
      loop.forget(other.in.get());
      count++;
    };
  };
  CHECK_OK(loop.watch(first.in.get(), EPOLLIN, handler(second)));
  CHECK_OK(loop.watch(second.in.get(), EPOLLIN, handler(first)));
  first.put();
  second.put();
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(count, 1);
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(count, 2);  // who was not forgotten goes on
}
END_TEST

// A handler closes another ready descriptor, and its number is at once another's, watched too.
START_TEST(number_used_again) {
  Loop loop = new_loop();
  Pipe first, second, fresh;
  int stale = 0, renewed = 0, served = 0;
  auto handler = [&](Pipe& other) {
    return [&](uint32_t) {
      if (served++ > 0) {
        stale++;
        return;
      }
      int number = other.in.get();
      loop.forget(number);
      ck_assert_int_eq(dup3(fresh.in.get(), number, O_CLOEXEC), number);
      CHECK_OK(loop.watch(number, EPOLLIN, [&](uint32_t) { renewed++; }));
    };
  };
  CHECK_OK(loop.watch(first.in.get(), EPOLLIN | EPOLLONESHOT, handler(second)));
  CHECK_OK(loop.watch(second.in.get(), EPOLLIN | EPOLLONESHOT, handler(first)));
  first.put();
  second.put();
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(served, 1);
  ck_assert_int_eq(stale, 0);
  ck_assert_int_eq(renewed, 0);  // the event was not for it
  fresh.put();
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(renewed, 1);
  ck_assert_int_eq(served, 1);
}
END_TEST

START_TEST(watches_many_from_a_handler) {
  Loop loop = new_loop();
  Pipe first;
  std::vector<Pipe> many(200);
  int count = 0;
  CHECK_OK(loop.watch(first.in.get(), EPOLLIN, [&](uint32_t) {
    first.take();
    for (const Pipe& pipe : many) {
      Status status = loop.watch(pipe.in.get(), EPOLLIN, [&count, &pipe](uint32_t) {
        pipe.take();
        count++;
      });
      ck_assert(status.ok());
      pipe.put();
    }
  }));
  first.put();
  for (int round = 0; round < 6; round++)
    CHECK_OK(loop.turn(0));
  ck_assert_int_eq(count, 200);
}
END_TEST

START_TEST(what_cannot_be_watched) {
  Loop loop = new_loop();
  Pipe pipe;
  int count = 0;
  CHECK_OK(loop.watch(pipe.in.get(), EPOLLIN, [&](uint32_t) { count++; }));
  ck_assert(!loop.watch(pipe.in.get(), EPOLLIN, [](uint32_t) {}).ok());  // watched already
  Fd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
  ck_assert(!loop.watch(file.get(), EPOLLIN, [](uint32_t) {}).ok());
  ck_assert(!loop.watch(1000, EPOLLIN, [](uint32_t) {}).ok());
  ck_assert(!loop.change(-1, EPOLLIN).ok());
  loop.forget(-1);
  loop.forget(100000);
  ck_assert(!loop.watch(-1, EPOLLIN, [](uint32_t) {}).ok());
  // None of this disturbs who is watched.
  pipe.put();
  CHECK_OK(loop.turn(0));
  ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(stops) {
  Loop loop = new_loop();
  int ticks = 0;
  std::function<void()> tick = [&] {
    if (++ticks == 3) loop.stop();
    loop.after(0, tick);
  };
  loop.after(0, tick);
  CHECK_OK(loop.run());
  ck_assert_int_eq(ticks, 3);
}
END_TEST

START_TEST(runs_again_after_a_stop) {
  Loop loop = new_loop();
  Pipe pipe;
  int count = 0;
  CHECK_OK(loop.watch(pipe.in.get(), EPOLLIN, [&](uint32_t) {
    count++;
    loop.stop();
  }));
  pipe.put();
  CHECK_OK(loop.run());
  CHECK_OK(loop.run());
  ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(leaks_no_descriptor_to_children) {
  Loop loop = new_loop();
  int found = 0;
  for (int fd = 0; fd < 256; fd++) {
    char target[64] = {};
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    if (readlink(path.c_str(), target, sizeof target - 1) < 0) continue;
    if (std::string(target).find("eventpoll") == std::string::npos) continue;
    found++;
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  ck_assert_int_eq(found, 1);
}
END_TEST

}  // namespace

CHECK_MAIN("loop", timers_in_order, never_early, timer_set_by_a_timer, cancelled,
           watch_change_forget, forgets_itself, forgets_another_that_is_ready, number_used_again,
           watches_many_from_a_handler, what_cannot_be_watched, stops, runs_again_after_a_stop,
           leaks_no_descriptor_to_children)
