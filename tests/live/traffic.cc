#include "tests/live/traffic.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/check.h"
#include "tests/live/files.h"

namespace kubepulse::live {

namespace {

void check_call(bool good, const char* what) {
  ck_assert_msg(good, "%s: %s", what, strerror(errno));
}

tcp_info info_of(const Fd& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  check_call(getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
  return info;
}

constexpr int TCP_CLOSE =
    7;  // include/net/tcp_states.h; <netinet/tcp.h> does not go with <linux/tcp.h>
constexpr size_t kPiece = 256 * 1024;
char piece_bytes[kPiece];

}  // namespace

Address Address::of(const std::string& host, uint16_t port) {
  Address address;
  if (host.find(':') != std::string::npos) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    check_call(inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1, host.c_str());
    address.size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    check_call(inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1, host.c_str());
    address.size = sizeof *v4;
  }
  return address;
}

uint16_t Address::port() const {
  // The port stands at the same place in both.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string Address::text() const {
  char host[INET6_ADDRSTRLEN];
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr, host,
              sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(port());
  }
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(port());
}

Address local_address(const Fd& socket) {
  Address address;
  check_call(getsockname(socket.get(), address.raw(), &address.size) == 0, "getsockname");
  return address;
}

Fd make_socket(int family, int type) {
  Fd made(socket(family, type | SOCK_CLOEXEC, 0));
  check_call(bool(made), "socket");
  timeval limit{10, 0};
  setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return made;
}

void set_option(const Fd& socket, int level, int name, int value) {
  check_call(setsockopt(socket.get(), level, name, &value, sizeof value) == 0, "setsockopt");
}

Fd listen_at(const std::string& host, uint16_t port) {
  Address address = Address::of(host, port);
  Fd listener = make_socket(address.family(), SOCK_STREAM);
  set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  check_call(bind(listener.get(), address.raw(), address.size) == 0, "bind");
  check_call(listen(listener.get(), 4096) == 0, "listen");
  return listener;
}

Fd accept_from(const Fd& listener) {
  Fd accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  check_call(bool(accepted), "accept");
  timeval limit{10, 0};
  setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return accepted;
}

Fd connect_to(const Address& address) {
  Fd connected = make_socket(address.family(), SOCK_STREAM);
  check_call(connect(connected.get(), address.raw(), address.size) == 0, "connect");
  return connected;
}

int connect_error(const Address& address) {
  Fd socket = make_socket(address.family(), SOCK_STREAM);
  int result = connect(socket.get(), address.raw(), address.size);
  ck_assert_msg(result != 0, "connected to %s", address.text().c_str());
  return errno;
}

Fd connect_later(const Address& address) {
  Fd connecting = make_socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK);
  int result = connect(connecting.get(), address.raw(), address.size);
  check_call(result != 0 && errno == EINPROGRESS, "connect in the background");
  return connecting;
}

int connect_outcome(const Fd& socket, int timeout_ms) {
  pollfd waited{socket.get(), POLLOUT, 0};
  ck_assert_msg(poll(&waited, 1, timeout_ms) == 1, "a connect has no end after %d ms", timeout_ms);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

void Connection::close() {
  client.reset();
  receive_rest(server);
  server.reset();
}

Connection make_connection(const Cgroup& client, const Cgroup& server, const std::string& host) {
  enter(server);
  Fd listener = listen_at(host);
  enter(client);
  Connection made;
  made.client = connect_to(local_address(listener));
  made.server = accept_from(listener);
  return made;
}

void send_bytes(const Fd& socket, uint64_t count) {
  while (count > 0) {
    ssize_t sent = send(socket.get(), piece_bytes, std::min<uint64_t>(count, kPiece), MSG_NOSIGNAL);
    check_call(sent > 0, "send");
    count -= static_cast<uint64_t>(sent);
  }
}

void receive_bytes(const Fd& socket, uint64_t count) {
  while (count > 0) {
    ssize_t got = recv(socket.get(), piece_bytes, std::min<uint64_t>(count, kPiece), 0);
    ck_assert_msg(got > 0, "receive: %s", got < 0 ? strerror(errno) : "end of file");
    count -= static_cast<uint64_t>(got);
  }
}

uint64_t receive_rest(const Fd& socket) {
  uint64_t count = 0;
  ssize_t got;
  while ((got = recv(socket.get(), piece_bytes, kPiece, 0)) > 0)
    count += static_cast<uint64_t>(got);
  check_call(got == 0, "receive");
  return count;
}

void close_by_reset(Fd& socket) {
  linger at_once{1, 0};
  check_call(setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0,
             "SO_LINGER");
  socket.reset();
}

void await_acknowledged(const Fd& socket) {
  for (int tries = 0; info_of(socket).tcpi_unacked > 0; tries++) {
    ck_assert_msg(tries < 1000, "not acknowledged after 10 s");
    sleep_ms(10);
  }
}

void await_given_up(const Fd& socket) {
  for (int tries = 0; info_of(socket).tcpi_state != TCP_CLOSE; tries++) {
    ck_assert_msg(tries < 1000, "not given up after 10 s");
    sleep_ms(10);
  }
}

uint32_t retransmits_of(const Fd& socket) {
  return info_of(socket).tcpi_total_retrans;
}

void die_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it is dead already
}

Child Child::in(const Cgroup& cgroup, const std::function<int()>& work) {
  pid_t parent = getpid();
  Child child;
  child.pid_ = fork();
  check_call(child.pid_ >= 0, "fork");
  if (child.pid_ > 0) return child;
  die_with(parent);
  enter(cgroup);
  _exit(work());
}

void Child::kill_hard() const {
  kill(pid_, SIGKILL);
}

int Child::wait() {
  int status = 0;
  check_call(waitpid(pid_, &status, 0) == pid_, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void Child::finish() {
  int status = wait();
  ck_assert_msg(status == 0, "a child ended with status %d", status);
}

}  // namespace kubepulse::live
