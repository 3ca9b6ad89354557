#include "collect/interfaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/check.h"
#include "tests/folder.h"

using namespace kubepulse;  // NOLINT

namespace {

#define HEAD                                                                                 \
  "Inter-|   Receive                                                |  Transmit\n"           \
  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs " \
  "drop fifo colls carrier compressed\n"
#define LO                                                                                       \
  "    lo:   29000     290    0    0    0     0          0         0    29000     290    0    0" \
  "    0     0       0          0\n"

std::string text_of(const InterfaceCounts& counts) {
  return std::to_string(counts.bytes) + "," + std::to_string(counts.packets) + "," +
         std::to_string(counts.errors) + "," + std::to_string(counts.drops);
}

std::string text_of(const Interfaces& found) {
  std::string text;
  for (const Interface& interface : found.interfaces)
    text += std::string(interface.name.view()) + " " + text_of(interface.receive) + " " +
            text_of(interface.transmit) + "\n";
  return text + (found.left_out > 0 ? "+" + std::to_string(found.left_out) : "");
}

START_TEST(a_pod) {
  CHECK_TEXT(text_of(parse_interfaces(
                 HEAD LO "  eth0: 2000980449   50077    3    4    5     6          7         8  "
                         "2020065   28480   13   14   15    16      17         18\n")),
             "eth0 2000980449,50077,3,4 2020065,28480,13,14\n");
  CHECK_TEXT(text_of(parse_interfaces(HEAD LO)), "");
}
END_TEST

START_TEST(odd_names) {
  // As wide as may be, and as a kernel without a space behind the colon wrote it.
  CHECK_TEXT(text_of(parse_interfaces("enp0s31f6.4000x:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")),
             "enp0s31f6.4000x 1,2,3,4 9,10,11,12\n");
  CHECK_TEXT(text_of(parse_interfaces(" a\"b\\c{}: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")),
             "a\"b\\c{} 1,2,3,4 9,10,11,12\n");
  CHECK_TEXT(text_of(parse_interfaces("\xCE\xB1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")),
             "\xCE\xB1 1,2,3,4 9,10,11,12\n");
  for (const char* name : {"", "sixteen_bytes_xx", "\x1b[1m", "\xFF"})
    CHECK_TEXT(
        text_of(parse_interfaces(std::string(name) + ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")),
        "");
}
END_TEST

START_TEST(odd_columns) {
  const std::string most = "18446744073709551615";
  std::string line = "eth0:";
  for (int i = 0; i < 16; i++)
    line += " " + most;
  CHECK_TEXT(text_of(parse_interfaces(line + "\n")), "eth0 " + most + "," + most + "," + most +
                                                         "," + most + " " + most + "," + most +
                                                         "," + most + "," + most + "\n");
  CHECK_TEXT(text_of(parse_interfaces(line + " 17 of a later kernel\n")).substr(0, 5), "eth0 ");
  CHECK_TEXT(text_of(parse_interfaces(line)), "");  // cut
  CHECK_TEXT(text_of(parse_interfaces("eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n")), "");
  CHECK_TEXT(text_of(parse_interfaces("eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x\n")), "");
  CHECK_TEXT(text_of(parse_interfaces("eth0: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")), "");
  CHECK_TEXT(
      text_of(parse_interfaces("eth0: " + most + "0 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")), "");
  CHECK_TEXT(text_of(parse_interfaces("\n\n:\n")), "");
}
END_TEST

START_TEST(bounds) {
  std::string text = HEAD LO, line = ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
  for (int i = 0; i < 40; i++)
    text += "veth" + std::to_string(i) + line;
  Interfaces found = parse_interfaces(text);
  ck_assert_uint_eq(found.interfaces.size(), kInterfacesMax);
  ck_assert_uint_eq(found.left_out, 8);
  CHECK_TEXT(text_of(parse_interfaces(text, 1)), "veth0 1,2,3,4 9,10,11,12\n+39");
  // One that was moved while the kernel wrote appears twice.
  CHECK_TEXT(text_of(parse_interfaces("a" + line + "a" + line)), "a 1,2,3,4 9,10,11,12\n");
}
END_TEST

START_TEST(of_a_process) {
  Folder proc;
  proc.make_folder("7/net");
  std::string path =
      proc.write("7/net/dev", HEAD LO "  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
  struct stat about {};
  ck_assert_int_eq(stat(path.c_str(), &about), 0);
  auto found = read_interfaces(proc.path(""), 7);
  CHECK_OK(found.ok() ? Status() : found.status());
  ck_assert_uint_eq(found.value().network_namespace, about.st_ino);
  ck_assert_uint_eq(network_namespace(proc.path(""), 7), about.st_ino);
  CHECK_TEXT(text_of(found.value()), "eth0 1,2,3,4 9,10,11,12\n");

  auto gone = read_interfaces(proc.path(""), 8);
  ck_assert(!gone.ok());
  ck_assert_int_eq(gone.status().error_number(), ENOENT);
  ck_assert_uint_eq(network_namespace(proc.path(""), 8), 0);
}
END_TEST

START_TEST(the_host) {
  Folder proc;
  ck_assert_uint_eq(host_network_namespace(proc.path("")), 0);
  proc.make_folder("self/net");
  proc.write("self/net/dev", "");
  uint64_t own = host_network_namespace(proc.path(""));
  ck_assert_uint_ne(own, 0);
  proc.make_folder("1/net");
  proc.write("1/net/dev", "");
  ck_assert_uint_eq(host_network_namespace(proc.path("")), network_namespace(proc.path(""), 1));
  ck_assert_uint_ne(host_network_namespace(proc.path("")), own);
}
END_TEST

START_TEST(more_than_is_read) {
  Folder proc;
  proc.make_folder("7/net");
  std::string text = HEAD LO, line = ":";
  for (int i = 0; i < 16; i++)
    line += " 18446744073709551615";
  for (int i = 10; i < 99; i++)
    text += "longest_name_" + std::to_string(i) + line + "\n";
  proc.write("7/net/dev", text);
  auto found = read_interfaces(proc.path(""), 7, 3);
  CHECK_OK(found.ok() ? Status() : found.status());
  ck_assert_uint_eq(found.value().interfaces.size(), 3);
  ck_assert_uint_ge(found.value().left_out, 1);
}
END_TEST

// What the kernel says of two namespaces, and of a process that is gone.
START_TEST(real_ones) {
  pid_t self = getpid();
  uint64_t own = network_namespace("/proc", static_cast<uint32_t>(self));
  ck_assert_uint_ne(own, 0);
  auto mine = read_interfaces("/proc", static_cast<uint32_t>(self));
  CHECK_OK(mine.ok() ? Status() : mine.status());
  ck_assert_uint_eq(mine.value().network_namespace, own);

  int ready[2];
  ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
  pid_t other = fork();
  if (other == 0) {
    char answer = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    (void)!write(ready[1], &answer, 1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ck_assert_int_eq(read(ready[0], &answer, 1), 1);
  auto theirs = read_interfaces("/proc", static_cast<uint32_t>(other));
  uint64_t number = network_namespace("/proc", static_cast<uint32_t>(other));
  kill(other, SIGKILL);
  siginfo_t info;
  ck_assert_int_eq(waitid(P_PID, static_cast<id_t>(other), &info, WEXITED | WNOWAIT), 0);
  auto zombie = read_interfaces("/proc", static_cast<uint32_t>(other));
  waitpid(other, nullptr, 0);
  auto gone = read_interfaces("/proc", static_cast<uint32_t>(other));

  ck_assert(!zombie.ok() && !gone.ok());
  CHECK_OK(theirs.ok() ? Status() : theirs.status());
  ck_assert_uint_eq(theirs.value().network_namespace, number);
  if (answer == 0) {
    ck_assert_uint_eq(number, own);  // this user may not make one
    return;
  }
  ck_assert_uint_ne(number, own);
  ck_assert_uint_ne(number, 0);
  for (const Interface& interface : theirs.value().interfaces)
    ck_assert_uint_eq(interface.receive.bytes, 0);
}
END_TEST

}  // namespace

CHECK_MAIN("interfaces", a_pod, odd_names, odd_columns, bounds, of_a_process, the_host,
           more_than_is_read, real_ones)
