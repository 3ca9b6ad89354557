// Makes the traffic that the benchmarks measure, at a steady rate, on loopback only.
//   load tcp RATE SECONDS        connections a second, both ends here, each closed by the client
//   load dns RATE SECONDS        queries a second, each answered
//   load spread FOLDER COUNT     one connection from each of COUNT new cgroups below FOLDER
//   load datagrams COUNT BYTES   UDP, each taken before the next is sent
//   load stream SECONDS BYTES    one TCP connection, BYTES a write, as fast as it goes
// Prints what was really made, of a stream its bytes: "made N in S s".
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "base/clock.h"

using namespace kubepulse;  // NOLINT

namespace {

[[noreturn]] void fail(const char* what) {
  perror(what);
  exit(1);
}

sockaddr_in address(uint32_t host, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(host);
  out.sin_port = htons(port);
  return out;
}

// 127.1.0.x: so many destinations that their closed connections do not use up the local ports.
uint32_t destination(uint64_t i) {
  return 0x7F010001 + static_cast<uint32_t>(i % 250);
}

void keep_pace(uint64_t begun_ns, uint64_t done, uint64_t rate) {
  uint64_t due_ns = begun_ns + done * kNsPerSecond / rate;
  uint64_t now_ns = monotonic_ns();
  // Sleeping for less than a timer's slack would only burn the CPU that is measured.
  if (due_ns > now_ns + kNsPerMs) usleep(static_cast<useconds_t>((due_ns - now_ns) / 1000));
}

int listen_any(uint16_t* port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any = address(INADDR_ANY, 0);
  socklen_t size = sizeof any;
  if (bind(listener, reinterpret_cast<sockaddr*>(&any), size) != 0 || listen(listener, 4096) != 0)
    fail("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&any), &size);
  *port = ntohs(any.sin_port);
  return listener;
}

std::atomic<uint64_t> g_accepted;

// Far below the backlog: a full accept queue would lose connections of the load itself.
constexpr uint64_t kOutstandingMax = 500;

void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    g_accepted++;
    char byte;
    while (read(fd, &byte, 1) > 0)
      continue;
    close(fd);
  }
}

