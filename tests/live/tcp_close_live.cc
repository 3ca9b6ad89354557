// How connections end, and sockets that live more than once.
#include <netinet/tcp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/check.h"
#include "tests/live/cases.h"
#include "tests/live/files.h"
#include "tests/live/harness.h"
#include "tests/live/netns.h"
#include "tests/live/traffic.h"

namespace kubepulse::live {

namespace {

const Counts kOneOut = {{"out", 1}, {"handshakes", 1}, {"lifetimes", 1}};

Counts plus(Counts counts, const Counts& more) {
  for (const auto& [key, count] : more)
    counts[key] += count;
  return counts;
}

void send_descriptor(const Fd& channel, int descriptor) {
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  ck_assert(sendmsg(channel.get(), &message, 0) == 1);
}

int receive_descriptor(const Fd& channel) {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  int descriptor = -1;
  if (recvmsg(channel.get(), &message, 0) == 1 && CMSG_FIRSTHDR(&message) != nullptr)
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
  return descriptor;
}

START_TEST(closed_by_child) {
  Cgroup server = make_unit("by-child-server"), client = make_unit("by-child-client");
  Cgroup closer = make_unit("by-child-closer");
  Connection open = make_connection(client, server);
  int inherited = open.client.get();
  Child child = Child::in(closer, [inherited] {
    sleep_ms(50);
    return close(inherited);
  });
  open.client.reset();  // not the last one
  ck_assert(receive_rest(open.server) == 0);
  open.server.reset();
  child.finish();
  expect_tcp(shared_daemon(), client.owner, kOneOut);
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}});
  expect_tcp(shared_daemon(), closer.owner, {});
}
END_TEST

START_TEST(closed_by_receiver_of_descriptor) {
  Cgroup server = make_unit("by-rights-server"), client = make_unit("by-rights-client");
  Cgroup closer = make_unit("by-rights-closer");
  int ends[2];
  ck_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  Fd here(ends[0]), there(ends[1]);
  Child child = Child::in(closer, [&there] {
    Fd received(receive_descriptor(there));
    if (!received) return 1;
    send_bytes(received, 4);
    return 0;
  });
  Connection open = make_connection(client, server);
  send_descriptor(here, open.client.get());
  open.client.reset();
  ck_assert(receive_rest(open.server) == 4);
  open.server.reset();
  child.finish();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 4}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"received", 4}});
  expect_tcp(shared_daemon(), closer.owner, {});
}
END_TEST

// The process is killed, and the kernel closes.
START_TEST(killed) {
  Cgroup server = make_unit("killed-server"), client = make_unit("killed-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Child child = Child::in(client, [&] {
    Fd socket = connect_to(local_address(listener));
    send_bytes(socket, 9);
    sleep_ms(30000);
    return 0;
  });
  Fd accepted = accept_from(listener);
  receive_bytes(accepted, 9);
  child.kill_hard();
  ck_assert(child.wait() == 128 + SIGKILL);
  ck_assert(receive_rest(accepted) == 0);
  accepted.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 9}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"received", 9}});
}
END_TEST

START_TEST(half_closed) {
  Cgroup server = make_unit("half-server"), client = make_unit("half-client");
  Connection open = make_connection(client, server);
  send_bytes(open.client, 10);
  ck_assert(shutdown(open.client.get(), SHUT_WR) == 0);
  ck_assert(receive_rest(open.server) == 10);
  // Still open on both sides.
  const Words open_bytes = {"sent", "received"};
  expect_tcp(shared_daemon(), client.owner, {{"out", 1}, {"active_out", 1}, {"handshakes", 1}},
             open_bytes);
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"active_in", 1}}, open_bytes);
  send_bytes(open.server, 20);
  open.server.reset();
  ck_assert(receive_rest(open.client) == 20);
  open.client.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 10}, {"received", 20}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"sent", 20}, {"received", 10}});
}
END_TEST

START_TEST(both_close_at_once) {
  Cgroup server = make_unit("at-once-server"), client = make_unit("at-once-client");
  constexpr uint64_t kRounds = 50;
  for (uint64_t round = 0; round < kRounds; round++) {
    Connection open = make_connection(client, server);
    int inherited = open.server.get();
    Child child = Child::in(server, [inherited] { return close(inherited); });
    open.server.reset();
    open.client.reset();
    child.finish();
  }
  expect_tcp(shared_daemon(), client.owner,
             {{"out", kRounds}, {"handshakes", kRounds}, {"lifetimes", kRounds}});
  expect_tcp(shared_daemon(), server.owner, {{"in", kRounds}});
}
END_TEST

START_TEST(closed_by_reset) {
  Cgroup server = make_unit("by-reset-server"), client = make_unit("by-reset-client");
  Connection open = make_connection(client, server);
  close_by_reset(open.client);
  char byte;
  ck_assert(recv(open.server.get(), &byte, 1, 0) == -1 && errno == ECONNRESET);
  open.server.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"reset_sent", 1}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"reset_received", 1}});
}
END_TEST

