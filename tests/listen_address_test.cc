#include "publish/listen_address.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "tests/check.h"
#include "tests/http_client.h"

using namespace kubepulse;  // NOLINT

namespace {

std::string folder;

Listener open_at(const std::string& text) {
  Result<ListenAddress> address = ListenAddress::parse(text);
  ck_assert(address.ok());
  Result<Listener> listener = address.value().listen();
  ck_assert_msg(listener.ok(), "%s", listener.ok() ? "" : listener.status().message().c_str());
  return std::move(listener.value());
}

std::string error_at(const std::string& text) {
  Result<ListenAddress> address = ListenAddress::parse(text);
  if (!address.ok()) return address.status().message();
  Result<Listener> listener = address.value().listen();
  return listener.ok() ? "listens on " + listener.value().text() : listener.status().message();
}

std::string port_of(const Listener& listener) {
  return listener.text().substr(listener.text().rfind(':'));
}

bool exists(const std::string& path) {
  struct stat file {};
  return lstat(path.c_str(), &file) == 0;
}

START_TEST(parses) {
  for (const char* good : {":9090", ":0", ":65535", "127.0.0.1:9090", "0.0.0.0:1", "[::1]:9090",
                           "[::]:9090", "[fe80::1]:1", "unix:/run/kubepulse.sock"}) {
    Result<ListenAddress> address = ListenAddress::parse(good);
    ck_assert_msg(address.ok(), "%s", good);
    CHECK_TEXT(address.value().text(), good);
  }
  std::string long_path = "unix:/" + std::string(106, 'a');
  ck_assert(ListenAddress::parse(long_path).ok());
  for (const std::string& bad : {std::string(""),
                                 std::string("9090"),
                                 std::string(":"),
                                 std::string(":65536"),
                                 std::string(":-1"),
                                 std::string(":90a"),
                                 std::string("localhost:9090"),
                                 std::string("::1:9090"),
                                 std::string("[::1]"),
                                 std::string("[]:1"),
                                 std::string("[::1:1"),
                                 std::string("127.1:9090"),
                                 std::string("1.2.3.4.5:1"),
                                 std::string("unix:"),
                                 std::string("unix:run/a"),
                                 long_path + "a",
                                 std::string("unix:/a\0b", 9),
                                 std::string("127.0.0.1\0:1", 12),
                                 std::string("[127.0.0.1]:1"),
                                 std::string(" :1")})
    ck_assert_msg(!ListenAddress::parse(bad).ok(), "%s", bad.c_str());
  CHECK_TEXT(
      error_at("localhost:9090"),
      "cannot listen on \"localhost:9090\": its host is not a numeric address, and names are "
      "not looked up; give :PORT, ADDRESS:PORT, [IPV6]:PORT or unix:/PATH");
}
END_TEST

START_TEST(listens_on_tcp) {
  Listener v4 = open_at("127.0.0.1:0");
  ck_assert(v4.text().compare(0, 10, "127.0.0.1:") == 0);
  ck_assert(port_of(v4) != ":0");
  ck_assert(static_cast<bool>(connect_to(v4.text())));
  ck_assert_int_eq(fcntl(v4.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ck_assert_int_eq(fcntl(v4.fd(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);

  Listener v6 = open_at("[::1]:0");
  ck_assert(v6.text().compare(0, 6, "[::1]:") == 0);

  // Both families at once.
  Listener any = open_at(":0");
  ck_assert(any.text().compare(0, 5, "[::]:") == 0);
  ck_assert(static_cast<bool>(connect_to("127.0.0.1" + port_of(any))));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_addr = in6addr_loopback;
  to.sin6_port = htons(static_cast<uint16_t>(atoi(port_of(any).c_str() + 1)));
  Fd client(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ck_assert_int_eq(connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
}
END_TEST

START_TEST(says_why_not) {
  Listener first = open_at(":0");
  std::string port = port_of(first);
  CHECK_TEXT(error_at(port),
             "cannot listen on " + port +
                 ": Address already in use; another kubepulse or another program has it: stop "
                 "that, or choose with --listen=");
  CHECK_TEXT(error_at("192.0.2.1:0"),
             "cannot listen on 192.0.2.1:0: Cannot assign requested address; no interface of this "
             "host has that address: choose with --listen=");
  CHECK_TEXT(
      error_at("unix:" + folder + "/none/sock"),
      "cannot listen on unix:" + folder +
          "/none/sock: No such file or directory; make its folder, or choose with --listen=");
}
END_TEST

// socket(AF_INET6) fails as in a kernel without IPv6; each test has its own process.
START_TEST(falls_back_to_ipv4) {
#ifdef __x86_64__
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof code / sizeof code[0], code};
  ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return;  // none in this kernel
  Listener any = open_at(":0");
  ck_assert(any.text().compare(0, 8, "0.0.0.0:") == 0);
  ck_assert(port_of(any) != ":0");
  ck_assert(static_cast<bool>(connect_to(any.text())));
  ck_assert(error_at("[::1]:0").find("lacks that protocol") != std::string::npos);
#endif
}
END_TEST

START_TEST(listens_on_unix) {
  std::string path = folder + "/sock";
  umask(0077);
  {
    Listener listener = open_at("unix:" + path);
    CHECK_TEXT(listener.text(), "unix:" + path);
    struct stat file {};
    ck_assert_int_eq(lstat(path.c_str(), &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0660);
    ck_assert(static_cast<bool>(connect_to("unix:" + path)));
    ck_assert_int_eq(fcntl(listener.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    // A live one stays, full queue or not.
    ck_assert(error_at("unix:" + path).find("Address already in use; another") !=
              std::string::npos);
    ck_assert(static_cast<bool>(connect_to("unix:" + path)));
    Listener moved = std::move(listener);
    ck_assert(exists(path));
  }
  ck_assert(!exists(path));
}
END_TEST

START_TEST(replaces_stale_socket_only) {
  std::string path = folder + "/stale";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  {
    Fd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ck_assert_int_eq(bind(dead.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  ck_assert(exists(path));
  {
    Listener listener = open_at("unix:" + path);
    ck_assert(static_cast<bool>(connect_to("unix:" + path)));
    // What has taken its place since is not ours to remove.
    unlink(path.c_str());
    Fd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ck_assert(static_cast<bool>(file));
  }
  ck_assert(exists(path));
  ck_assert(error_at("unix:" + path).find("Address already in use") != std::string::npos);
  ck_assert(exists(path));
}
END_TEST

}  // namespace

int main() {
  char name[] = "/tmp/kubepulse-listen-XXXXXX";
  if (mkdtemp(name) == nullptr) return EXIT_FAILURE;
  folder = name;
  int result =
      run_suite("listen_address", {parses, listens_on_tcp, says_why_not, falls_back_to_ipv4,
                                   listens_on_unix, replaces_stale_socket_only});
  unlink((folder + "/sock").c_str());
  unlink((folder + "/stale").c_str());
  rmdir(name);
  return result;
}