uint64_t load_tcp(uint64_t rate, uint64_t seconds) {
  uint16_t port = 0;
  int listener = listen_any(&port);
  std::thread server(accept_all, listener);
  uint64_t begun_ns = monotonic_ns(), made = 0;
  for (; made < rate * seconds; made++) {
    keep_pace(begun_ns, made, rate);
    while (made - g_accepted > kOutstandingMax)
      usleep(100);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to = address(destination(made), port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
    close(fd);
  }
  while (g_accepted < made)
    usleep(1000);
  usleep(200 * 1000);  // the last FINs
  shutdown(listener, SHUT_RDWR);
  server.join();
  return made;
}

void answer_all(int fd) {
  uint8_t message[512];
  sockaddr_in from{};
  for (;;) {
    socklen_t size = sizeof from;
    ssize_t length =
        recvfrom(fd, message, sizeof message, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 12) return;
    message[2] |= 0x80;
    sendto(fd, message, static_cast<size_t>(length), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

uint64_t load_dns(uint64_t rate, uint64_t seconds) {
  sockaddr_in server_address = address(0x7F010035, 53);
  int server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(server_fd, reinterpret_cast<sockaddr*>(&server_address), sizeof server_address) != 0)
    fail("bind to 127.1.0.53:53");
  std::thread server(answer_all, server_fd);
  int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  timeval patience{1, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(client, reinterpret_cast<sockaddr*>(&server_address), sizeof server_address) != 0)
    fail("connect");
  uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";
  uint8_t reply[512];
  uint64_t begun_ns = monotonic_ns(), made = 0;
  for (; made < rate * seconds; made++) {
    keep_pace(begun_ns, made, rate);
    query[0] = static_cast<uint8_t>(made >> 8);
    query[1] = static_cast<uint8_t>(made);
    if (send(client, query, sizeof query - 1, 0) < 0) fail("send");
    if (recv(client, reply, sizeof reply, 0) < 12) fail("recv");
  }
  // A datagram too short to answer ends the server.
  if (send(client, query, 1, 0) < 0) fail("send");
  server.join();
  return made;
}

uint64_t load_datagrams(uint64_t count, uint64_t bytes) {
  int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = address(INADDR_LOOPBACK, 0);
  socklen_t size = sizeof to;
  if (bind(server, reinterpret_cast<sockaddr*>(&to), size) != 0) fail("bind");
  getsockname(server, reinterpret_cast<sockaddr*>(&to), &size);
  int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (connect(client, reinterpret_cast<sockaddr*>(&to), size) != 0) fail("connect");
  std::string message(bytes, 'x');
  for (uint64_t made = 0; made < count; made++) {
    if (send(client, message.data(), bytes, 0) < 0) fail("send");
    if (recv(server, message.data(), bytes, 0) < 0) fail("recv");
  }
  return count;
}

// What the reader had, so that nothing counts that is still on the way.
uint64_t load_stream(uint64_t seconds, uint64_t bytes) {
  uint16_t port = 0;
  int listener = listen_any(&port);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = address(INADDR_LOOPBACK, port);
  if (connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
  int server = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  uint64_t received = 0;
  std::thread reader([&] {
    std::string buffer(256 << 10, 0);
    for (ssize_t got; (got = read(server, buffer.data(), buffer.size())) > 0;)
      received += static_cast<uint64_t>(got);
  });
  std::string message(bytes, 'x');
  for (uint64_t end_ns = monotonic_ns() + seconds * kNsPerSecond; monotonic_ns() < end_ns;)
    if (write(client, message.data(), bytes) < 0) fail("write");
  close(client);
  reader.join();
  return received;
}

void join_cgroup(const std::string& folder) {
  FILE* file = fopen((folder + "/cgroup.procs").c_str(), "we");
  if (file == nullptr || fprintf(file, "%d\n", getpid()) < 0 || fclose(file) != 0)
    fail(folder.c_str());
}

uint64_t load_spread(const char* folder, uint64_t count) {
  uint16_t port = 0;
  int listener = listen_any(&port);
  std::thread server(accept_all, listener);
  for (uint64_t i = 0; i < count; i++) {
    std::string cgroup = std::string(folder) + "/bench-" + std::to_string(i) + ".service";
    if (mkdir(cgroup.c_str(), 0755) != 0) fail(cgroup.c_str());
    pid_t child = fork();
    if (child == 0) {
      join_cgroup(cgroup);
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in to = address(destination(i), port);
      _exit(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? 0 : 1);
    }
    int status = 0;
    if (waitpid(child, &status, 0) < 0 || status != 0) fail("a child could not connect");
  }
  shutdown(listener, SHUT_RDWR);
  server.join();
  return count;
}

// Datagrams to a port that nobody listens on, one after the other.
uint64_t load_drops(uint64_t count) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to = address(INADDR_LOOPBACK, 9);
  for (uint64_t i = 0; i < count; i++)
    if (sendto(fd, "drop", 4, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) != 4) fail("sendto");
  close(fd);
  return count;
}

// A network namespace of its own: its closed connections do not meet those of an earlier run, and
// the host's ports and time-wait table stay as they are.
void enter_netns() {
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail("lo up");
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  enter_netns();
  std::string mode = argc == 4 ? argv[1] : "";
  uint64_t begun_ns = monotonic_ns(), made = 0;
  if (mode == "tcp")
    made = load_tcp(strtoull(argv[2], nullptr, 10), strtoull(argv[3], nullptr, 10));
  else if (mode == "dns")
    made = load_dns(strtoull(argv[2], nullptr, 10), strtoull(argv[3], nullptr, 10));
  else if (mode == "spread")
    made = load_spread(argv[2], strtoull(argv[3], nullptr, 10));
  else if (mode == "drops")
    made = load_drops(strtoull(argv[2], nullptr, 10) * strtoull(argv[3], nullptr, 10));
  else if (mode == "datagrams")
    made = load_datagrams(strtoull(argv[2], nullptr, 10), strtoull(argv[3], nullptr, 10));
  else if (mode == "stream")
    made = load_stream(strtoull(argv[2], nullptr, 10), strtoull(argv[3], nullptr, 10));
  else
    return fprintf(stderr,
                   "usage: load tcp|dns|drops RATE SECONDS, load spread FOLDER COUNT, "
                   "load datagrams COUNT BYTES, load stream SECONDS BYTES\n"),
           2;
  printf("made %lu in %.3f s\n", static_cast<unsigned long>(made),
         static_cast<double>(monotonic_ns() - begun_ns) / 1e9);
  return 0;
}