// What the application has not read when it closes makes a RST, and has been received all the same.
START_TEST(closed_unread) {
  Cgroup server = make_unit("unread-server"), client = make_unit("unread-client");
  Connection open = make_connection(client, server);
  send_bytes(open.client, 6);
  await_acknowledged(open.client);
  enter(server);  // on cgroup v1 who closes is taken for the owner of the RST
  open.server.reset();
  char byte;
  ck_assert(recv(open.client.get(), &byte, 1, 0) == -1 && errno == ECONNRESET);
  open.client.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 6}, {"reset_received", 1}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"received", 6}, {"reset_sent", 1}});
}
END_TEST

// Established by the kernel, never accepted, reset when the listener goes.
START_TEST(never_accepted) {
  Cgroup server = make_unit("unaccepted-server"), client = make_unit("unaccepted-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  enter(client);
  Fd socket = connect_to(local_address(listener));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"active_in", 1}});
  enter(server);
  listener.reset();
  char byte;
  ck_assert(recv(socket.get(), &byte, 1, 0) == -1 && errno == ECONNRESET);
  socket.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"reset_received", 1}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"reset_sent", 1}});
}
END_TEST

// One socket: refused, connected, dissolved with AF_UNSPEC, connected again.
START_TEST(same_socket_again) {
  Cgroup server = make_unit("reused-server"), client = make_unit("reused-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  enter(client);
  Fd socket = make_socket(AF_INET, SOCK_STREAM);
  uint16_t closed_port;
  {
    Fd unused = listen_at("127.0.0.1");
    closed_port = local_address(unused).port();
  }
  Address nobody = Address::of("127.0.0.1", closed_port);
  ck_assert(connect(socket.get(), nobody.raw(), nobody.size) == -1 && errno == ECONNREFUSED);
  ck_assert(connect(socket.get(), to.raw(), to.size) == 0);
  Fd first = accept_from(listener);
  send_bytes(socket, 100);
  receive_bytes(first, 100);
  await_acknowledged(socket);
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  ck_assert(connect(socket.get(), &none, sizeof none) == 0);
  ck_assert(connect(socket.get(), to.raw(), to.size) == 0);
  Fd second = accept_from(listener);
  send_bytes(socket, 30);
  socket.reset();
  ck_assert(receive_rest(second) == 30);
  second.reset();
  first.reset();
  expect_tcp(shared_daemon(), client.owner,
             {{"refused", 1},
              {"out", 2},
              {"handshakes", 2},
              {"lifetimes", 2},
              {"sent", 130},
              {"reset_sent", 1},
              {"reset_received", 1}});
  expect_tcp(shared_daemon(), server.owner, {{"in", 2}, {"received", 130}, {"reset_received", 1}});
}
END_TEST

// A socket that connects to itself is one side, and it was the one to connect.
START_TEST(connected_to_itself) {
  Cgroup client = make_unit("itself");
  enter(client);
  Fd socket = make_socket(AF_INET, SOCK_STREAM);
  Address any = Address::of("127.0.0.1", 0);
  ck_assert(bind(socket.get(), any.raw(), any.size) == 0);
  Address itself = local_address(socket);
  ck_assert(connect(socket.get(), itself.raw(), itself.size) == 0);
  send_bytes(socket, 8);
  receive_bytes(socket, 8);
  socket.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 8}, {"received", 8}}));
}
END_TEST

// Data in the SYN: neither side asks for a cookie (Documentation/networking/ip-sysctl.rst).
START_TEST(fast_open) {
  Status status = enter_new_netns();
  if (!status.ok()) SKIP_TEST("fast_open", status.message());
  if (!write_file("/proc/sys/net/ipv4/tcp_fastopen", "1543"))
    SKIP_TEST("fast_open", "no /proc/sys/net/ipv4/tcp_fastopen");
  Cgroup server = make_unit("fast-server"), client = make_unit("fast-client");
  enter(server);
  Fd listener = listen_at("127.0.0.1");
  Address to = local_address(listener);
  enter(client);
  Fd socket = make_socket(AF_INET, SOCK_STREAM);
  char bytes[50] = {};
  ssize_t sent = sendto(socket.get(), bytes, sizeof bytes, MSG_FASTOPEN, to.raw(), to.size);
  ck_assert_msg(sent == sizeof bytes, "MSG_FASTOPEN: %s", strerror(errno));
  Fd accepted = accept_from(listener);
  receive_bytes(accepted, 50);
  send_bytes(accepted, 60);
  receive_bytes(socket, 60);
  socket.reset();
  ck_assert(receive_rest(accepted) == 0);
  accepted.reset();
  expect_tcp(shared_daemon(), client.owner, plus(kOneOut, {{"sent", 50}, {"received", 60}}));
  expect_tcp(shared_daemon(), server.owner, {{"in", 1}, {"sent", 60}, {"received", 50}});
}
END_TEST

}  // namespace

Case tcp_close_case() {
  return {"tcp-close",
          true,
          {closed_by_child, closed_by_receiver_of_descriptor, killed, half_closed,
           both_close_at_once, closed_by_reset, closed_unread, never_accepted, same_socket_again,
           connected_to_itself, fast_open}};
}

}  // namespace kubepulse::live
