#include "collect/syscall_names.h"

#include <sys/syscall.h>

#include <set>

#include "base/text.h"
#include "bpf/event.h"
#include "tests/check.h"

using namespace kubepulse;  // NOLINT

namespace {

constexpr uint16_t kNone = UINT16_MAX;

struct Row {
  const char* name;
  uint16_t x86_64, arm64;
};

constexpr Row kRows[] = {
#define SYSCALL(name, x86_64, arm64) {#name, x86_64, arm64},
#include "collect/syscall_table.inc"
#undef SYSCALL
};

std::string numbers_of(const SyscallList& list) {
  std::string text;
  for (const Syscall& syscall : list.syscalls) {
    text += text.empty() ? "" : " ";
    text.append(syscall.name).append("=").append(std::to_string(syscall.number));
  }
  return text;
}

std::string x86_64(std::string_view list) {
  auto parsed = parse_syscalls(list, Architecture::x86_64);
  return parsed.ok() ? numbers_of(parsed.value()) : parsed.status().message();
}

std::string arm64(std::string_view list) {
  auto parsed = parse_syscalls(list, Architecture::arm64);
  return parsed.ok() ? numbers_of(parsed.value()) : parsed.status().message();
}

START_TEST(each_number_once) {
  std::set<std::string> names;
  std::set<uint16_t> x86, arm;
  for (const Row& row : kRows) {
    ck_assert_msg(names.insert(row.name).second, "%s twice", row.name);
    ck_assert_msg(row.x86_64 == kNone || x86.insert(row.x86_64).second, "%s", row.name);
    ck_assert_msg(row.arm64 == kNone || arm.insert(row.arm64).second, "%s", row.name);
    ck_assert(row.x86_64 != kNone || row.arm64 != kNone);
    ck_assert(syscall_number(row.name, Architecture::x86_64).value_or(kNone) == row.x86_64);
    ck_assert(syscall_number(row.name, Architecture::arm64).value_or(kNone) == row.arm64);
    ck_assert(row.x86_64 == kNone || row.x86_64 < SYSCALL_NUMBERS);
    ck_assert(row.arm64 == kNone || row.arm64 < SYSCALL_NUMBERS);
  }
  // Without a gap, but for what the kernel left free.
  for (uint16_t number = 0; number <= 471; number++) {
    ck_assert_msg(x86.count(number) == (number <= 336 || number >= 424), "x86-64 %d", number);
    bool is_free = (number >= 244 && number <= 259) || (number >= 295 && number <= 423);
    ck_assert_msg(arm.count(number) == !is_free, "arm64 %d", number);
  }
}
END_TEST

// With the headers that this test is built with.
START_TEST(numbers_of_this_machine) {
#define CHECK_NUMBER(name) ck_assert_int_eq(syscall_number(#name).value_or(kNone), SYS_##name)
  CHECK_NUMBER(read);
  CHECK_NUMBER(write);
  CHECK_NUMBER(close);
  CHECK_NUMBER(pread64);
  CHECK_NUMBER(newfstatat);
  CHECK_NUMBER(openat);
  CHECK_NUMBER(connect);
  CHECK_NUMBER(accept4);
  CHECK_NUMBER(sendto);
  CHECK_NUMBER(epoll_pwait);
  CHECK_NUMBER(futex);
  CHECK_NUMBER(nanosleep);
  CHECK_NUMBER(clone);
  CHECK_NUMBER(execve);
  CHECK_NUMBER(exit_group);
  CHECK_NUMBER(rt_sigreturn);
  CHECK_NUMBER(umount2);
  CHECK_NUMBER(getppid);
  CHECK_NUMBER(statx);
  CHECK_NUMBER(io_uring_enter);
  CHECK_NUMBER(clone3);
  CHECK_NUMBER(futex_waitv);
#undef CHECK_NUMBER
}
END_TEST

START_TEST(lists) {
  CHECK_TEXT(x86_64("read"), "read=0");
  CHECK_TEXT(arm64("read"), "read=63");
  CHECK_TEXT(x86_64("write,read , openat"), "write=1 read=0 openat=257");
  CHECK_TEXT(x86_64("read,read"), "read=0");
  CHECK_TEXT(x86_64(""), "a syscall's name is missing");
  CHECK_TEXT(x86_64("read,,write"), "a syscall's name is missing");
  CHECK_TEXT(x86_64("rseq_slice_yield"), "rseq_slice_yield=471");
}
END_TEST

START_TEST(of_the_other_architecture) {
  auto list = parse_syscalls("open,read,stat", Architecture::arm64);
  CHECK_OK(list.ok() ? Status() : list.status());
  CHECK_TEXT(numbers_of(list.value()), "read=63");
  CHECK_TEXT(list.value().elsewhere, "open, stat");
  list = parse_syscalls("open,read,stat", Architecture::x86_64);
  CHECK_TEXT(numbers_of(list.value()), "open=2 read=0 stat=4");
  ck_assert(list.value().elsewhere.empty());
  ck_assert(arm64("epoll_wait").empty());
}
END_TEST

START_TEST(unknown_names) {
  CHECK_TEXT(x86_64("read,raed"), "unknown syscall \"raed\"; the nearest is read");
  CHECK_TEXT(arm64("epol_wait"), "unknown syscall \"epol_wait\"; the nearest is epoll_wait");
  CHECK_TEXT(x86_64("Read"), "unknown syscall \"Read\"; the nearest is read");
  std::string message = x86_64("\x1B[2J" + std::string(5000, 'x'));
  ck_assert_msg(message.find("unknown syscall \"?[2Jxxxx") == 0, "%s", message.c_str());
  ck_assert_uint_lt(message.size(), 120);
}
END_TEST

START_TEST(bound) {
  std::string list;
  for (int i = 0; i < SYSCALLS_TRACKED_MAX; i++)
    list.append(list.empty() ? "" : ",").append(kRows[i].name);
  auto parsed = parse_syscalls(list, Architecture::x86_64);
  ck_assert_uint_eq(parsed.value().syscalls.size(), SYSCALLS_TRACKED_MAX);
  ck_assert(parse_syscalls(list + ",read", Architecture::x86_64).ok());
  CHECK_TEXT(x86_64(list + ",statx"), "more than 32 syscalls");
}
END_TEST

START_TEST(how_they_return) {
  auto list = parse_syscalls("exit,exit_group,rt_sigreturn,clone,clone3,execve,read").value();
  std::string text;
  for (const Syscall& syscall : list.syscalls)
    text += std::to_string(syscall.flags) + " ";
  CHECK_TEXT(text, "64 64 64 128 128 0 0 ");
}
END_TEST

START_TEST(defaults) {
  for (Architecture architecture : {Architecture::x86_64, Architecture::arm64}) {
    auto list = parse_syscalls(kDefaultSyscalls, architecture);
    CHECK_OK(list.ok() ? Status() : list.status());
    ck_assert_uint_eq(list.value().syscalls.size(), 16);
    ck_assert(list.value().elsewhere.empty());
  }
}
END_TEST

}  // namespace

CHECK_MAIN("syscall_names", each_number_once, numbers_of_this_machine, lists,
           of_the_other_architecture, unknown_names, bound, how_they_return, defaults)
